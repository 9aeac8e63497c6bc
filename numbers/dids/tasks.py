"""Background work of the dids app; thin."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from dids import services
from dids.limits import RESTOCK_BATCH
from tenants.tasks import SystemTask


@shared_task(base=SystemTask)
def restock_rested() -> None:
    """Put numbers whose quarantine is over back into stock."""
    while services.restock_rested(timezone.now()) == RESTOCK_BATCH:
        pass


BEAT_SCHEDULE = {"dids-restock": {"task": "dids.tasks.restock_rested", "schedule": 3600.0}}
