"""The parent of a node's workers: binds, forks, starts again what dies, passes on signals. It sees no message.

It runs no event loop and no thread, so that forking is safe; a worker begins with all modules loaded, some milliseconds
after its predecessor died. Sockets and links stay open here: what the kernel puts into them meanwhile waits there, and
the hash by which it spreads senders does not change.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from socket import socket

from sip.io.binding import GivenSockets, OwnSockets, protocol_of
from sip.io.crew import Membership
from sip.io.errors import ListenError
from sip.io.limits import WORKER_RESTART_S_MAX, WORKER_RESTART_S_MIN, WORKER_STEADY_S, WORKER_STOP_S_MAX
from sip.io.links import make_links
from sip.io.listeners import ListenerConfig, ZoneConfig

log = logging.getLogger(__name__)

RunWorker = Callable[[Membership, tuple[ZoneConfig, ...]], None]
"""Runs a worker until SIGTERM; called in its own process, with the zones as they are bound."""

_WATCHED = frozenset({signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(slots=True)
class _Seat:
    """One worker's place."""

    pid: int = 0
    """0 while nobody runs."""
    began_at: float = 0.0
    due_at: float = 0.0
    pause_s: float = 0.0
    restarts: int = 0


@dataclass(slots=True)
class Roster:
    """Who runs and who is to be started when. ``now`` is in seconds on a monotonic clock."""

    workers: int
    seats: list[_Seat] = field(init=False)

    def __post_init__(self) -> None:
        self.seats = [_Seat() for _ in range(self.workers)]

    def due(self, now: float) -> list[int]:
        """Return the workers to be started now."""
        return [number for number, seat in enumerate(self.seats) if not seat.pid and seat.due_at <= now]

    def next_at(self) -> float | None:
        """Return when ``due`` is next to be asked, ``None`` while all run."""
        return min((seat.due_at for seat in self.seats if not seat.pid), default=None)

    def started(self, worker: int, pid: int, now: float) -> None:
        """Note that a worker runs."""
        self.seats[worker].pid, self.seats[worker].began_at = pid, now

    def ended(self, pid: int, now: float) -> int | None:
        """Note that a process is gone; returns the worker it was.

        One that ran for a while is started again at once, one that fails again and again ever later.
        """
        for number, seat in enumerate(self.seats):
            if seat.pid == pid:
                is_steady = now - seat.began_at >= WORKER_STEADY_S
                seat.pause_s = 0.0 if is_steady else _longer(seat.pause_s)
                seat.pid, seat.due_at = 0, now + seat.pause_s
                seat.restarts += 1
                return number
        return None

    def pids(self) -> list[int]:
        """Return the processes that run."""
        return [seat.pid for seat in self.seats if seat.pid]


def _longer(pause_s: float) -> float:
    return min(max(2 * pause_s, WORKER_RESTART_S_MIN), WORKER_RESTART_S_MAX)


def bind_zones(zones: Sequence[ZoneConfig], workers: int) -> tuple[tuple[ZoneConfig, ...], list[GivenSockets]]:
    """Bind every listener once for each worker; returns the zones with their real ports, and each worker's sockets.

    Raises:
        ListenError: an address is not ours or taken, or the kernel lacks the transport.
    """
    given = [GivenSockets({}) for _ in range(workers)]
    bound = []
    for zone in zones:
        taken: dict[str, int] = {}
        rows = []
        for config in zone.listeners:
            asked = replace(config, port=config.port or taken.get(config.host, 0))
            try:
                port = _bind(asked, given)
            except OSError as error:
                raise ListenError(f"zone {zone.name}, {asked}: {error.strerror or error}") from error
            taken[config.host] = port
            rows.append(replace(config, port=port))
        bound.append(replace(zone, listeners=tuple(rows)))
    return tuple(bound), given


def _bind(config: ListenerConfig, given: list[GivenSockets]) -> int:
    """Bind one listener for all; returns the port."""
    # Somebody else's sockets must not be joined by mistake: a bind that shares with nobody tells.
    probe = _socket(OwnSockets(), config)
    port = int(probe.getsockname()[1])
    probe.close()
    asked = replace(config, port=port)
    kind = {"UDP": "datagram", "SCTP": "sctp"}.get(config.transport, "stream")
    for one in given:
        one.sockets[kind, config.host, port] = _socket(OwnSockets(is_shared=True), asked)
    return port


def _socket(binder: OwnSockets, config: ListenerConfig) -> socket:
    if config.transport == "UDP":
        return binder.datagram(config.host, config.port)
    return binder.stream(config.host, config.port, protocol_of(config.transport))


class Parent:
    """Runs a node's workers until SIGTERM or SIGINT."""

    def __init__(
        self,
        zones: Sequence[ZoneConfig],
        workers: int,
        run_worker: RunWorker,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """``prepare`` runs first in each worker (to die with the parent, say).

        Raises:
            ListenError: an address is not ours or taken, or the kernel lacks the transport.
        """
        self._zones, self._given = bind_zones(zones, workers)
        self._links = make_links(workers)
        self._run_worker = run_worker
        self._prepare = prepare
        self._roster = Roster(workers)

    def run(self) -> None:
        """Start all, and start again what dies, until told to stop."""
        gc.collect()
        gc.freeze()
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        while True:
            now = time.monotonic()
            for worker in self._roster.due(now):
                self._start(worker)
            told = self._wait(self._roster.next_at())
            self._collect()
            if told == signal.SIGHUP:
                self._tell(signal.SIGHUP)
            if told in (signal.SIGTERM, signal.SIGINT):
                break
        self._stop()

    def _start(self, worker: int) -> None:
        pid = os.fork()
        if not pid:
            self._be(worker)
        self._roster.started(worker, pid, time.monotonic())

    def _be(self, worker: int) -> None:
        """Be a worker; never returns."""
        status = 1
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # Until the worker knows what it means.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _WATCHED)
            self._prepare()
            for other in range(self._roster.workers):
                if other != worker:
                    self._given[other].close()
                    for link in self._links[other].values():
                        link.close()
            member = Membership(worker, self._roster.workers, self._links[worker], self._given[worker])
            self._run_worker(member, self._zones)
            status = 0
        except BaseException:
            log.exception("worker %d failed", worker)
            raise
        finally:
            logging.shutdown()
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _wait(self, until: float | None) -> int:
        """Return the signal that came, 0 when it is time to start somebody."""
        if until is None:
            return signal.sigwaitinfo(_WATCHED).si_signo
        info = signal.sigtimedwait(_WATCHED, max(0.0, until - time.monotonic()))
        return info.si_signo if info is not None else 0

    def _collect(self) -> None:
        """Note who has ended: several may hide behind one signal."""
        while self._roster.pids():
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            worker = self._roster.ended(pid, time.monotonic())
            if worker is not None:
                seat = self._roster.seats[worker]
                code = os.waitstatus_to_exitcode(status)
                log.warning("worker %d ended with %d; again in %g s", worker, code, seat.pause_s)

    def _stop(self) -> None:
        """Tell all to stop, and kill who does not in time."""
        number = signal.SIGTERM
        deadline = time.monotonic() + WORKER_STOP_S_MAX
        self._tell(number)
        while self._roster.pids():
            if self._wait(deadline) == 0:
                log.warning("%d workers did not stop in time; killed", len(self._roster.pids()))
                self._tell(signal.SIGKILL)
                deadline = time.monotonic() + WORKER_STOP_S_MAX
            self._collect_stopped()

    def _collect_stopped(self) -> None:
        while self._roster.pids():
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._roster.ended(pid, time.monotonic())

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._roster.pids():
            os.kill(pid, number)
