"""Which phones are at a line now: read from Redis, where the nodes keep their bindings (``sip.io.redis_location``)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from django.conf import settings

PREFIX = "reg:"
TIMEOUT_S = 0.5
"""A page that shows registrations beside other things does not wait longer for a Redis that is away."""


@dataclass(frozen=True, slots=True)
class Contact:
    """One phone at a line."""

    uri: str
    address: str
    """Where it is reached, as ``UDP 192.0.2.7:5060``."""
    user_agent: str
    expires_at: datetime


def contacts_of(usernames: Iterable[str]) -> dict[str, list[Contact]] | None:
    """Return the phones of each line, empty for a line without; ``None`` when Redis does not answer."""
    names = list(usernames)
    if not names:
        return {}
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        ) as client:
            texts: Any = client.mget([PREFIX + name for name in names])
    except (redis.RedisError, OSError):
        return None
    now = datetime.now(UTC)
    return {name: _contacts(text, now) for name, text in zip(names, texts, strict=True)}


def _contacts(text: bytes | None, now: datetime) -> list[Contact]:
    try:
        rows = json.loads(text) if text else []
        found = [_contact(row) for row in rows]
    except (ValueError, KeyError, TypeError, IndexError, OverflowError):
        # Written by another version of the node: a page must not fail for it.
        return []
    return [contact for contact in found if contact.expires_at > now]


def _contact(row: Mapping[str, Any]) -> Contact:
    remote: Sequence[Any] = row["remote"]
    return Contact(
        uri=str(row["uri"]),
        address=f"{row['transport']} {remote[0]}:{remote[1]}",
        user_agent=str(row["user_agent"]),
        expires_at=datetime.fromtimestamp(float(row["expires_at"]), UTC),
    )
