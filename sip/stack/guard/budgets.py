"""How many messages of which kind a source may send: token buckets, and a detector of peaks.

A bucket is one number (the virtual scheduling of ITU-T I.371 Annex A): when it would be full again. A message moves
that instant on by one interval; a message that would move it further than the burst allows is over the budget.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from sip.stack.guard.limits import PEAK_DROPS_MAX, PEAK_QUIET_S, PEAK_S


class Kind(IntEnum):
    """What a message is by its first word; each kind has a budget of its own, so that one cannot starve another."""

    CALL = 0
    """INVITE."""
    REGISTER = 1
    """REGISTER, SUBSCRIBE, PUBLISH: what phones send all at once after a power cut."""
    DIALOG = 2
    """ACK, BYE, CANCEL and what else is sent inside dialogs."""
    OTHER = 3
    """OPTIONS, MESSAGE, unknown methods, keep-alives, and what is no SIP."""
    RESPONSE = 4


KINDS: Final[dict[bytes, Kind]] = {
    b"INVI": Kind.CALL,
    b"REGI": Kind.REGISTER,
    b"SUBS": Kind.REGISTER,
    b"PUBL": Kind.REGISTER,
    b"ACK ": Kind.DIALOG,
    b"BYE ": Kind.DIALOG,
    b"CANC": Kind.DIALOG,
    b"PRAC": Kind.DIALOG,
    b"UPDA": Kind.DIALOG,
    b"INFO": Kind.DIALOG,
    b"NOTI": Kind.DIALOG,
    b"REFE": Kind.DIALOG,
    b"SIP/": Kind.RESPONSE,
}
"""By the first four bytes."""


class Trust(IntEnum):
    """What is known of a source."""

    UNKNOWN = 0
    KNOWN = 1
    """It has proved a password lately, or holds a registration."""
    TRUNK = 2
    """A carrier's address, or one on the operator's list."""


Budget = tuple[float, float]
"""Messages a second, and how many may come at once."""

BUDGETS: Final[dict[Trust, tuple[Budget, Budget, Budget, Budget, Budget]]] = {
    # An office of 250 phones registers within seconds; nobody unproved makes fifty calls a second.
    Trust.UNKNOWN: ((50.0, 100.0), (100.0, 500.0), (200.0, 400.0), (50.0, 200.0), (500.0, 1_000.0)),
    # A PBX, a call centre or a whole provider behind one address: a thousand calls and registrations a second.
    Trust.KNOWN: (
        (5_000.0, 10_000.0),
        (10_000.0, 20_000.0),
        (10_000.0, 20_000.0),
        (1_000.0, 2_000.0),
        (10_000.0, 20_000.0),
    ),
    # A carrier's gateway sends what a whole node can bear.
    Trust.TRUNK: (
        (10_000.0, 20_000.0),
        (2_000.0, 5_000.0),
        (20_000.0, 40_000.0),
        (2_000.0, 4_000.0),
        (20_000.0, 40_000.0),
    ),
}
"""By trust, a budget for each ``Kind`` in its order."""


class Source:
    """The buckets of one source. All instants are on the guard's monotonic clock."""

    __slots__ = ("drops", "full_at", "known_until", "peak_began_at", "quiet_until", "trust")

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self.known_until = 0.0
        self.full_at: list[float] = [0.0, 0.0, 0.0, 0.0, 0.0]
        self.drops = 0
        self.peak_began_at = 0.0
        self.quiet_until = 0.0
        """Until then every message is passed over."""

    def takes(self, kind: int, interval_s: float, burst_s: float, now: float) -> bool:
        """Count a message of this kind; tells whether it is within the budget."""
        at = self.full_at[kind]
        if at < now:
            at = now
        at += interval_s
        if at - now > burst_s:
            return False
        self.full_at[kind] = at
        return True

    def note_drop(self, now: float) -> bool:
        """Count a message over the budget; tells whether it makes a peak, in which the source is passed over whole."""
        if now - self.peak_began_at > PEAK_S:
            self.peak_began_at = now
            self.drops = 0
        self.drops += 1
        if self.drops < PEAK_DROPS_MAX:
            return False
        self.quiet_until = now + PEAK_QUIET_S
        self.drops = 0
        return True


class Rates:
    """Budgets as ``Source.takes`` wants them: by trust and kind, interval and burst in seconds."""

    __slots__ = ("bursts_s", "intervals_s")

    def __init__(self, scale: float = 1.0) -> None:
        self.intervals_s: list[list[float]] = []
        self.bursts_s: list[list[float]] = []
        for trust in Trust:
            budgets = BUDGETS[trust]
            self.intervals_s.append([1.0 / (per_s * scale) for per_s, _ in budgets])
            # Half a message more: sums of floats fall short of the whole burst by a hair.
            self.bursts_s.append([(burst + 0.5) / (per_s * scale) for per_s, burst in budgets])
