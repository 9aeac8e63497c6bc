"""The node's side of the live view: calls as they change, to watchers in batches and to Redis for the first paint.

Redis holds, all of them with an end of their own: the hash ``live:<node>`` (call id → call as JSON), the sorted set
``live-nodes`` (node → last heartbeat) and the sorted set ``live-watchers`` (group → last sign of a watcher). Nothing
is published to a group nobody watches. State and watchers are touched in one transaction, so that a watcher who comes
in between either finds a change in the hash or is sent it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from channels.layers import get_channel_layer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from analytics import limits
from sip import trunk_states
from sip.controller.ports import LiveCall

log = logging.getLogger(__name__)

NODES_KEY = "live-nodes"
WATCHERS_KEY = "live-watchers"
OPERATOR_GROUP = "live.operator"


def hash_key(node: str) -> str:
    """Return the key of a node's calls."""
    return f"live:{node}"


def tenant_group(tenant_id: int) -> str:
    """Return the group of those who watch a tenant's calls, and those of the tenants below it."""
    return f"live.tenant.{tenant_id}"


class Layer(Protocol):
    """The part of a channel layer that is used here."""

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Send a message to all of a group."""
        ...


class LivePublisher:
    """Tells watchers how one node's calls stand. ``changed`` and ``ended`` are cheap and never wait or raise.

    While Redis is away changes are dropped; when it is back the whole state is sent, marked ``reset``. ``ancestors``
    names the tenants above a tenant: each of them sees the call too.
    """

    def __init__(
        self,
        redis_url: str,
        node: str,
        ancestors: Callable[[int], tuple[int, ...]],
        layer: Layer | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._node = node
        self._ancestors = ancestors
        self._layer: Layer = layer if layer is not None else get_channel_layer()
        self._wall = wall
        self._redis: Redis = Redis.from_url(redis_url, socket_timeout=2.0, socket_connect_timeout=2.0)
        self._calls: dict[str, LiveCall] = {}
        self._pending: dict[str, LiveCall | None] = {}
        """Changes not yet sent; the value is kept only for a call that is over, which ``_calls`` no longer has."""
        self._must_reset = True
        self._is_away = False
        self._heartbeat_due = 0.0
        self.trunks_down: Callable[[], Sequence[int]] = tuple
        """Tells which trunks the node passes over; told to others with each heartbeat."""

    def changed(self, call: LiveCall) -> None:
        """Learn that a call is new or in another state."""
        call_id = call["call_id"]
        if call_id not in self._calls and len(self._calls) >= limits.LIVE_CALLS_MAX:
            return
        self._calls[call_id] = call
        if not self._must_reset:
            self._pending[call_id] = None

    def ended(self, call_id: str) -> None:
        """Learn that a call is over."""
        call = self._calls.pop(call_id, None)
        if call is None or self._must_reset:
            return
        self._pending[call_id] = call
        if len(self._pending) > limits.LIVE_CALLS_MAX:
            # More than the watchers can be told of; they get the state as it is instead of every step to it.
            self._forget_pending()

    async def run(self) -> None:
        """Publish until cancelled."""
        try:
            while True:
                await asyncio.sleep(limits.LIVE_RETRY_S if self._is_away else limits.LIVE_BATCH_S)
                await self.flush()
        finally:
            await self._redis.aclose()

    async def flush(self) -> None:
        """Publish one batch; does nothing when there is nothing to say."""
        now = self._wall()
        if not self._pending and not self._must_reset and now < self._heartbeat_due:
            return
        try:
            await self._publish(now)
        except (RedisError, OSError) as error:
            self._forget_pending()
            if not self._is_away:
                log.warning("live view: Redis is away, calls are not shown: %s", error)
            self._is_away = True
            return
        if self._is_away:
            log.info("live view: Redis is back")
            self._is_away = False

    def _forget_pending(self) -> None:
        self._pending.clear()
        self._must_reset = True

    async def _publish(self, now: float) -> None:
        reset, self._must_reset = self._must_reset, False
        if reset:
            self._pending = dict.fromkeys(self._calls)
        calls, ended = self._take_batch()
        watched = await self._store(now, reset, [call for call in calls if call["call_id"] not in ended], ended)
        self._heartbeat_due = now + limits.LIVE_HEARTBEAT_S
        for group, message in self._messages(watched, reset, calls, ended):
            await self._layer.group_send(group, message)

    def _take_batch(self) -> tuple[list[LiveCall], dict[str, int]]:
        """Take the oldest changes: calls as they are now, and the tenant of each call that is over."""
        calls: list[LiveCall] = []
        ended: dict[str, int] = {}
        for call_id in list(self._pending)[: limits.LIVE_BATCH_CALLS_MAX]:
            over = self._pending.pop(call_id)
            call = over if over is not None else self._calls.get(call_id)
            if call is not None:
                calls.append(call)
            if over is not None:
                ended[call_id] = over["tenant_id"]
        return calls, ended

    async def _store(self, now: float, reset: bool, calls: list[LiveCall], ended: Iterable[str]) -> frozenset[str]:
        """Bring the hash up to date, say that the node lives, and return the groups somebody watches."""
        key = hash_key(self._node)
        gone = list(ended)
        async with self._redis.pipeline(transaction=True) as pipe:
            if reset:
                pipe.delete(key)
            if calls:
                pipe.hset(key, mapping={call["call_id"]: json.dumps(call, separators=(",", ":")) for call in calls})
            if gone:
                pipe.hdel(key, *gone)
            pipe.expire(key, limits.LIVE_KEY_EXPIRES_S)
            pipe.zadd(NODES_KEY, {self._node: now})
            pipe.expire(NODES_KEY, limits.LIVE_KEY_EXPIRES_S)
            if now >= self._heartbeat_due:
                pipe.hset(trunk_states.KEY, self._node, trunk_states.state_of(self.trunks_down(), now))
                pipe.expire(trunk_states.KEY, trunk_states.KEPT_S)
            pipe.zrangebyscore(WATCHERS_KEY, now - 2 * limits.LIVE_RESYNC_S, "+inf")
            results = await pipe.execute()
        return frozenset(group.decode() for group in results[-1])

    def _messages(
        self, watched: frozenset[str], reset: bool, calls: list[LiveCall], ended: dict[str, int]
    ) -> list[tuple[str, dict[str, Any]]]:
        """Return one message a watched group; after a reset every watcher is told, calls or none."""
        by_group: dict[str, dict[str, Any]] = {}

        def message_of(group: str) -> dict[str, Any]:
            empty = {"type": "live.delta", "node": self._node, "reset": reset, "calls": [], "ended": []}
            return by_group.setdefault(group, empty)

        if reset:
            for group in watched:
                message_of(group)
        for call in calls:
            for group in self._groups(call["tenant_id"]) & watched:
                message_of(group)["calls"].append(call)
        for call_id, tenant_id in ended.items():
            for group in self._groups(tenant_id) & watched:
                message_of(group)["ended"].append(call_id)
        return list(by_group.items())

    def _groups(self, tenant_id: int) -> set[str]:
        tenants = (tenant_id, *self._ancestors(tenant_id))
        return {OPERATOR_GROUP, *(tenant_group(number) for number in tenants)}
