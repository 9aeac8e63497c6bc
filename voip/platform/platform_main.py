"""The supervisor's process: servers, preparation, daemons, first call, and then waiting for the end."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time

from voip.platform import environment, lock, places, ports
from voip.platform.console import StepFailed, coloured, say, step
from voip.platform.environment import Installation
from voip.platform.prepare import Preparation, print_summary
from voip.platform.services import daemons, servers
from voip.platform.supervisor import Supervisor


def main() -> int:
    """Run the platform until told to stop; the result is the exit status."""
    places.run_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        lock.take(places.lock_file())
        installation = environment.load()
        _check_ports(installation.settings)
        _make_cluster(installation)
        asyncio.run(_run(installation))
    except asyncio.CancelledError:
        return 0
    except (StepFailed, lock.AlreadyRunning, OSError, RuntimeError) as error:
        say(coloured(str(error), "red"))
        return 1
    return 0


async def _run(installation: Installation) -> None:
    began = time.monotonic()
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    if task:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, task.cancel)
    supervisor = Supervisor(places.state_file(), places.log_folder())
    try:
        await _start(installation, supervisor)
        say(coloured(f"  started in {time.monotonic() - began:.1f} s", "grey"))
        await asyncio.Event().wait()
    finally:
        say("stopping")
        await supervisor.close()
        say("stopped")


async def _start(installation: Installation, supervisor: Supervisor) -> None:
    preparation = Preparation(installation, supervisor)
    needed = servers(installation)
    if needed:
        with step(" and ".join(service.name for service in needed)):
            supervisor.start(needed)
            await supervisor.wait_ready([service.name for service in needed])
    static_files = asyncio.create_task(preparation.static_files())
    try:
        await preparation.database()
        await static_files
    finally:
        static_files.cancel()
        await asyncio.gather(static_files, return_exceptions=True)
    ours = daemons(installation)
    with step(", ".join(service.name for service in ours)):
        supervisor.start(ours)
        await supervisor.wait_ready([service.name for service in ours])
    await preparation.first_call()
    print_summary(installation.settings)


def _make_cluster(installation: Installation) -> None:
    """Before there is a supervisor, which would take initdb for an orphan."""
    cluster = installation.cluster
    if cluster:
        if not cluster.is_made:
            with step("database cluster"):
                cluster.create()
        cluster.configure()


def _check_ports(settings: dict[str, str]) -> None:
    wanted = (("WEB_PORT", socket.SOCK_STREAM), ("SIP_PORT", socket.SOCK_STREAM), ("SIP_PORT", socket.SOCK_DGRAM))
    for name, kind in wanted:
        port = int(settings[name])
        if not ports.is_free(settings["LISTEN_HOST"], port, kind):
            who = ports.holder(port, kind)
            raise StepFailed(f"port {port} is taken by {who}; take another:\n  {name}={port + 1} make run")


if __name__ == "__main__":
    sys.exit(main())
