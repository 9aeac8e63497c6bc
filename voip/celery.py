"""The Celery application; each app brings its own tasks and its part of the beat schedule."""

from __future__ import annotations

import os
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voip.settings")

APPS = ("tenants", "alerts", "sip", "billing", "dids", "fraud", "analytics")

app = Celery("trunkline")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(list(APPS))


@app.on_after_finalize.connect
def merge_beat_schedules(sender: Celery, **_: Any) -> None:
    """Collect every app's ``BEAT_SCHEDULE``."""
    for name in APPS:
        if find_spec(f"{name}.tasks") is not None:
            sender.conf.beat_schedule.update(getattr(import_module(f"{name}.tasks"), "BEAT_SCHEDULE", {}))
