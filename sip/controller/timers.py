"""Deadlines of the switch: a heap of callbacks on the caller's clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Final

_COMPACT_AT: Final = 256
"""Cancelled entries kept before the heap is rebuilt: most call timers are cancelled long before they are due."""


class Timer:
    """One deadline; ``cancel`` may be called at any time, also twice."""

    __slots__ = ("_queue", "at", "callback", "owner")

    def __init__(self, at: float, callback: Callable[[], None], queue: TimerQueue, owner: object) -> None:
        self.at = at
        self.callback: Callable[[], None] | None = callback
        self.owner = owner
        """Whose work made the deadline, and what ends should it meet a bug."""
        self._queue = queue

    def cancel(self) -> None:
        """Forget the deadline."""
        if self.callback is not None:
            self.callback = self.owner = None
            self._queue.note_cancelled()


class TimerQueue:
    """Timers in order of their deadline (monotonic seconds)."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._sequence = 0
        self._cancelled = 0
        self.owner: object = None
        """Whose work is being done now: the call, ``None`` when it is nobody's or not known yet."""

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, at: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once, from ``run``, when the clock has reached ``at``."""
        timer = Timer(at, callback, self, self.owner)
        self._sequence += 1
        heapq.heappush(self._heap, (at, self._sequence, timer))
        return timer

    def next_at(self) -> float | None:
        """Return the earliest deadline, or ``None``."""
        heap = self._heap
        while heap and heap[0][2].callback is None:
            heapq.heappop(heap)
            self._cancelled -= 1
        return heap[0][0] if heap else None

    def run(self, now: float, on_bug: Callable[[Exception, object], None] | None = None) -> None:
        """Call everything that is due, in order; what those calls add and is due too is called as well.

        ``on_bug`` takes what a callback raises, and the owner of the work; without it, it is raised here.
        """
        while True:
            at = self.next_at()
            if at is None or at > now:
                self.owner = None
                return
            timer = heapq.heappop(self._heap)[2]
            callback, self.owner = timer.callback, timer.owner
            timer.callback = timer.owner = None
            if callback is not None:
                self._call(callback, on_bug)

    def _call(self, callback: Callable[[], None], on_bug: Callable[[Exception, object], None] | None) -> None:
        try:
            callback()
        except Exception as error:  # A bug at one deadline must not stop those of all other calls.
            if on_bug is None:
                raise
            on_bug(error, self.owner)

    def note_cancelled(self) -> None:
        """Count one more dead entry, and rebuild the heap when they are the greater part."""
        self._cancelled += 1
        if self._cancelled > _COMPACT_AT and self._cancelled > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
