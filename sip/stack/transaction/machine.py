"""Words of the four transaction tables: states, inputs, actions.

A table has one row for each arrow of the RFC's figure: ``(state, input) -> (next state, actions)``. A pair without a
row is an input without effect in that state: a repetition that is absorbed, or an answer that comes too late.
Actions run in order, after the state has changed.
"""

from __future__ import annotations

from enum import IntEnum, auto


class State(IntEnum):
    """Where a transaction is."""

    NEW = auto()
    CALLING = auto()
    TRYING = auto()
    PROCEEDING = auto()
    COMPLETED = auto()
    """A final response other than an INVITE's 2xx was sent or received."""
    CONFIRMED = auto()
    """The ACK of a final response other than 2xx came."""
    ACCEPTED = auto()
    """A 2xx to an INVITE was sent or received (RFC 6026)."""
    ACKNOWLEDGED = auto()
    """Accepted, and the ACK of the 2xx came."""
    TERMINATED = auto()


class Input(IntEnum):
    """What a transaction can get."""

    START = auto()
    RESTORE = auto()
    REQUEST = auto()
    """The request again."""
    ACK = auto()
    CANCEL = auto()
    """The transaction user wants its INVITE taken back."""
    RESPONSE_1XX = auto()
    RESPONSE_2XX = auto()
    RESPONSE_FAILURE = auto()
    """300 to 699."""
    SEND_1XX = auto()
    SEND_2XX = auto()
    SEND_FAILURE = auto()
    """300 to 699, but 408 to a non-INVITE."""
    SEND_408 = auto()
    """408 to a non-INVITE."""
    FORGET = auto()
    """A stateless answer was given: end without a trace."""
    TRANSPORT_ERROR = auto()
    TIMER_A = auto()
    TIMER_B = auto()
    TIMER_D = auto()
    TIMER_E = auto()
    TIMER_F = auto()
    TIMER_G = auto()
    TIMER_H = auto()
    TIMER_I = auto()
    TIMER_J = auto()
    TIMER_K = auto()
    TIMER_L = auto()
    TIMER_M = auto()
    TIMER_2XX = auto()
    """Time to repeat the 2xx (RFC 3261 §13.3.1.4)."""
    TIMER_TRYING = auto()
    """Time for a 100 (RFC 3261 §17.2.1; RFC 4320 §4.1 for non-INVITE)."""
    TIMER_CANCEL = auto()
    """The CANCEL changed nothing (RFC 3261 §9.1)."""


class Action(IntEnum):
    """What a transaction can do."""

    SEND = auto()
    """Send the request, or the latest response, (again)."""
    SEND_TRYING = auto()
    SEND_ACK = auto()
    SEND_CANCEL = auto()
    REMEMBER_CANCEL = auto()
    SEND_REMEMBERED_CANCEL = auto()
    DELIVER = auto()
    """Hand the request or response to the transaction user."""
    DELIVER_ACK = auto()
    INFORM_TIMEOUT = auto()
    INFORM_FAILURE = auto()
    START_A = auto()
    START_B = auto()
    START_D = auto()
    START_E = auto()
    START_E_SLOW = auto()
    """Timer E at T2."""
    START_F = auto()
    START_G = auto()
    START_H = auto()
    START_I = auto()
    START_J = auto()
    START_K = auto()
    START_L = auto()
    START_M = auto()
    START_2XX = auto()
    START_TRYING = auto()
    STOP = auto()
    """Stop every timer."""
    STOP_2XX = auto()


Table = dict[tuple[State, Input], tuple[State, tuple[Action, ...]]]
