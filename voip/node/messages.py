"""The switch's store of messages over Redis: types of the controller on one side, JSON on the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from sip.controller.messages.limits import CLAIM_S, STORED_MAX, STORED_PER_USER_MAX, STORED_S_MAX
from sip.controller.messages.page import PageMessage
from sip.controller.messages.store import Kept
from sip.io.redis_messages import RedisMessageStore

logger = logging.getLogger(__name__)


class NodeMessageStore:
    """A ``sip.controller.messages.store.MessageStore``."""

    def __init__(self, store: RedisMessageStore) -> None:
        self._store = store

    def has_waiting(self, username: str) -> bool:
        """Tell from memory whether messages may wait for a user."""
        return self._store.has_waiting(username)

    def keep(self, message: PageMessage, wall: float, done: Callable[[Kept], None]) -> None:
        """Keep a message."""
        self._store.keep(message, wall, lambda has_room: done(_kept(has_room)))

    def claim(self, username: str, count: int, done: Callable[[Sequence[PageMessage]], None]) -> None:
        """Fetch the oldest messages."""
        self._store.claim(username, count, lambda rows: done(_read(username, rows)))

    def remove(self, message: PageMessage) -> None:
        """Forget a message."""
        self._store.remove(message)

    def release(self, username: str) -> None:
        """Give the right to deliver back."""
        self._store.release(username)


def make_store(url: str, owner: str) -> RedisMessageStore:
    """Return the store with the platform's bounds."""
    return RedisMessageStore(url, owner, STORED_PER_USER_MAX, STORED_MAX, STORED_S_MAX, CLAIM_S)


def _kept(has_room: bool | None) -> Kept:
    if has_room is None:
        return Kept.FAILED
    return Kept.KEPT if has_room else Kept.FULL


def _read(username: str, rows: Sequence[dict[str, Any]]) -> list[PageMessage]:
    found: list[PageMessage] = []
    for row in rows:
        try:
            found.append(PageMessage.from_json(row))
        except (KeyError, TypeError, ValueError):
            logger.warning("a stored message for %r is unreadable and left out", username)
    return found
