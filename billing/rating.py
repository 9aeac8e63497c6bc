"""The one rating function: quote, hold, live charge, call record and re-rating all come here. Pure.

Money is nano-units of the deck's currency, time is whole seconds. ``whole_seconds`` is the only place where a measured
duration becomes a billable one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from billing.limits import DURATION_S_MAX


@dataclass(frozen=True, slots=True)
class Rate:
    """What a destination costs. Increments in carriers' notation are ``first_s/next_s``, such as 60/6."""

    prefix: str
    """Digits of E.164 without ``+``."""
    destination: str
    nanos_per_minute: int
    connect_fee_nanos: int = 0
    first_s: int = 1
    next_s: int = 1


@dataclass(frozen=True, slots=True)
class Charge:
    """The price of one call."""

    billed_s: int
    raw: int
    """Exact price in sixtieths of a nano-unit: what ``amount_nanos`` was before its one rounding."""
    amount_nanos: int


FREE = Charge(billed_s=0, raw=0, amount_nanos=0)


def whole_seconds(duration_s: float, *, answered: bool) -> int:
    """Return the seconds of a measured duration that are rated: rounded up, and an answered call has at least one.

    So a call answered for 0.2 s, or one whose CANCEL crossed the 200, is 1 s; a call never answered is 0 s.

    Raises:
        ValueError: negative, not a number, or longer than ``DURATION_S_MAX``.
    """
    if not 0 <= duration_s <= DURATION_S_MAX:
        raise ValueError(f"duration {duration_s} s is not within 0 to {DURATION_S_MAX} s")
    return max(1, math.ceil(duration_s)) if answered else 0


def billed_s(duration_s: int, rate: Rate) -> int:
    """Return the seconds that are paid for: at least ``first_s``, then up to a whole ``next_s`` beyond it.

    The steps count from ``first_s``, not from zero: 59 s at 30/18 are 66 s, not 72 s.

    Raises:
        ValueError: ``duration_s`` is negative.
    """
    if duration_s < 0:
        raise ValueError(f"negative duration: {duration_s} s")
    if duration_s == 0:
        return 0
    if duration_s <= rate.first_s:
        return rate.first_s
    return rate.first_s - (rate.first_s - duration_s) // rate.next_s * rate.next_s


def charge_nanos(duration_s: int, rate: Rate) -> Charge:
    """Return the price of a call of ``duration_s`` answered seconds; 0 s (never answered) is free.

    ``connect_fee + billed_s × rate/60``, rounded once a call, up to the next nano-unit, so that no call is cheaper than
    its rate and the error is under 10⁻⁹ of a unit.

    Raises:
        ValueError: ``duration_s`` is negative.
    """
    seconds = billed_s(duration_s, rate)
    if seconds == 0:
        return FREE
    raw = 60 * rate.connect_fee_nanos + seconds * rate.nanos_per_minute
    return Charge(seconds, raw, -(-raw // 60))


def affordable_s(amount_nanos: int, rate: Rate) -> int:
    """Return the longest duration whose charge is within ``amount_nanos``, at most ``DURATION_S_MAX``; 0 if none is.

    A call cut at this many seconds on the clock may be measured a little longer and so be billed one second more: cut
    it a moment earlier.
    """
    rest = 60 * (amount_nanos - rate.connect_fee_nanos)
    if rest < 0:
        return 0
    if rate.nanos_per_minute == 0:
        return DURATION_S_MAX
    seconds = rest // rate.nanos_per_minute
    if seconds < rate.first_s:
        return 0
    return min(DURATION_S_MAX, rate.first_s + (seconds - rate.first_s) // rate.next_s * rate.next_s)
