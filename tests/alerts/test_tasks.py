"""What beat is told to run exists."""

from __future__ import annotations

from alerts.tasks import BEAT_SCHEDULE
from dids.tasks import BEAT_SCHEDULE as DIDS_SCHEDULE
from voip.celery import app


def test_every_scheduled_task_is_known_to_the_worker() -> None:
    app.loader.import_default_modules()
    scheduled = [entry["task"] for entry in (*BEAT_SCHEDULE.values(), *DIDS_SCHEDULE.values())]
    assert scheduled == ["alerts.tasks.sweep", "dids.tasks.restock_rested"]
    assert [name for name in scheduled if name not in app.tasks] == []
