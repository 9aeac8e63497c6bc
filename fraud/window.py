"""What was spent in the last sixty minutes, in memory that does not grow with the calls."""

from __future__ import annotations

BUCKET_S = 60
BUCKETS = 60
"""A minute is the grain: what was spent leaves the sum at most a minute late, never early."""


class HourWindow:
    """A sliding hour of spending: the cost of calls that ended in it, and the price of calls that are up, so far.

    Calls that are up are held as two sums, so that any number of them is looked at in one step.
    """

    __slots__ = ("_buckets", "_calls_up", "_price_started", "_price_up")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        """Nano-units by minute, oldest first."""
        self._calls_up = 0
        self._price_up = 0
        """Sum of the prices per minute of all calls that are up."""
        self._price_started = 0.0
        """Sum of price per minute times time of answer, over the same calls."""

    def add(self, amount_nanos: int, now: float) -> None:
        """Note what a call cost that ended just now."""
        self._drop_old(now)
        minute = int(now // BUCKET_S)
        self._buckets[minute] = self._buckets.get(minute, 0) + amount_nanos

    def answered(self, price_per_minute_nanos: int, at: float) -> None:
        """Let a call's price run."""
        self._calls_up += 1
        self._price_up += price_per_minute_nanos
        self._price_started += price_per_minute_nanos * at

    def ended(self, price_per_minute_nanos: int, answered_at: float) -> None:
        """Take a running price back; ``add`` notes what the call cost in truth."""
        self._calls_up -= 1
        self._price_up -= price_per_minute_nanos
        # With no call up the rest is rounding, which must not add up for ever.
        self._price_started = self._price_started - price_per_minute_nanos * answered_at if self._calls_up else 0.0

    def total_nanos(self, now: float) -> int:
        """Return what was spent by calls that ended in the last sixty minutes or are up."""
        self._drop_old(now)
        return sum(self._buckets.values()) + round((self._price_up * now - self._price_started) / 60)

    def is_idle(self, now: float) -> bool:
        """Tell whether the window can be forgotten: nothing in it, nothing running."""
        self._drop_old(now)
        return not self._calls_up and not self._buckets

    def _drop_old(self, now: float) -> None:
        oldest = int(now // BUCKET_S) - BUCKETS
        while self._buckets and (first := next(iter(self._buckets))) < oldest:
            del self._buckets[first]
