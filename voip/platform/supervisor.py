"""Starts services when those they need are ready, keeps them alive, stops them in reverse, leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import Sequence, Set
from pathlib import Path

from voip.platform import limits
from voip.platform.deathwatch import adopt_orphans, children_of, is_running
from voip.platform.logs import ProcessLog
from voip.platform.runner import Runner
from voip.platform.service import Service

_SWEEP_S = 1.0


class Supervisor:
    """Runs services until it is closed."""

    def __init__(self, state_file: Path, log_folder: Path) -> None:
        self._state_file = state_file
        self._log_folder = log_folder
        self._runners: dict[str, Runner] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._began = time.time()
        self._sweeper = asyncio.create_task(self._sweep_orphans())
        self.spared = set(children_of(os.getpid()))
        """Children that are no services: those that were here before, and the commands of the set-up."""
        adopt_orphans()

    def start(self, services: Sequence[Service]) -> None:
        """Start services; one whose ``after`` is not ready yet waits for it."""
        for service in services:
            log = ProcessLog(self._log_folder, service.name, len(self._runners), service.not_told)
            self._runners[service.name] = Runner(service, log, self._write_state)
        for service in services:
            self._tasks[service.name] = asyncio.create_task(self._run(service))
        self._write_state()

    async def wait_ready(self, names: Sequence[str]) -> None:
        """Return when each of these has been ready once."""
        await asyncio.gather(*(self._runners[name].was_ready.wait() for name in names))

    async def close(self) -> None:
        """Stop all services, the one started last first."""
        for name in reversed(list(self._tasks)):
            self._tasks[name].cancel()
            await asyncio.gather(self._tasks[name], return_exceptions=True)
        self._sweeper.cancel()
        await asyncio.gather(self._sweeper, return_exceptions=True)
        end_children(limits.STOP_S_MAX, self.spared)
        self._state_file.unlink(missing_ok=True)

    async def _run(self, service: Service) -> None:
        await self.wait_ready(service.after)
        await self._runners[service.name].run()

    def _write_state(self) -> None:
        state = {
            "supervisor": {"pid": os.getpid(), "since": self._began},
            "processes": {name: runner.describe() for name, runner in self._runners.items()},
        }
        unfinished = self._state_file.with_suffix(".new")
        unfinished.write_text(json.dumps(state))
        unfinished.replace(self._state_file)

    async def _sweep_orphans(self) -> None:
        """End processes whose parent, one of the services, has died: they were handed to us.

        One that is seen for the first time is left alone for a round: it may be a service being started.
        """
        seen: dict[int, float] = {}
        while True:
            await asyncio.sleep(_SWEEP_S)
            known = {runner.pid for runner in self._runners.values()} | self.spared
            orphans = [pid for pid in children_of(os.getpid()) if pid not in known]
            now = time.monotonic()
            seen = {pid: seen.get(pid, now) for pid in orphans}
            for pid, first_seen in seen.items():
                if first_seen < now:
                    _end(pid, is_late=now - first_seen > limits.STOP_S_MAX)


def end_children(grace_s: float, spared: Set[int] = frozenset()) -> None:
    """End every process below the calling one but some: politely, then by force. Returns when none is left."""
    deadline = time.monotonic() + grace_s
    told: set[int] = set()
    while pids := [pid for pid in children_of(os.getpid()) if pid not in spared]:
        is_late = time.monotonic() > deadline
        for pid in pids:
            if is_late or pid not in told:
                _end(pid, is_late)
                told.add(pid)
            _collect(pid)
        time.sleep(0.05)


def _end(pid: int, is_late: bool) -> None:
    if is_running(pid):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL if is_late else signal.SIGTERM)
    else:
        _collect(pid)


def _collect(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
