"""Which headers cross from one leg to the other. Everything not named here stays on its side: the topology is hidden
by what is built, not by what is removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sip.stack.message.message import Headers, Message
from sip.stack.message.names import canonical_name

ALLOW: Final = (
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, UPDATE, INFO, PRACK, REFER, SUBSCRIBE, NOTIFY, PUBLISH, MESSAGE"
)
ALLOW_ROW: Final = ("Allow", ALLOW)

KNOWN_METHODS: Final = frozenset({"MESSAGE", "NOTIFY", "PRACK", "PUBLISH", "REFER", "SUBSCRIBE"})
"""Methods of standards that the switch does not serve: 405. What no standard knows is 501."""

SUPPORTED_TAGS: Final = frozenset({"100rel", "norefersub", "replaces", "timer"})
"""Option tags that a request may require of the switch (RFC 3261 §8.2.2.3); any other is 420."""

CAPABILITIES: Final = [
    ALLOW_ROW,
    ("Accept", "application/sdp"),
    ("Supported", ", ".join(sorted(SUPPORTED_TAGS))),
]
"""What an OPTIONS hears of us (RFC 3261 §11.2)."""

_BODY_ROWS: Final = frozenset(
    {"Content-Type", "Content-Disposition", "Content-Encoding", "Content-Language", "MIME-Version"}
)
"""Rows that say what the body is; they go where it goes."""

_END_TO_END: Final = frozenset(
    {"Accept", "Info-Package", "Priority", "Privacy", "Recv-Info", "Subject", "User-To-User"}
)
"""Rows about the parties' own business, with no address in them (RFC 3261 §20, 3323, 7433, 6086)."""

_HELD: Final = frozenset(
    {
        "Allow", "Authentication-Info", "Authorization", "Call-ID", "Contact", "Content-Length", "CSeq", "From",
        "Max-Forwards", "Min-SE", "Path", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck",
        "Record-Route", "Refer-To", "Referred-By", "Replaces", "Require", "Route", "RSeq", "Server", "Service-Route",
        "Session-Expires", "Supported", "To", "Unsupported", "User-Agent", "Via", "WWW-Authenticate",
    }
)  # fmt: skip
"""Rows that belong to one leg whatever the settings say: they address, authenticate or negotiate it."""


class Passing:
    """Which rows cross beyond those that always do: names, or beginnings of names that end in ``*`` (``X-*``)."""

    __slots__ = ("_names", "_starts")

    def __init__(self, names: Iterable[str] = ()) -> None:
        given = [canonical_name(name) for name in names]
        self._names = frozenset(name for name in given if not name.endswith("*"))
        self._starts = tuple(name[:-1] for name in given if name.endswith("*"))

    def rows(self, message: Message) -> Headers:
        """Return the rows of ``message`` that cross by the setting alone."""
        if not self._names and not self._starts:
            return []
        return [
            row
            for row in message.headers
            if (row[0] in self._names or row[0].startswith(self._starts))
            and row[0] not in _HELD
            and row[0] not in _END_TO_END
            and row[0] not in _BODY_ROWS
        ]


def has_option(message: Message, tag: str) -> bool:
    """Tell whether ``tag`` stands in Supported or Require (RFC 3261 §20.32, §20.37)."""
    supported = message.get("Supported")
    if supported is not None and _names(message, "Supported", tag):
        return True
    return requires(message, tag)


def requires(message: Message, tag: str) -> bool:
    """Tell whether ``tag`` stands in Require."""
    return message.get("Require") is not None and _names(message, "Require", tag)


def _names(message: Message, name: str, tag: str) -> bool:
    return any(tag in row.lower() and tag in _items(row) for row in message.get_all(name))


def _items(row: str) -> list[str]:
    return [item.strip().lower() for item in row.split(",")]


def allows(message: Message, method: str) -> bool | None:
    """Tell whether the sender takes ``method``, by its Allow; ``None`` when it does not say."""
    rows = message.get_all("Allow")
    if not rows:
        return None
    return any(method == item.strip() for row in rows for item in row.split(","))


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
