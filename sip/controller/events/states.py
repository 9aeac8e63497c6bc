"""The notifier's side of a subscription as a table (RFC 6665 §4.2.2): one NOTIFY under way, the latest state wins."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final


class State(IntEnum):
    """How a subscription stands."""

    IDLE = auto()
    """The subscriber knows all."""
    HELD = auto()
    """Something is to be told, later: the package's interval or the subscriber's Retry-After is not over."""
    SENDING = auto()
    """A NOTIFY is under way and says all."""
    STALE = auto()
    """A NOTIFY is under way, and there is news."""
    URGENT = auto()
    """A NOTIFY is under way, and another must follow at once: the subscription was refreshed."""
    CLOSING = auto()
    """A NOTIFY is under way, and the last one is to follow."""
    LAST = auto()
    """The last NOTIFY is under way."""
    OVER = auto()


class Input(IntEnum):
    """What happens to a subscription."""

    SUBSCRIBED = auto()
    """SUBSCRIBE was accepted, the first or a refresh."""
    CHANGED = auto()
    """The resource is in another state."""
    CHANGED_EARLY = auto()
    """The same, within the package's interval."""
    DUE = auto()
    """The interval is over."""
    DONE = auto()
    """The NOTIFY was answered 2xx."""
    REFUSED = auto()
    """The NOTIFY was refused in a way that leaves the subscription alone."""
    RETRY = auto()
    """The same, with Retry-After."""
    FAILED = auto()
    """The NOTIFY was answered that there is no subscription, or not at all."""
    ENDED = auto()
    """Expired, unsubscribed, or ended by us."""


class Action(IntEnum):
    """What is done about it."""

    NOTHING = auto()
    SEND = auto()
    SEND_FULL = auto()
    """Send all there is, not only what changed."""
    SEND_LAST = auto()
    HOLD = auto()
    """Wait for the end of the interval."""
    BACK_OFF = auto()
    """Wait as long as the subscriber wants; what it refused is sent whole again."""
    WANT_FULL = auto()
    """Note that the next document must be whole."""
    FORGET = auto()


Row = tuple[State, Action]

TRANSITIONS: Final[dict[tuple[State, Input], Row]] = {
    (State.IDLE, Input.SUBSCRIBED): (State.SENDING, Action.SEND_FULL),
    (State.IDLE, Input.CHANGED): (State.SENDING, Action.SEND),
    (State.IDLE, Input.CHANGED_EARLY): (State.HELD, Action.HOLD),
    (State.IDLE, Input.ENDED): (State.LAST, Action.SEND_LAST),
    (State.HELD, Input.SUBSCRIBED): (State.SENDING, Action.SEND_FULL),
    (State.HELD, Input.DUE): (State.SENDING, Action.SEND),
    (State.HELD, Input.ENDED): (State.LAST, Action.SEND_LAST),
    (State.SENDING, Input.SUBSCRIBED): (State.URGENT, Action.NOTHING),
    (State.SENDING, Input.CHANGED): (State.STALE, Action.NOTHING),
    (State.SENDING, Input.CHANGED_EARLY): (State.STALE, Action.NOTHING),
    (State.SENDING, Input.DONE): (State.IDLE, Action.NOTHING),
    (State.SENDING, Input.REFUSED): (State.IDLE, Action.WANT_FULL),
    (State.SENDING, Input.RETRY): (State.HELD, Action.BACK_OFF),
    (State.SENDING, Input.FAILED): (State.OVER, Action.FORGET),
    (State.SENDING, Input.ENDED): (State.CLOSING, Action.NOTHING),
    (State.STALE, Input.SUBSCRIBED): (State.URGENT, Action.NOTHING),
    (State.STALE, Input.DONE): (State.HELD, Action.HOLD),
    (State.STALE, Input.REFUSED): (State.HELD, Action.BACK_OFF),
    (State.STALE, Input.RETRY): (State.HELD, Action.BACK_OFF),
    (State.STALE, Input.FAILED): (State.OVER, Action.FORGET),
    (State.STALE, Input.ENDED): (State.CLOSING, Action.NOTHING),
    (State.URGENT, Input.DONE): (State.SENDING, Action.SEND_FULL),
    (State.URGENT, Input.REFUSED): (State.HELD, Action.BACK_OFF),
    (State.URGENT, Input.RETRY): (State.HELD, Action.BACK_OFF),
    (State.URGENT, Input.FAILED): (State.OVER, Action.FORGET),
    (State.URGENT, Input.ENDED): (State.CLOSING, Action.NOTHING),
    (State.CLOSING, Input.DONE): (State.LAST, Action.SEND_LAST),
    (State.CLOSING, Input.REFUSED): (State.LAST, Action.SEND_LAST),
    (State.CLOSING, Input.RETRY): (State.LAST, Action.SEND_LAST),
    (State.CLOSING, Input.FAILED): (State.OVER, Action.FORGET),
    (State.LAST, Input.DONE): (State.OVER, Action.FORGET),
    (State.LAST, Input.REFUSED): (State.OVER, Action.FORGET),
    (State.LAST, Input.RETRY): (State.OVER, Action.FORGET),
    (State.LAST, Input.FAILED): (State.OVER, Action.FORGET),
}
"""Every arrow; what has no row (a change while one is told of already, anything after the end) does nothing."""
