"""Which headers cross from one leg to the other. Everything not named here stays on its side: the topology is hidden
by what is built, not by what is removed."""

from __future__ import annotations

from typing import Final

from sip.stack.message.message import Headers, Message

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, INFO, SUBSCRIBE"
ALLOW_ROW: Final = ("Allow", ALLOW)

KNOWN_METHODS: Final = frozenset({"MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "SUBSCRIBE"})
"""Methods of standards that the switch does not serve: 405. What no standard knows is 501."""

_BODY_ROWS: Final = frozenset(
    {"Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language", "MIME-Version"}
)
"""Rows that say what the body is; they go where it goes."""

_END_TO_END: Final = frozenset({"Accept", "Priority", "Privacy", "Subject", "User-To-User", "Info-Package"})
"""Rows about the parties' own business, with no address in them (RFC 3261 §20, 3323, 7433, 6086)."""


def body_rows(message: Message) -> Headers:
    """Return the rows that must go with the body of ``message``; none when it has no body."""
    if not message.body:
        return []
    return [row for row in message.headers if row[0] in _BODY_ROWS]


def end_to_end_rows(message: Message) -> Headers:
    """Return every row of ``message`` that the other leg may see."""
    if not message.body:
        return [row for row in message.headers if row[0] in _END_TO_END]
    return [row for row in message.headers if row[0] in _END_TO_END or row[0] in _BODY_ROWS]
