"""Bans as people see and lay them: through Redis, where every node hears of them (``sip.io.redis_bans``)."""

from __future__ import annotations

import json
import time
from typing import Any

import redis
from django.conf import settings

from sip.io.redis_bans import CHANNEL, PREFIX, STATE_PREFIX, SharedBan
from sip.stack.guard.sources import parse_source

TIMEOUT_S = 0.5
"""A page that shows bans beside other things does not wait longer for a Redis that is away."""

LISTED_MAX = 1_000
"""Bans shown at once, the longest ones; there are as many as attackers please."""


def list_bans() -> list[SharedBan]:
    """Return the bans that hold, the longest first.

    Raises:
        redis.RedisError, OSError: Redis is away.
    """
    with _client() as client:
        found = [SharedBan.parse(text) for text in _values(client, PREFIX)]
    return sorted(found, key=lambda ban: (-ban.until, ban.source))[:LISTED_MAX]


def lay_ban(text: str, duration_s: float, reason: str, who: str) -> SharedBan:
    """Ban an address for a time, whoever it is; a carrier's address and one of ``SIP_NEVER_BAN`` is heard all the same.

    Raises:
        ValueError: it is no address.
        redis.RedisError, OSError: Redis is away.
    """
    if duration_s <= 0:
        raise ValueError(f"a ban lasts longer than {duration_s:g} s")
    ban = SharedBan(parse_source(text), time.time() + duration_s, reason, True, who)
    with _client() as client, client.pipeline() as pipe:
        pipe.set(PREFIX + ban.source, ban.to_json(), pxat=int(ban.until * 1000))
        pipe.publish(CHANNEL, ban.to_json())
        pipe.execute()
    return ban


def lift_ban(text: str) -> bool:
    """End a ban on all nodes; returns whether there was one.

    Raises:
        ValueError: it is no address.
        redis.RedisError, OSError: Redis is away.
    """
    source = parse_source(text)
    with _client() as client, client.pipeline() as pipe:
        pipe.delete(PREFIX + source)
        pipe.publish(CHANNEL, "-" + source)
        removed: list[Any] = pipe.execute()
    return bool(removed[0])


def guard_states() -> dict[str, dict[str, int]]:
    """Return what each running node's guard did, by node.

    Raises:
        redis.RedisError, OSError: Redis is away.
    """
    with _client() as client:
        keys: list[bytes] = sorted(client.scan_iter(match=STATE_PREFIX + "*"))
        texts: Any = client.mget(keys) if keys else []
    pairs = zip(keys, texts, strict=True)
    return {key.decode().removeprefix(STATE_PREFIX): json.loads(text) for key, text in pairs if text is not None}


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)


def _values(client: redis.Redis, prefix: str) -> list[bytes]:
    keys: list[bytes] = list(client.scan_iter(match=prefix + "*", count=500))
    texts: Any = client.mget(keys) if keys else []
    return [text for text in texts if text is not None]
