"""The life of a forwarded request as a table (RFC 3261 §16.7 to §16.10). What has no row changes nothing.

::

    FORKING --2xx--> ANSWERED          every further 2xx of an INVITE passes (§16.7 step 5)
       |  \\--6xx, CANCEL--> SETTLING   no new branches; the last words of those that run are awaited
       \\--nobody left--> OVER
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class State(Enum):
    """Where a response context stands."""

    FORKING = auto()
    SETTLING = auto()
    """No branch is started any more."""
    ANSWERED = auto()
    """A 2xx has gone back."""
    OVER = auto()
    """The final failure has gone back."""


class Input(Enum):
    """What can happen to it."""

    FAILED = auto()
    """A branch ended without 2xx or 6xx."""
    DECLINED = auto()
    """A branch ended with 6xx."""
    ACCEPTED = auto()
    """A 2xx came."""
    CANCELLED = auto()
    """The caller took it back, or cannot be reached any more."""
    DONE = auto()
    """No branch runs and none is left to be started."""


class Action(Enum):
    """What is done at an arrow."""

    GO_ON = auto()
    """Start what is left, or see that nothing is."""
    TAKE_BACK = auto()
    """Cancel every branch that runs, then as ``WAIT``."""
    WAIT = auto()
    """See whether any branch still runs."""
    PASS = auto()
    """Send the 2xx back, and cancel what still runs."""
    PASS_AGAIN = auto()
    """Send a further 2xx back."""
    FINISH = auto()
    """Send the best failure back."""


TRANSITIONS: Final[dict[tuple[State, Input], tuple[State, Action]]] = {
    (State.FORKING, Input.FAILED): (State.FORKING, Action.GO_ON),
    (State.FORKING, Input.DECLINED): (State.SETTLING, Action.TAKE_BACK),
    (State.FORKING, Input.ACCEPTED): (State.ANSWERED, Action.PASS),
    (State.FORKING, Input.CANCELLED): (State.SETTLING, Action.TAKE_BACK),
    (State.FORKING, Input.DONE): (State.OVER, Action.FINISH),
    (State.SETTLING, Input.FAILED): (State.SETTLING, Action.WAIT),
    (State.SETTLING, Input.DECLINED): (State.SETTLING, Action.WAIT),
    # A 2xx that crossed our CANCEL: the call is up, and only the caller can end it (§16.7 step 5).
    (State.SETTLING, Input.ACCEPTED): (State.ANSWERED, Action.PASS),
    (State.SETTLING, Input.DONE): (State.OVER, Action.FINISH),
    (State.ANSWERED, Input.ACCEPTED): (State.ANSWERED, Action.PASS_AGAIN),
    # A late 2xx of a branch after a final failure of ours can only come after a 6xx; it passes too (§16.7 step 5).
    (State.OVER, Input.ACCEPTED): (State.ANSWERED, Action.PASS_AGAIN),
}
