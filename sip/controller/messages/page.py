"""One page-mode message as it is delivered or stored; its content is never logged."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class PageMessage:
    """What reaches the recipient's phones; ``to_json`` and ``from_json`` carry it through the store."""

    id: str
    """Unique for ever. It is the Call-ID too, the same each time: a phone can tell a message it has already."""
    username: str
    """Line it is for."""
    sender: str
    """From value without tag."""
    tag: str
    rows: tuple[tuple[str, str], ...]
    """End-to-end rows: what the body is, Subject, Date and the like."""
    body: bytes
    expires_at: float
    """Wall clock; undelivered by then it is dropped."""

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            "id": self.id,
            "username": self.username,
            "sender": self.sender,
            "tag": self.tag,
            "rows": [list(row) for row in self.rows],
            "body": b64encode(self.body).decode("ascii"),
            "expires_at": self.expires_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PageMessage:
        """Return the message.

        Raises:
            KeyError, TypeError, ValueError: not what ``to_json`` gave.
        """
        return cls(
            str(data["id"]),
            str(data["username"]),
            str(data["sender"]),
            str(data["tag"]),
            tuple([(str(name), str(value)) for name, value in data["rows"]]),
            b64decode(data["body"], validate=True),
            float(data["expires_at"]),
        )
