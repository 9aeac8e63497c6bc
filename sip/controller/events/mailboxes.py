"""How many messages wait for each line, as whoever keeps the mailboxes says: the media part, or a carrier."""

from __future__ import annotations

import logging
from collections.abc import Callable

from sip.controller.events.limits import MAILBOXES_MAX
from sip.stack.bodies.message_summary import Summary

log = logging.getLogger(__name__)


class MailboxTable:
    """Summaries by username. They live in memory: who keeps the mailboxes sets them anew when the node starts."""

    def __init__(self) -> None:
        self._summaries: dict[str, Summary] = {}
        self._listeners: list[Callable[[str], None]] = []

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Have ``listener(username)`` called after each change."""
        self._listeners.append(listener)

    def get(self, username: str) -> Summary | None:
        """Return what is known of a line's mailbox, ``None`` when nothing is."""
        return self._summaries.get(username)

    def set(self, username: str, summary: Summary | None) -> None:
        """Set a line's mailbox, ``None`` for "it has none"; what is said twice is told once."""
        if self._summaries.get(username) == summary:
            return
        if summary is None:
            del self._summaries[username]
        elif username in self._summaries or len(self._summaries) < MAILBOXES_MAX:
            self._summaries[username] = summary
        else:
            log.error("more than %d mailboxes: that of %r is not kept", MAILBOXES_MAX, username)
            return
        for listener in self._listeners:
            listener(username)
