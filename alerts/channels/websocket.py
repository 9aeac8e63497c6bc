"""Browsers that are logged in: one group of the channel layer for the operator, one for each tenant."""

from __future__ import annotations

from typing import Any

import redis.exceptions
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

from alerts.errors import ChannelError
from alerts.limits import WEBSOCKET_ATTEMPTS_MAX
from alerts.models import Delivery, Event

OPERATOR_GROUP = "alerts.operator"


def group_of(tenant_id: int, *, is_operator: bool) -> str:
    """Return the group a tenant's users listen to."""
    return OPERATOR_GROUP if is_operator else f"alerts.tenant.{tenant_id}"


def as_message(event: Event, *, for_operator: bool) -> dict[str, Any]:
    """Return an event as the browser gets it; only the operator's carries the way into the admin site."""
    return {
        "id": event.pk,
        "kind": event.kind,
        "subject": event.subject,
        "severity": event.severity,
        "tenant_id": event.tenant_id,
        "tenant": event.tenant.name,
        "created_at": event.created_at.isoformat(),
        "url": event.payload.get("admin_url", "") if for_operator else "",
    }


class WebsocketChannel:
    """Publishes to a group; who is not connected reads what was missed when connecting."""

    attempts_max = WEBSOCKET_ATTEMPTS_MAX

    def deliver(self, delivery: Delivery) -> None:
        """Publish the event to the group."""
        layer = get_channel_layer()
        if layer is None:
            raise ChannelError("no channel layer is configured", permanent=True)
        event = as_message(delivery.event, for_operator=delivery.receiver == OPERATOR_GROUP)
        try:
            async_to_sync(layer.group_send)(delivery.receiver, {"type": "alert.event", "event": event})
        except (redis.exceptions.RedisError, OSError) as error:
            raise ChannelError(f"channel layer: {error}", permanent=False) from error
