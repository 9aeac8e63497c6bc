"""Run by test_guard.py as the supervisor's process: real PostgreSQL beside a process with a child of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tests.platform.dummies import PARENT, make_supervisor, python
from voip.platform.account import server_account
from voip.platform.postgres import Cluster, find_binaries
from voip.platform.services import postgres_service


def main(folder: Path) -> None:
    account = server_account()
    home = folder / "pg"
    cluster = Cluster(home, home / "run", find_binaries(account), account, is_durable=False)
    cluster.create()
    cluster.configure()
    asyncio.run(_run(folder, cluster))


async def _run(folder: Path, cluster: Cluster) -> None:
    supervisor = make_supervisor(folder)
    supervisor.start([postgres_service(cluster), python("pool", PARENT, ready_line="child")])
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    await supervisor.wait_ready(["postgres", "pool"])
    (folder / "ready").touch()
    await end.wait()
    await supervisor.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
