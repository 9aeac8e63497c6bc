"""Periodic work of the network. Thin: the doing is in ``partitions``."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from sip import partitions
from tenants.tasks import SystemTask


@shared_task(base=SystemTask, name="sip.ensure_partitions")
def ensure_partitions() -> int:
    """Make the partitions of the months ahead, of every partitioned table of the platform; run it daily."""
    return partitions.ensure_ahead(timezone.now().date())


BEAT_SCHEDULE = {"sip-ensure-partitions": {"task": "sip.ensure_partitions", "schedule": 24 * 3600.0}}
