"""The websocket of the live view: everything at once, then what changes, narrowed to who is watching."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import Any, cast

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from analytics import limits
from analytics.live import NODES_KEY, OPERATOR_GROUP, WATCHERS_KEY, hash_key, tenant_group
from analytics.names import names_of
from tenants.choices import Role
from tenants.models import User
from tenants.roles import can
from tenants.services import visible_tenant_ids

CLOSE_NOT_ALLOWED = 4403
"""The user may not (or no more) watch: the page shows the login, it does not try again."""
CLOSE_TRY_AGAIN = 1013
"""Redis is away; the page tries again (RFC 6455 §7.4, IANA registry)."""

LiveRow = dict[str, Any]


class LiveConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Sends ``snapshot`` messages (all calls in progress) and ``delta`` messages (what changed).

    A tenant's user gets the calls of the own tenant and of those below it, without the operator's trunks.
    """

    async def connect(self) -> None:
        """Join the user's group and send what is going on; a stranger is turned away."""
        self._resync: asyncio.Task[None] | None = None
        self._redis: Redis = Redis.from_url(settings.REDIS_URL, socket_timeout=2.0, socket_connect_timeout=2.0)
        self._group = ""
        user = self.scope.get("user")
        if user is None or not user.is_authenticated or not await self._admit(user.pk):
            await self.accept()  # A close before it would reach the browser as a failed connection, without the code.
            await self.close(CLOSE_NOT_ALLOWED)
            return
        await self.accept()
        self._user_id = user.pk
        group = OPERATOR_GROUP if self._visible is None else tenant_group(self._tenant_id)
        try:
            await self.channel_layer.group_add(group, self.channel_name)
            self._group = group
            await self._send_snapshot()
        except (RedisError, OSError):
            await self.close(CLOSE_TRY_AGAIN)
            return
        self._resync = asyncio.create_task(self._keep_fresh())

    async def disconnect(self, code: int) -> None:
        """Leave the group and stop the timer."""
        if self._resync is not None:
            self._resync.cancel()
        with suppress(RedisError, OSError):
            if self._group:
                await self.channel_layer.group_discard(self._group, self.channel_name)
            await self._redis.aclose()

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """Ignore what a browser says: there is nothing to ask."""

    async def live_delta(self, event: dict[str, Any]) -> None:
        """Pass on what a node published to the group."""
        await self.send_json(
            {
                "type": "delta",
                "now": time.time(),
                "node": event["node"],
                "reset": event["reset"],
                "calls": await self._rows(event["calls"], event["node"]),
                "ended": event["ended"],
            }
        )

    async def _keep_fresh(self) -> None:
        while True:
            await asyncio.sleep(limits.LIVE_RESYNC_S)
            if not await self._admit(self._user_id):
                await self.close(CLOSE_NOT_ALLOWED)
                return
            try:
                await self._send_snapshot()
            except (RedisError, OSError):
                await self.close(CLOSE_TRY_AGAIN)
                return

    async def _admit(self, user_id: int) -> bool:
        found = await database_sync_to_async(_watcher)(user_id)
        if found is None:
            return False
        self._tenant_id, self._visible = found
        return True

    async def _send_snapshot(self) -> None:
        """Say that somebody watches, then read: in this order no change is missed (``analytics.live``)."""
        now = time.time()
        await self._redis.zadd(WATCHERS_KEY, {self._group: now})
        await self._redis.expire(WATCHERS_KEY, int(3 * limits.LIVE_RESYNC_S))
        oldest = now - limits.LIVE_KEY_EXPIRES_S
        nodes = await self._redis.zrangebyscore(NODES_KEY, oldest, "+inf", start=0, num=limits.LIVE_NODES_MAX)
        rows: list[LiveRow] = []
        for node in sorted(str(name, "utf-8") for name in cast("list[bytes]", nodes)):
            calls = [json.loads(text) for text in await self._redis.hvals(hash_key(node))]
            rows += await self._rows([call for call in calls if self._may_see(call)], node)
        await self.send_json({"type": "snapshot", "now": now, "nodes": len(nodes), "calls": rows})

    def _may_see(self, call: LiveRow) -> bool:
        return self._visible is None or call["tenant_id"] in self._visible

    async def _rows(self, calls: list[LiveRow], node: str) -> list[LiveRow]:
        """Return the calls as the page shows them: with names, and for a tenant without the operator's trunks."""
        if not calls:
            return []
        tenants = await database_sync_to_async(names_of)("tenant", {call["tenant_id"] for call in calls})
        trunks: dict[int, str] = {}
        trunk_ids = {call["trunk_id"] for call in calls if call["trunk_id"] is not None}
        if self._visible is None and trunk_ids:
            trunks = await database_sync_to_async(names_of)("trunk", trunk_ids)
        return [
            {
                "call_id": call["call_id"],
                "node": node,
                "state": call["state"],
                "tenant": tenants[call["tenant_id"]],
                "caller": call["caller"],
                "called": call["called"],
                "trunk": trunks.get(call["trunk_id"], ""),
                "started_at": call["started_at"],
                "answered_at": call["answered_at"],
            }
            for call in calls
        ]


def _watcher(user_id: int) -> tuple[int, frozenset[int] | None] | None:
    """Return a user's tenant and the tenants the user may see (``None``: all), or ``None`` for who may not watch."""
    user = User.objects.select_related("tenant").filter(pk=user_id, is_active=True, tenant__is_active=True).first()
    if user is None or not can(Role(user.role), "analytics", "view"):
        return None
    return user.tenant_id, visible_tenant_ids(user)
