"""The processes of one node: how many, under which names, and what of a larger crew of before is left."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sip.cdr.spool import recover
from sip.io.crew import Membership
from sip.io.listeners import ZoneConfig
from sip.stack.limits import WORKERS_MAX
from voip.platform.deathwatch import die_with_parent


@dataclass(frozen=True, slots=True)
class Place:
    """Which process of a node this is."""

    name: str
    """Of its spool, its holds and its records; the first worker has the node's own."""
    zones: tuple[ZoneConfig, ...]
    member: Membership | None = None
    """``None`` where the node is one process."""
    retired: tuple[str, ...] = ()
    """Names of former workers without calls, whose forgotten holds this one gives back."""

    @property
    def share(self) -> tuple[int, int]:
        """Which worker this is, and of how many."""
        return (0, 1) if self.member is None else (self.member.worker, self.member.workers)


def worker_name(node: str, worker: int) -> str:
    """Return the name of a node's worker."""
    return f"{node}-w{worker}" if worker else node


def former_workers(spool: Path, node: str) -> list[int]:
    """Return the numbers of all workers this node ever had a spool for, but the first's."""
    pattern = re.compile(re.escape(node) + r"-w([1-9][0-9]?)")
    found = [pattern.fullmatch(path.name) for path in spool.iterdir()] if spool.is_dir() else []
    return sorted(int(match[1]) for match in found if match is not None and int(match[1]) < WORKERS_MAX)


def crew_size(spool: Path, node: str, wanted: int) -> int:
    """Return how many workers to start: those wanted, and as many more as a call is left that one of them had.

    Raises:
        ValueError: more are wanted than there may be.
    """
    if not 1 <= wanted <= WORKERS_MAX:
        raise ValueError(f"SIP_WORKERS must be from 1 to {WORKERS_MAX}, not {wanted}")
    with_calls = [
        worker
        for worker in former_workers(spool, node)
        if worker >= wanted and recover(spool / worker_name(node, worker))
    ]
    return max([wanted, *[worker + 1 for worker in with_calls]])


def place_of(spool: Path, node: str, zones: tuple[ZoneConfig, ...], count: int, member: Membership | None) -> Place:
    """Return the place of a worker, or of the only process."""
    worker = member.worker if member is not None else 0
    former = [number for number in former_workers(spool, node) if number >= count] if worker == 0 else []
    return Place(worker_name(node, worker), zones, member, tuple([worker_name(node, number) for number in former]))


def dying_with(parent: int) -> Callable[[], None]:
    """Return what a worker does first: ask to be killed with its parent, whose successor needs its place and journal.

    Nothing is lost by it: the journal has what counts, as after any kill.
    """

    def ask() -> None:
        die_with_parent(signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return ask
