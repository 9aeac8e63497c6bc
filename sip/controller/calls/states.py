"""The life of a call as a table: one row an arrow. What is not in the table is late or foreign and changes nothing.

::

    AUTHORISING -> HUNTING -> ANSWERING -> UP -> CLOSING -> ENDED
         |            |          ^                  ^
         |            v          | a 200 crossed    |
         +------> CANCELLING ----+------------------+   (and every refusal or failure goes to CLOSING)
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    """Where a call stands."""

    AUTHORISING = auto()
    """The business decides; the caller has heard 100."""
    HUNTING = auto()
    """A target is being tried."""
    CANCELLING = auto()
    """The caller gave up; the last words of callee and business are awaited."""
    ANSWERING = auto()
    """The callee answered; the journal is writing the call's start. The caller has not heard of it."""
    UP = auto()
    """The caller has the 200."""
    CLOSING = auto()
    """Over; the journal is writing its end. Who ended it has not been answered."""
    ENDED = auto()


class Input(IntEnum):
    """What can happen to a call."""

    GRANTED = auto()
    REFUSED = auto()
    ANSWERED = auto()
    """First 2xx of a branch that is still wanted, or that crossed our CANCEL."""
    EXHAUSTED = auto()
    """No target is left."""
    CANCELLED = auto()
    """CANCEL, BYE on the early dialog, or the caller's transport is gone."""
    SETTLED = auto()
    """Nothing more is awaited of a cancelled call."""
    OPENED = auto()
    """The start is on disk."""
    HANGUP = auto()
    """BYE, time limit, no ACK, no sign of life."""
    CLOSED = auto()
    """The end is on disk."""
    RELEASED = auto()
    """What was sent to the caller reliably has its PRACK, or never will."""


class Action(IntEnum):
    """What is done at an arrow."""

    HUNT = auto()
    FAIL = auto()
    CANCEL_BRANCHES = auto()
    SETTLE = auto()
    OPEN = auto()
    TELL_CALLER = auto()
    RELEASE_ANSWER = auto()
    NOTE_CROSSED = auto()
    DEFER = auto()
    HANG_UP = auto()
    FINISH = auto()


TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, Action]]] = {
    (State.AUTHORISING, Input.GRANTED): (State.HUNTING, Action.HUNT),
    (State.AUTHORISING, Input.REFUSED): (State.CLOSING, Action.FAIL),
    (State.AUTHORISING, Input.CANCELLED): (State.CANCELLING, Action.CANCEL_BRANCHES),
    (State.HUNTING, Input.ANSWERED): (State.ANSWERING, Action.OPEN),
    (State.HUNTING, Input.EXHAUSTED): (State.CLOSING, Action.FAIL),
    (State.HUNTING, Input.CANCELLED): (State.CANCELLING, Action.CANCEL_BRANCHES),
    (State.CANCELLING, Input.GRANTED): (State.CANCELLING, Action.SETTLE),
    (State.CANCELLING, Input.REFUSED): (State.CANCELLING, Action.SETTLE),
    (State.CANCELLING, Input.EXHAUSTED): (State.CANCELLING, Action.SETTLE),
    (State.CANCELLING, Input.SETTLED): (State.CLOSING, Action.FAIL),
    # RFC 3261 §9.1: the 200 won. The caller gets it, acknowledges it and hangs up: an answered call of no length.
    (State.CANCELLING, Input.ANSWERED): (State.ANSWERING, Action.OPEN),
    (State.ANSWERING, Input.OPENED): (State.UP, Action.TELL_CALLER),
    (State.ANSWERING, Input.CANCELLED): (State.ANSWERING, Action.NOTE_CROSSED),
    (State.ANSWERING, Input.HANGUP): (State.ANSWERING, Action.DEFER),
    (State.UP, Input.RELEASED): (State.UP, Action.RELEASE_ANSWER),
    (State.UP, Input.HANGUP): (State.CLOSING, Action.HANG_UP),
    (State.CLOSING, Input.CLOSED): (State.ENDED, Action.FINISH),
}
