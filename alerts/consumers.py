"""The websocket of the bell: what happened lately, then what happens, to who may see it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from redis.exceptions import RedisError

from alerts.channels.websocket import as_message, group_of
from alerts.limits import CONNECTION_S_MAX, RECENT_EVENTS_MAX
from alerts.models import Event
from tenants.choices import Role
from tenants.models import User
from tenants.roles import can
from tenants.scope import system_scope, tenant_scope
from tenants.services import visible_tenant_ids

CLOSE_NOT_LOGGED_IN = 4401
"""The page does not try again: a login makes a new page."""
CLOSE_TRY_AGAIN = 1013
"""Redis is away, or the connection is too old; the page connects anew (RFC 6455 §7.4, IANA registry)."""


class AlertsConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Sends ``{"type": "hello", "events": […]}`` once, newest first, then ``{"type": "event", "event": {…}}``.

    The operator's staff hears of all tenants; a tenant's user of the own tenant and those below it.
    """

    async def connect(self) -> None:
        """Join the user's group and send what happened lately; a stranger is turned away."""
        self._group = ""
        self._ageing: asyncio.TimerHandle | None = None
        user = self.scope.get("user")
        await self.accept()  # A close before it would reach the browser as a failed connection, without the code.
        if user is None or not user.is_authenticated:
            await self.close(CLOSE_NOT_LOGGED_IN)
            return
        found = await database_sync_to_async(_listener)(user.pk)
        if found is None:
            await self.close(CLOSE_NOT_LOGGED_IN)
            return
        group, visible = found
        try:
            # Joined before the past is read: what happens in between comes twice, which the page can tell by the id.
            await self.channel_layer.group_add(group, self.channel_name)
        except (RedisError, OSError):
            await self.close(CLOSE_TRY_AGAIN)
            return
        self._group = group
        await self.send_json({"type": "hello", "events": await database_sync_to_async(_recent)(visible)})
        loop = asyncio.get_running_loop()
        self._ageing = loop.call_later(CONNECTION_S_MAX, lambda: loop.create_task(self.close(CLOSE_TRY_AGAIN)))

    async def disconnect(self, code: int) -> None:
        """Leave the group."""
        if self._ageing is not None:
            self._ageing.cancel()
        if self._group:
            with suppress(RedisError, OSError):
                await self.channel_layer.group_discard(self._group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Ignore what a browser says, well-formed or not: there is nothing to ask."""

    async def alert_event(self, message: dict[str, Any]) -> None:
        """Pass on what was published to the group."""
        await self.send_json({"type": "event", "event": message["event"]})


def _listener(user_id: int) -> tuple[str, frozenset[int] | None] | None:
    """Return a user's group and visible tenants (``None``: all), or ``None`` for who may not listen."""
    with system_scope():
        user = User.objects.select_related("tenant").filter(pk=user_id, is_active=True, tenant__is_active=True).first()
        if user is None or not can(Role(user.role), "alerts", "view"):
            return None
        visible = visible_tenant_ids(user)
        return group_of(user.tenant_id, is_operator=visible is None), visible


def _recent(visible: frozenset[int] | None) -> list[dict[str, Any]]:
    with system_scope() if visible is None else tenant_scope(visible):
        events = Event.objects.visible().select_related("tenant").order_by("-pk")[:RECENT_EVENTS_MAX]
        return [as_message(event, for_operator=visible is None) for event in events]
