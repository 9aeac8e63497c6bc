"""The session timer of one side of a dialog (RFC 4028 §7, §9, §10) as a table, and when each of its deadlines is.

Who drives it feeds inputs and does what the row says; the clock is an argument.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final

SESSION_S_MIN: Final = 90
"""RFC 4028 §5: no interval and no Min-SE is ever shorter."""

_MARGIN_S: Final = 32.0
"""RFC 4028 §10: the BYE comes this long before the end, or a third of the interval where that is less."""


class SessionState(IntEnum):
    """Where the timer stands."""

    OFF = auto()
    WATCHING = auto()
    """The peer refreshes; its silence ends the call."""
    WAITING = auto()
    """We refresh, later."""
    REFRESHING = auto()
    """Our refresh is under way."""


class SessionInput(IntEnum):
    """What can happen to it."""

    PEER_REFRESHES = auto()
    """A 2xx says that the peer does it from now on."""
    WE_REFRESH = auto()
    NO_TIMER = auto()
    """A 2xx without Session-Expires, or the end of the call."""
    DUE = auto()
    EXPIRED = auto()
    """The deadline is the end of the session itself."""
    REFUSED = auto()
    """The refresh was answered, but not with 2xx: the end has not moved."""
    GONE = auto()
    """Silence, 408 or 481: there is no dialog any more."""


class SessionAction(IntEnum):
    """What is done at an arrow."""

    WATCH = auto()
    """Set the deadline to shortly before the end."""
    WAIT = auto()
    """Set the deadline to half the interval."""
    REFRESH = auto()
    RETRY = auto()
    """Set the deadline to a little later, the end at the latest."""
    END = auto()
    """Hang up (RFC 4028 §10)."""
    STOP = auto()


_ON = (SessionState.WATCHING, SessionState.WAITING, SessionState.REFRESHING)
_ALL = (SessionState.OFF, *_ON)

SESSION: Final[dict[tuple[SessionState, SessionInput], tuple[SessionState, SessionAction]]] = {
    **{(state, SessionInput.PEER_REFRESHES): (SessionState.WATCHING, SessionAction.WATCH) for state in _ALL},
    **{(state, SessionInput.WE_REFRESH): (SessionState.WAITING, SessionAction.WAIT) for state in _ALL},
    **{(state, SessionInput.NO_TIMER): (SessionState.OFF, SessionAction.STOP) for state in _ON},
    (SessionState.WATCHING, SessionInput.DUE): (SessionState.OFF, SessionAction.END),
    (SessionState.WATCHING, SessionInput.EXPIRED): (SessionState.OFF, SessionAction.END),
    (SessionState.WAITING, SessionInput.DUE): (SessionState.REFRESHING, SessionAction.REFRESH),
    (SessionState.WAITING, SessionInput.EXPIRED): (SessionState.OFF, SessionAction.END),
    (SessionState.REFRESHING, SessionInput.EXPIRED): (SessionState.OFF, SessionAction.END),
    (SessionState.REFRESHING, SessionInput.REFUSED): (SessionState.WAITING, SessionAction.RETRY),
    (SessionState.REFRESHING, SessionInput.GONE): (SessionState.OFF, SessionAction.END),
}


def watch_delay_s(interval_s: float) -> float:
    """Return after how long a peer that does not refresh is hung up on."""
    return interval_s - min(_MARGIN_S, interval_s / 3)


def refresh_delay_s(interval_s: float) -> float:
    """Return after how long a session of ours is refreshed."""
    return interval_s / 2
