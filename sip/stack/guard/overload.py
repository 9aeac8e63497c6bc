"""How much of the new work is turned away while the node has more than it can do.

A table says for each thing measured when it is too much and when it is little. Any of them too much: more is shed; all
of them little: less; in between it stays, so that the share does not swing. Which request is shed is no matter of
luck: a share of 30 % sheds every request at which the sum of shares passes another hundred.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip.stack.guard.limits import (
    LAG_HIGH_S,
    LAG_LOW_S,
    SHED_REGISTER_FROM_PERCENT,
    SHED_STEP_DOWN_PERCENT,
    SHED_STEP_UP_PERCENT,
    TRANSACTIONS_HIGH_PERCENT,
    TRANSACTIONS_LOW_PERCENT,
    UNDRAINED_HIGH_S,
    UNDRAINED_LOW_S,
)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the shell sees of the load, some ten times a second."""

    lag_s: float = 0.0
    """How much later than asked the loop came."""
    undrained_s: float = 0.0
    """How long ago the receive queue was last found empty."""
    transactions_percent: float = 0.0
    """Of the bound."""


THRESHOLDS: Final[tuple[tuple[str, float, float], ...]] = (
    ("lag_s", LAG_HIGH_S, LAG_LOW_S),
    ("undrained_s", UNDRAINED_HIGH_S, UNDRAINED_LOW_S),
    ("transactions_percent", TRANSACTIONS_HIGH_PERCENT, TRANSACTIONS_LOW_PERCENT),
)
"""What is measured, from when it is too much, and below what it is little."""


class Overload:
    """The share of new calls, and of registrations, that is shed now."""

    __slots__ = ("_calls_sum", "_registers_sum", "began", "percent")

    def __init__(self) -> None:
        self.percent = 0
        """Of new calls; 0 when there is no overload. It is what peers are asked to keep back (RFC 7339 §7.1)."""
        self.began = 0
        """How often an overload has begun."""
        self._calls_sum = 0
        self._registers_sum = 0

    def measure(self, measured: Measurement) -> bool:
        """Take a measurement; returns whether the share has changed."""
        before = self.percent
        values = (measured.lag_s, measured.undrained_s, measured.transactions_percent)
        rows = list(zip(values, THRESHOLDS, strict=True))
        if any(value >= row[1] for value, row in rows):
            self.percent = min(100, before + SHED_STEP_UP_PERCENT)
        elif before and all(value < row[2] for value, row in rows):
            self.percent = max(0, before - SHED_STEP_DOWN_PERCENT)
        if self.percent and not before:
            self.began += 1
        return self.percent != before

    @property
    def register_percent(self) -> int:
        """Share of registrations shed: none until most calls are."""
        beyond = self.percent - SHED_REGISTER_FROM_PERCENT
        return max(0, beyond) * 100 // (100 - SHED_REGISTER_FROM_PERCENT)

    def sheds_call(self) -> bool:
        """Tell whether this new call is one of those shed."""
        self._calls_sum += self.percent
        if self._calls_sum < 100:
            return False
        self._calls_sum -= 100
        return True

    def sheds_register(self) -> bool:
        """Tell whether this registration is one of those shed."""
        self._registers_sum += self.register_percent
        if self._registers_sum < 100:
            return False
        self._registers_sum -= 100
        return True
