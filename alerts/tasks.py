"""Background work of the alerts app; thin."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from alerts import dispatch
from alerts.choices import Channel
from alerts.limits import DELIVERIES_A_SWEEP, DELIVERY_S_MAX, SWEEP_EVERY_S
from alerts.models import Delivery, Event
from tenants.tasks import SystemTask


@shared_task(base=SystemTask)
def dispatch_events() -> None:
    """Plan deliveries of new events; browsers are told at once, the rest by a task each."""
    while planned := dispatch.plan_pending(timezone.now()):
        for delivery in planned:
            if delivery.channel == Channel.WEBSOCKET:
                dispatch.deliver(delivery.pk, timezone.now())
            else:
                deliver.delay(delivery.pk)


@shared_task(base=SystemTask, soft_time_limit=DELIVERY_S_MAX, time_limit=2 * DELIVERY_S_MAX)
def deliver(delivery_id: int) -> None:
    """Attempt one delivery, if it is due and nobody else has taken it."""
    dispatch.deliver(delivery_id, timezone.now())


@shared_task(base=SystemTask)
def sweep() -> None:
    """Take up what was left: events whose task was lost, retries that are due, deliveries whose worker died."""
    if Event.objects.pending().exists():
        dispatch_events.delay()
    for delivery_id in Delivery.objects.due(timezone.now()).values_list("pk", flat=True)[:DELIVERIES_A_SWEEP]:
        deliver.delay(delivery_id)


BEAT_SCHEDULE = {"alerts-sweep": {"task": "alerts.tasks.sweep", "schedule": SWEEP_EVERY_S, "options": {"expires": 30}}}
