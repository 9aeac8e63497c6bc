"""The one door for events: ``emit`` writes the outbox row in the caller's transaction; all else comes after commit."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

from alerts.choices import Severity
from alerts.limits import PAYLOAD_BYTES_MAX, SUBJECT_CHARS_MAX
from alerts.models import KIND_FORMAT, Event
from alerts.tasks import dispatch_events

logger = logging.getLogger(__name__)
_broker_is_away = False
"""Said once, not for every event until it is back."""


def emit(
    kind: str,
    *,
    tenant_id: int,
    subject: str,
    payload: Mapping[str, Any],
    severity: str = Severity.INFO,
    dedupe_key: str = "",
) -> Event:
    """Record that something happened to a tenant; it is told to browsers, people and programs after commit.

    ``payload`` is JSON-ready; ``payload["admin_url"]``, if given, is where the operator reads more. A second event of
    the same tenant and kind with the same ``dedupe_key`` is not made: the first one is returned.

    Raises:
        ValueError: the payload is longer than ``PAYLOAD_BYTES_MAX``, or the severity is none.
    """
    KIND_FORMAT(kind)
    if len(json.dumps(payload)) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"payload of {kind} is longer than {PAYLOAD_BYTES_MAX} bytes")
    values = {"subject": subject[:SUBJECT_CHARS_MAX], "payload": dict(payload), "severity": Severity(severity)}
    if dedupe_key:
        event, is_new = Event.objects.get_or_create(
            tenant_id=tenant_id, kind=kind, dedupe_key=dedupe_key, defaults=values
        )
    else:
        event, is_new = Event.objects.create(tenant_id=tenant_id, kind=kind, **values), True
    if is_new:
        transaction.on_commit(_wake_dispatcher)
    return event


def _wake_dispatcher() -> None:
    global _broker_is_away
    try:
        dispatch_events.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        # The event is safe in the outbox; the sweep finds it when the broker is back.
        if not _broker_is_away:
            logger.warning("events wait for the sweep, the broker is away: %s", error)
        _broker_is_away = True
    else:
        _broker_is_away = False
