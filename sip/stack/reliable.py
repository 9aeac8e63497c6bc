"""Reliable provisional responses of one early dialog, as who sends them (RFC 3262 §3), as a table.

One is unacknowledged at a time: the RFC demands it of the first and recommends it of the others. The clock, the
responses and the queue belong to whoever drives the table.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final


class ReliableState(IntEnum):
    """Where the sending stands."""

    IDLE = auto()
    """Nothing is unacknowledged."""
    WAITING = auto()
    """One was sent, its PRACK has not come."""
    STOPPED = auto()
    """The INVITE has its final response, or was given up."""


class ReliableInput(IntEnum):
    """What can happen."""

    GIVEN = auto()
    """There is a response to send."""
    PRACK = auto()
    """The PRACK of the one that waits came."""
    REPEAT = auto()
    EXPIRED = auto()
    """64*T1 without PRACK."""
    FINAL = auto()


class ReliableAction(IntEnum):
    """What is done at an arrow."""

    SEND = auto()
    """Give it the next number, send it, start both timers."""
    QUEUE = auto()
    AGAIN = auto()
    """Send it again, and wait twice as long as before."""
    NEXT = auto()
    """Stop the timers; what is queued is given next."""
    GIVE_UP = auto()
    """Refuse the INVITE with a 5xx."""
    STOP = auto()


RELIABLE: Final[dict[tuple[ReliableState, ReliableInput], tuple[ReliableState, ReliableAction]]] = {
    (ReliableState.IDLE, ReliableInput.GIVEN): (ReliableState.WAITING, ReliableAction.SEND),
    (ReliableState.IDLE, ReliableInput.FINAL): (ReliableState.STOPPED, ReliableAction.STOP),
    (ReliableState.WAITING, ReliableInput.GIVEN): (ReliableState.WAITING, ReliableAction.QUEUE),
    (ReliableState.WAITING, ReliableInput.REPEAT): (ReliableState.WAITING, ReliableAction.AGAIN),
    (ReliableState.WAITING, ReliableInput.PRACK): (ReliableState.IDLE, ReliableAction.NEXT),
    (ReliableState.WAITING, ReliableInput.EXPIRED): (ReliableState.STOPPED, ReliableAction.GIVE_UP),
    (ReliableState.WAITING, ReliableInput.FINAL): (ReliableState.STOPPED, ReliableAction.STOP),
}
