"""From an event to its deliveries, and each delivery to its end. At least once; never twice from one worker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from alerts.channels import CHANNELS
from alerts.channels.websocket import group_of
from alerts.choices import Channel, DeliveryState
from alerts.errors import ChannelError
from alerts.limits import EVENTS_A_BATCH, LEASE_S, RETRY_AFTER_S
from alerts.models import Delivery, DeliveryAttempt, Event, Recipient, WebhookEndpoint


@transaction.atomic
def plan_pending(now: datetime) -> list[Delivery]:
    """Write a delivery for every receiver of the oldest undispatched events, and return them.

    Events another worker is planning are passed over (SKIP LOCKED).
    """
    events = list(
        Event.objects.pending()
        .select_related("tenant")
        .select_for_update(skip_locked=True, of=("self",))[:EVENTS_A_BATCH]
    )
    planned = Delivery.objects.bulk_create(delivery for event in events for delivery in _deliveries_of(event, now))
    Event.objects.filter(pk__in=[event.pk for event in events]).update(dispatched_at=now)
    return planned


def deliver(delivery_id: int, now: datetime) -> bool:
    """Attempt a delivery that is due; return whether it arrived. One that is not due, or taken, is left alone."""
    is_taken = (
        Delivery.objects.due(now)
        .filter(pk=delivery_id)
        .order_by()
        .update(attempts=F("attempts") + 1, next_attempt_at=now + timedelta(seconds=LEASE_S))
    )
    if not is_taken:
        return False
    delivery = Delivery.objects.select_related("event__tenant", "recipient__user", "endpoint").get(pk=delivery_id)
    started = time.monotonic()
    error = _attempt(delivery)
    _note(delivery, error, now, duration_ms=round((time.monotonic() - started) * 1000))
    return error is None


def _attempt(delivery: Delivery) -> ChannelError | None:
    channel = CHANNELS[delivery.channel]
    if delivery.attempts > channel.attempts_max:
        # Only a worker that dies each time it tries leads here: its attempts are counted, their outcome is not known.
        return ChannelError("given up: every attempt took its worker down", permanent=True)
    try:
        channel.deliver(delivery)
    except ChannelError as error:
        return error
    return None


def retry_at(attempts: int, now: datetime) -> datetime:
    """Return when to try again after so many failed attempts."""
    return now + timedelta(seconds=RETRY_AFTER_S[min(attempts, len(RETRY_AFTER_S)) - 1])


def _deliveries_of(event: Event, now: datetime) -> Iterator[Delivery]:
    """Yield a delivery for every receiver: the tenant's own, and those of its resellers and the operator above."""
    audience = [*event.tenant.ancestor_ids, event.tenant_id]
    for tenant_id in audience:
        is_operator = tenant_id == audience[0]
        yield _delivery(event, now, tenant_id, Channel.WEBSOCKET, group_of(tenant_id, is_operator=is_operator))
    for person in Recipient.objects.for_event(event, audience):
        yield _delivery(event, now, person.tenant_id, Channel.EMAIL, f"recipient:{person.pk}", recipient=person)
    for endpoint in WebhookEndpoint.objects.for_event(event, audience):
        yield _delivery(event, now, endpoint.tenant_id, Channel.WEBHOOK, f"endpoint:{endpoint.pk}", endpoint=endpoint)


def _delivery(
    event: Event,
    now: datetime,
    tenant_id: int,
    channel: Channel,
    receiver: str,
    recipient: Recipient | None = None,
    endpoint: WebhookEndpoint | None = None,
) -> Delivery:
    return Delivery(
        tenant_id=tenant_id,
        event=event,
        channel=channel,
        receiver=receiver,
        recipient=recipient,
        endpoint=endpoint,
        next_attempt_at=now,
    )


@transaction.atomic
def _note(delivery: Delivery, error: ChannelError | None, now: datetime, duration_ms: int) -> None:
    """Write the attempt to the log and the outcome to the delivery."""
    DeliveryAttempt.objects.create(
        tenant_id=delivery.tenant_id,
        delivery=delivery,
        attempt=delivery.attempts,
        at=now,
        duration_ms=duration_ms,
        is_ok=error is None,
        status=error.status if error else None,
        error=str(error)[:500] if error else "",
        response=error.response if error else "",
    )
    if error is None:
        delivery.state, delivery.delivered_at, delivery.last_error = DeliveryState.DELIVERED, now, ""
    else:
        is_last = error.permanent or delivery.attempts >= CHANNELS[delivery.channel].attempts_max
        delivery.state = DeliveryState.FAILED if is_last else DeliveryState.PENDING
        delivery.next_attempt_at = retry_at(delivery.attempts, now)
        delivery.last_error = str(error)[:500]
    delivery.save(update_fields=["state", "delivered_at", "last_error", "next_attempt_at"])
