"""Small processes that behave well or badly, and a supervisor of them that can be killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from voip.platform.deathwatch import is_running
from voip.platform.probes import Probe
from voip.platform.service import Service
from voip.platform.supervisor import Supervisor

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
# Like a pool: a child in a session of its own, which no signal to the group reaches.
PARENT = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], start_new_session=True);"
    "print('child', child.pid, flush=True); time.sleep(600)"
)


def python(name: str, code: str, **options: Any) -> Service:
    return Service(name, [sys.executable, "-c", code], **options)


def always() -> Probe:
    async def probe() -> bool:
        return True

    return probe


def make_supervisor(folder: Path) -> Supervisor:
    return Supervisor(folder / "state.json", folder)


async def wait_until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    """Return when ``condition()`` holds.

    Raises:
        TimeoutError: it never did.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.02)


def wait_gone(pids: list[int], timeout_s: float = 15.0) -> list[int]:
    """Wait for processes to end and return those that did not."""

    async def wait() -> None:
        await wait_until(lambda: not any(map(is_running, pids)), timeout_s)

    try:
        asyncio.run(wait())
    except TimeoutError:
        return [pid for pid in pids if is_running(pid)]
    return []
