"""What makes a source suspect, as a table of points; a ban follows from their sum, never from one of them.

A scanner tries many names, dials many numbers without a password, fails again and again, and often names its tool. An
honest office does one of these now and then, in between proves itself, and time forgives the rest.
"""

from __future__ import annotations

from collections import OrderedDict
from enum import Enum
from typing import Final

from sip.stack.guard.limits import NAMES_MAX, POINTS_FORGIVEN_PER_S, SUSPECTS_MAX


class Signal(Enum):
    """One kind of thing that a source did."""

    UNKNOWN_NAME = "unknown user"
    """A request in the name of a user we do not have, challenged or failed."""
    WRONG_PASSWORD = "wrong password"  # noqa: S105 - the name of a signal
    DIALLED_AS_UNKNOWN = "unproved call"
    """An INVITE without credentials in the name of a user we do not have; names are the numbers dialled."""
    DIALLED_AS_KNOWN = "call before proof"
    """The same in the name of a user we have: how every call begins, but not fifty without a proof."""
    CHALLENGED = "challenge"
    """A request without credentials in the name of a user we have: how every phone begins."""
    REFUSED = "refused request"
    """A request outside any dialog that came to nothing before anybody was asked who he is: 404, 405, 489 …"""
    TOOL = "scanner"
    """The agent names a known scanner."""
    MALFORMED = "malformed message"
    PEAK = "flood"
    """The peak detector has spoken."""
    PROVED = "proof"
    """A password was right."""


POINTS: Final[dict[Signal, tuple[float, float]]] = {
    # Points the first time with this name or number, and each further time.
    Signal.UNKNOWN_NAME: (16.0, 8.0),
    Signal.WRONG_PASSWORD: (24.0, 22.0),
    Signal.DIALLED_AS_UNKNOWN: (14.0, 6.0),
    Signal.DIALLED_AS_KNOWN: (4.0, 1.0),
    Signal.CHALLENGED: (0.2, 0.5),
    Signal.REFUSED: (12.0, 12.0),
    Signal.TOOL: (35.0, 35.0),
    Signal.MALFORMED: (4.0, 4.0),
    Signal.PEAK: (45.0, 45.0),
    Signal.PROVED: (-20.0, -20.0),
}

TOOLS: Final = (
    "friendly-scanner",
    "friendly-request",
    "sipvicious",
    "sipcli",
    "sip-scan",
    "sundayddr",
    "iwar",
    "vaxsipuseragent",
    "pplsip",
    "siparmyknife",
    "smap",
    "sipptk",
    "nmap",
)
"""Words in lower case that agents of known scanners hold. They are free to name themselves otherwise."""


def names_tool(agent: str) -> bool:
    """Tell whether a User-Agent names a known scanner."""
    lower = agent.lower()
    return any(word in lower for word in TOOLS)


class Suspect:
    """The points of one source."""

    __slots__ = ("at", "bans", "names", "points")

    def __init__(self, now: float) -> None:
        self.points = 0.0
        self.at = now
        self.names: set[str] = set()
        self.bans = 0
        """How often it has been banned."""

    def add(self, signal: Signal, name: str, now: float, patience: float) -> float:
        """Add a signal's points, after what time has forgiven, ``patience`` times as much; returns the sum."""
        first, again = POINTS[signal]
        self.points = max(0.0, self.points - (now - self.at) * POINTS_FORGIVEN_PER_S * patience)
        self.at = now
        mark = f"{signal.value}:{name}"
        if mark in self.names:
            self.points += again
        else:
            self.points += first
            if len(self.names) < NAMES_MAX:
                self.names.add(mark)
        if self.points <= 0.0:
            self.points = 0.0
            self.names.clear()
        return self.points


class Suspects:
    """Points by source, of those that have any."""

    __slots__ = ("_by_source",)

    def __init__(self) -> None:
        self._by_source: OrderedDict[str, Suspect] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_source)

    def add(self, source: str, signal: Signal, name: str, now: float, patience: float = 1.0) -> Suspect | None:
        """Add a signal; returns the suspect, ``None`` when the source has done nothing wrong so far."""
        suspect = self._by_source.get(source)
        if suspect is None:
            if POINTS[signal][0] < 0:
                return None
            suspect = self._by_source[source] = Suspect(now)
            if len(self._by_source) > SUSPECTS_MAX:
                self._by_source.popitem(last=False)
        suspect.add(signal, name, now, patience)
        self._by_source.move_to_end(source)
        return suspect

    def forget(self, source: str) -> None:
        """Begin anew with a source."""
        self._by_source.pop(source, None)

    def points(self, source: str) -> float:
        """Return the points of a source as they were when last added to."""
        suspect = self._by_source.get(source)
        return 0.0 if suspect is None else suspect.points
