"""Which trunks nodes pass over because they do not answer OPTIONS: told by the nodes, read from Redis."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import redis
from django.conf import settings

from sip.registrations import TIMEOUT_S

KEY = "trunks-down"
"""Hash: node → what ``state_of`` returns."""
KEPT_S = 60
"""A node that has told nothing for so long is no witness any more."""


def state_of(trunk_ids: Sequence[int], wall: float) -> str:
    """Return what a node tells: since when it knows, and the ids of the trunks it passes over."""
    return json.dumps({"at": wall, "ids": list(trunk_ids)}, separators=(",", ":"))


def nodes_without(wall: float) -> dict[int, list[str]] | None:
    """Return, by trunk, the nodes that pass it over; ``None`` when Redis does not answer."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        ) as client:
            rows: Any = client.hgetall(KEY)
    except (redis.RedisError, OSError):
        return None
    found: dict[int, list[str]] = {}
    for node, text in sorted(rows.items()):
        for trunk_id in _ids(text, wall):
            found.setdefault(trunk_id, []).append(node.decode())
    return found


def _ids(text: bytes, wall: float) -> list[int]:
    try:
        state = json.loads(text)
        return [int(trunk_id) for trunk_id in state["ids"]] if float(state["at"]) > wall - KEPT_S else []
    except (ValueError, KeyError, TypeError):
        # Written by another version of the node: a page must not fail for it.
        return []
