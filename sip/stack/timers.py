"""Many timers of few different delays: a queue per delay, so that setting one costs the same at any load."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sip.stack.transaction.base import Transaction
    from sip.stack.transaction.machine import Input


class Timer:
    """One instant at which a transaction gets an input, unless it was stopped."""

    __slots__ = ("at", "input", "tx")

    def __init__(self, at: float, tx: Transaction, fires: Input) -> None:
        self.at = at
        self.tx: Transaction | None = tx
        """``None`` once stopped, so that a stopped timer keeps no transaction in memory."""
        self.input = fires


class TimerQueue:
    """All timers that run. ``now`` must not go back, else a timer fires late."""

    __slots__ = ("_queues",)

    def __init__(self) -> None:
        self._queues: dict[float, deque[Timer]] = {}

    def start(self, tx: Transaction, fires: Input, delay_s: float, now: float) -> Timer:
        """Let ``tx`` get ``fires`` after ``delay_s``."""
        timer = Timer(now + delay_s, tx, fires)
        queue = self._queues.get(delay_s)
        if queue is None:
            queue = self._queues[delay_s] = deque()
        queue.append(timer)
        return timer

    def next_at(self) -> float | None:
        """Return the earliest instant, ``None`` when no timer runs."""
        head = self._head()
        return None if head is None else head[0].at

    def pop_due(self, now: float) -> Timer | None:
        """Take out the earliest timer that is due by ``now``."""
        head = self._head()
        if head is None or head[0].at > now:
            return None
        return head.popleft()

    def _head(self) -> deque[Timer] | None:
        """Return the queue whose first timer is the earliest of all; stopped ones in front are dropped."""
        earliest: deque[Timer] | None = None
        for queue in self._queues.values():
            while queue and queue[0].tx is None:
                queue.popleft()
            if queue and (earliest is None or queue[0].at < earliest[0].at):
                earliest = queue
        return earliest
