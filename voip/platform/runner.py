"""Keeps one process alive: start, ask, start again with back-off, stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable

from voip.platform import limits
from voip.platform.deathwatch import before_exec
from voip.platform.logs import ProcessLog
from voip.platform.service import Service, State


class Runner:
    """The life of one service under the supervisor."""

    def __init__(self, service: Service, log: ProcessLog, changed: Callable[[], None]) -> None:
        self.service = service
        self.log = log
        self.state = State.WAITING
        self.since = time.time()
        self.restarts = 0
        self.pid = 0
        self.was_ready = asyncio.Event()
        self._changed = changed
        self._process: asyncio.subprocess.Process | None = None
        self._pump_task: asyncio.Task[None] | None = None
        self._is_announced = asyncio.Event()
        """The process wrote its ``ready_line``."""

    def describe(self) -> dict[str, object]:
        """Return what /healthz shows."""
        return {"state": self.state.value, "pid": self.pid, "since": self.since, "restarts": self.restarts}

    async def run(self) -> None:
        """Keep the process alive until cancelled; cancelling stops it."""
        pause_s = limits.RESTART_S_MIN
        try:
            while True:
                began = time.monotonic()
                status = await self._live_once()
                if time.monotonic() - began > limits.STEADY_S:
                    pause_s = limits.RESTART_S_MIN
                self._enter(State.BACKING_OFF, pid=0)
                self.log.tell(f"ended with {status}; again in {pause_s:g} s. Its last words: {self.log.last_line}")
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, limits.RESTART_S_MAX)
                self.restarts += 1
        finally:
            await self._stop()
            self._enter(State.STOPPED, pid=0)
            self.log.close()

    async def _live_once(self) -> int | None:
        """Start the process, watch it, and return its exit status once it has ended."""
        self._enter(State.STARTING)
        self._is_announced.clear()
        try:
            process = self._process = await self._start()
        except OSError as error:
            self.log.write(f"ERROR: {error}")
            return None
        self.pid = process.pid
        self._changed()
        self._pump_task = asyncio.create_task(self._pump(process))
        watch = asyncio.create_task(self._watch())
        try:
            await process.wait()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        await self._clear_up()
        return process.returncode

    async def _start(self) -> asyncio.subprocess.Process:
        service = self.service
        return await asyncio.create_subprocess_exec(
            *service.command,
            cwd=service.folder,
            env=dict(service.environment) or None,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=before_exec(service.stop_signal),
            **(service.account.popen() if service.account else {}),
        )

    async def _pump(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stdout
        while stream and (data := await stream.read(65536)):
            for line in self.log.feed(data):
                if self.service.ready_line and self.service.ready_line in line:
                    self._is_announced.set()

    async def _watch(self) -> None:
        """Ask until it is ready, then go on asking; a process that stays silent for too long is killed."""
        if not await self._within(self.service.start_s_max, self._become_ready()):
            self.log.tell(f"not ready after {self.service.start_s_max:g} s; killed")
            self._signal(signal.SIGKILL)
            return
        self._enter(State.READY)
        self.was_ready.set()
        silent_since = 0.0
        missed = 0
        while True:
            await asyncio.sleep(limits.PROBE_S)
            if await self._answers():
                missed, silent_since = 0, 0.0
                if self.state is State.UNRESPONSIVE:
                    self._enter(State.READY)
                continue
            missed += 1
            silent_since = silent_since or time.monotonic()
            if missed == limits.PROBES_MISSED_MAX:
                self._enter(State.UNRESPONSIVE)
                self.log.tell("does not answer")
            if time.monotonic() - silent_since > limits.UNRESPONSIVE_S_MAX:
                self.log.tell("did not answer for too long; killed")
                self._signal(signal.SIGKILL)
                return

    async def _become_ready(self) -> bool:
        if self.service.ready_line:
            await self._is_announced.wait()
            return True
        while not await self._answers():  # noqa: ASYNC110 - another process has no event to wait for
            await asyncio.sleep(0.05)
        return True

    async def _answers(self) -> bool:
        probe = self.service.probe
        return probe is None or await self._within(limits.PROBE_ANSWER_S_MAX, probe())

    async def _within(self, timeout_s: float, question: Awaitable[bool]) -> bool:
        try:
            async with asyncio.timeout(timeout_s):
                return await question
        except TimeoutError:
            return False

    async def _stop(self) -> None:
        process = self._process
        if process is None:
            return
        self._signal(self.service.stop_signal)
        # Not asyncio.timeout: before Python 3.11.4 it does nothing in a task that is being cancelled, as this one.
        ended = asyncio.ensure_future(process.wait())
        done, _ = await asyncio.wait([ended], timeout=self.service.stop_s_max)
        if not done:
            self.log.tell(f"did not stop within {self.service.stop_s_max:g} s; killed")
            self._signal(signal.SIGKILL)
            await ended
        await self._clear_up()

    async def _clear_up(self) -> None:
        """After the process ended: kill what it left behind of its own, and read its last words."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)  # The group has the number of its first process.
        self._process = None
        if self._pump_task:
            await asyncio.wait([self._pump_task], timeout=1)  # An orphan may hold the pipe open.
            self._pump_task.cancel()

    def _signal(self, number: signal.Signals) -> None:
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _enter(self, state: State, pid: int | None = None) -> None:
        if pid is not None:
            self.pid = pid
        self.state = state
        self.since = time.time()
        self._changed()
