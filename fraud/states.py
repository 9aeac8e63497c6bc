"""The life of a case as a table: state and action in, next state out."""

from __future__ import annotations

from enum import StrEnum

from fraud.choices import CaseState
from fraud.errors import WrongState


class Action(StrEnum):
    """What is done to a case."""

    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"


TRANSITIONS: dict[tuple[CaseState, Action], CaseState] = {
    (CaseState.OPEN, Action.ACKNOWLEDGE): CaseState.ACKNOWLEDGED,
    (CaseState.OPEN, Action.CLOSE): CaseState.CLOSED,
    (CaseState.ACKNOWLEDGED, Action.CLOSE): CaseState.CLOSED,
    # A closed case stays closed: the next hit opens a new one.
}


def next_state(state: str, action: Action) -> CaseState:
    """Return the state an action leads to.

    Raises:
        WrongState: no arrow of that name leaves this state.
    """
    target = TRANSITIONS.get((CaseState(state), action))
    if target is None:
        raise WrongState(f"a case that is {state} cannot be {action}d")
    return target
