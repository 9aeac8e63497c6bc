"""The life of a number as a table: state and action in, next state out. Code looks up; it decides nothing."""

from __future__ import annotations

from enum import StrEnum

from dids.choices import DidState
from dids.errors import WrongState


class Action(StrEnum):
    """What is done to a number."""

    RESERVE = "reserve"
    ASSIGN = "assign"
    RELEASE = "release"
    RESTOCK = "restock"


TRANSITIONS: dict[tuple[DidState, Action], DidState] = {
    (DidState.AVAILABLE, Action.RESERVE): DidState.RESERVED,
    (DidState.AVAILABLE, Action.ASSIGN): DidState.ASSIGNED,
    (DidState.RESERVED, Action.ASSIGN): DidState.ASSIGNED,
    (DidState.RESERVED, Action.RELEASE): DidState.AVAILABLE,
    # A number that was in use rests first: its former owner's callers must not reach a stranger.
    (DidState.ASSIGNED, Action.RELEASE): DidState.QUARANTINED,
    (DidState.QUARANTINED, Action.RESTOCK): DidState.AVAILABLE,
}


def next_state(state: str, action: Action) -> DidState:
    """Return the state an action leads to.

    Raises:
        WrongState: no arrow of that name leaves this state.
    """
    target = TRANSITIONS.get((DidState(state), action))
    if target is None:
        raise WrongState(f"a number that is {state} cannot be {_DONE[action]}")
    return target


_DONE = {
    Action.RESERVE: "reserved",
    Action.ASSIGN: "assigned",
    Action.RELEASE: "released",
    Action.RESTOCK: "put back into stock",
}
