"""Call records as rows. Written by the loader alone, never changed; partitioned by month of ``started_at``.

In PostgreSQL the keys also hold the partition's time and the tenant (migration 0002); Django knows the calls by
``call_id``, which is unique by itself. No foreign keys in the database: a record outlives what it points to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models

from sip.choices import CallStatus, Direction, EndedBy
from sip.models.line import Line
from sip.models.trunk import Trunk
from sip.querysets import CallAttemptQuerySet, CallQuerySet
from tenants.models import Tenant


def _line(name: str) -> models.ForeignKey[Line | None, Line | None]:
    return models.ForeignKey(Line, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name=name)


def _trunk(name: str) -> models.ForeignKey[Trunk | None, Trunk | None]:
    return models.ForeignKey(
        Trunk, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name=name
    )


class Call(models.Model):
    """One call; the fields are those of ``sip.cdr.record.CallRecord``, whose docstrings say what each means."""

    call_id = models.UUIDField(primary_key=True)
    node = models.CharField(max_length=64)
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_constraint=False, db_index=False, related_name="calls")
    direction = models.CharField(max_length=8, choices=Direction.choices)
    caller = models.CharField(max_length=255)
    called = models.CharField(max_length=255)
    dialled = models.CharField(max_length=255)
    destination = models.CharField(max_length=16, blank=True)
    account_id = models.BigIntegerField(null=True)
    a_line = _line("calls_made")
    a_trunk = _trunk("calls_brought")
    b_line = _line("calls_taken")
    b_trunk = _trunk("calls_carried")
    sip_call_id = models.CharField("SIP Call-ID", max_length=255)
    from_tag = models.CharField("From tag", max_length=255)
    peer = models.CharField(max_length=64)
    user_agent = models.CharField(max_length=255, blank=True)
    started_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    duration_s = models.FloatField(
        "duration, s",
    )
    pdd_s = models.FloatField("post-dial delay, s", null=True)
    ended_by = models.CharField(max_length=8, choices=EndedBy.choices)
    sip_status = models.SmallIntegerField(
        "SIP status",
    )
    sip_reason = models.CharField("SIP reason", max_length=255, blank=True)
    q850_cause = models.SmallIntegerField(
        "Q.850 cause",
    )
    a_q850_cause = models.SmallIntegerField(
        "Q.850 cause, caller",
    )
    b_q850_cause = models.SmallIntegerField(
        "Q.850 cause, called",
    )
    refusal_code = models.CharField(max_length=64, blank=True)
    fraud_rule_id = models.BigIntegerField(null=True)
    is_emergency = models.BooleanField(default=False)
    loaded_at = models.DateTimeField()

    facts: dict[str, Any]
    """What higher apps know of it, once ``sip.extensions.attach_facts`` has run."""

    objects: ClassVar[CallQuerySet] = CallQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-started_at", "-call_id")
        indexes: ClassVar = [
            models.Index(fields=["tenant", "started_at"], name="call_tenant_started"),
            models.Index(fields=["started_at"], name="call_started"),
            models.Index(fields=["caller", "started_at"], name="call_caller"),
            models.Index(fields=["called", "started_at"], name="call_called"),
        ]

    def __str__(self) -> str:
        return f"{self.caller} → {self.called} at {self.started_at:%Y-%m-%d %H:%M:%S}"

    @property
    def status(self) -> CallStatus:
        """How it came out."""
        if self.answered_at is not None:
            return CallStatus.ANSWERED
        return CallStatus.REFUSED if self.refusal_code else CallStatus.FAILED


class CallAttempt(models.Model):
    """One try to reach one target of a call; the fields are those of ``sip.cdr.record.AttemptRecord``."""

    id = models.BigAutoField(primary_key=True)
    call = models.ForeignKey(Call, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="attempts")
    call_started_at = models.DateTimeField()
    """The call's own start: an attempt lies in the same month as its call."""
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, db_constraint=False, db_index=False, related_name="call_attempts"
    )
    attempt = models.SmallIntegerField()
    line = _line("attempts")
    trunk = _trunk("attempts")
    called = models.CharField(max_length=255)
    sip_call_id = models.CharField("SIP Call-ID", max_length=255)
    started_at = models.DateTimeField()
    ringing_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField()
    sip_status = models.SmallIntegerField(
        "SIP status",
    )
    sip_reason = models.CharField("SIP reason", max_length=255, blank=True)
    q850_cause = models.SmallIntegerField(
        "Q.850 cause",
    )
    is_last = models.BooleanField()
    peer = models.CharField(max_length=64)

    objects: ClassVar[CallAttemptQuerySet] = CallAttemptQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("call_started_at", "attempt")

    def __str__(self) -> str:
        return f"attempt {self.attempt} to {self.called}: {self.sip_status}"


def attach_attempts(calls: Sequence[Call]) -> None:
    """Fetch the attempts of these calls in one statement: as ``prefetch_related``, but within their months only."""
    if not calls:
        return
    starts = [call.started_at for call in calls]
    tries = CallAttempt.objects.visible().filter(call_started_at__range=(min(starts), max(starts)))
    models.prefetch_related_objects(calls, models.Prefetch("attempts", queryset=tries.order_by("attempt")))
