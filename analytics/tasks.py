"""Work of the analytics app that waits for nobody."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from analytics.services import recompute_dirty
from tenants.tasks import SystemTask

ROLL_UP_EVERY_S = 10.0
"""How long a call's end may take to show on the dashboard; recomputing an hour costs milliseconds."""

BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "analytics-roll-up": {
        "task": "analytics.roll_up",
        "schedule": ROLL_UP_EVERY_S,
        # Nobody misses a run that was not begun before the next one is due.
        "options": {"expires": ROLL_UP_EVERY_S},
    }
}


@shared_task(base=SystemTask, name="analytics.roll_up")
def roll_up() -> int:
    """Make marked hours anew; returns how many."""
    return recompute_dirty()
