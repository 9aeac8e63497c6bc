"""Where messages wait for users who are away: the port; ``sip.io.redis_messages`` is what a node has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Protocol

from sip.controller.messages.page import PageMessage


class Kept(Enum):
    """What became of a message that was to be kept."""

    KEPT = auto()
    """It is in the store and outlives this process."""
    FULL = auto()
    """Too many wait already, for the user or in all."""
    FAILED = auto()
    """The store is away: nobody may be told that it is kept."""


class MessageStore(Protocol):
    """Messages by user, in the order they came. Several processes share one store.

    Callbacks come on the switch's own thread, once, perhaps before the method returns, and may be followed by
    ``wake``. Times are on the wall clock.
    """

    def has_waiting(self, username: str) -> bool:
        """Tell from memory whether messages may wait for a user; asked at every REGISTER."""
        ...

    def keep(self, message: PageMessage, wall: float, done: Callable[[Kept], None]) -> None:
        """Keep a message until ``message.expires_at``."""
        ...

    def claim(self, username: str, count: int, done: Callable[[Sequence[PageMessage]], None]) -> None:
        """Take the right to deliver to a user for ``limits.CLAIM_S`` and fetch the oldest ``count`` messages.

        Gives none when none wait, when another process has the right, and when the store is away.
        """
        ...

    def remove(self, message: PageMessage) -> None:
        """Forget a message that was delivered; one that is not there is no error."""
        ...

    def release(self, username: str) -> None:
        """Give the right to deliver back."""
        ...


class NoMessageStore:
    """A store that keeps nothing: absent users are 480."""

    def has_waiting(self, username: str) -> bool:
        """Say no."""
        return False

    def keep(self, message: PageMessage, wall: float, done: Callable[[Kept], None]) -> None:
        """Refuse."""
        done(Kept.FAILED)

    def claim(self, username: str, count: int, done: Callable[[Sequence[PageMessage]], None]) -> None:
        """Give none."""
        done(())

    def remove(self, message: PageMessage) -> None:
        """Do nothing."""

    def release(self, username: str) -> None:
        """Do nothing."""
