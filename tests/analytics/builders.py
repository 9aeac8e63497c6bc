"""Calls, attempts and charges for the tests of figures, written as the loader and billing would."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from billing.choices import ChargeStatus
from billing.models import Charge
from sip.cdr.record import AttemptRecord, CallRecord
from sip.models import Call, CallAttempt
from tenants.choices import TenantKind
from tenants.models import Tenant
from tenants.services import create_tenant

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
"""The hour the tests' calls lie in: a partition of its month is always there."""


def tenants() -> tuple[Tenant, Tenant, Tenant, Tenant]:
    """Make the operator, a reseller, the reseller's customer *alice* and the operator's customer *bob*."""
    operator = create_tenant(name="Trunkco", kind=TenantKind.OPERATOR)
    reseller = create_tenant(name="Resellco", kind=TenantKind.RESELLER, parent=operator)
    alice = create_tenant(name="Alice", kind=TenantKind.CUSTOMER, parent=reseller)
    bob = create_tenant(name="Bob", kind=TenantKind.CUSTOMER, parent=operator)
    return operator, reseller, alice, bob


def call(tenant_id: int, at_s: float = 60.0, status: int = 200, **changes: Any) -> CallRecord:
    """Return an outbound call to France over trunk 1 that began ``at_s`` seconds into ``HOUR``.

    Answered calls talk for 30 s; every call but one with status 404 or 503 rang after 1.5 s. Attempts follow from the
    call unless they are given.
    """
    started_at = HOUR.timestamp() + at_s
    rang = status not in (404, 503)
    answered = status == 200
    record = CallRecord(
        call_id=uuid4().hex, node="n1", tenant_id=tenant_id, direction="outbound", caller="+12125550100",
        called="+33199000001", dialled="0033199000001", destination="+33199000001", account_id=1, a_line_id=1,
        a_trunk_id=None, b_line_id=None, b_trunk_id=1, sip_call_id="a", from_tag="f", peer="127.0.0.1:5062",
        user_agent="", started_at=started_at, ringing_at=started_at + 1.5 if rang else None,
        answered_at=started_at + 5 if answered else None, ended_at=started_at + (35 if answered else 6),
        duration_s=30.0 if answered else 0.0, pdd_s=1.5 if rang else None, ended_by="caller", sip_status=status,
        sip_reason="", q850_cause=16, a_q850_cause=16, b_q850_cause=16, refusal_code="", fraud_rule_id=None,
        is_emergency=False, attempts=(),
    )  # fmt: skip
    record = replace(record, **changes)
    if "attempts" not in changes and (record.b_trunk_id or record.b_line_id):
        record = replace(record, attempts=(attempt(record),))
    return record


def refused(tenant_id: int, code: str = "fraud.barred", **changes: Any) -> CallRecord:
    """Return a call the platform refused before it tried anything."""
    nothing: dict[str, Any] = {
        "refusal_code": code,
        "b_trunk_id": None,
        "ringing_at": None,
        "pdd_s": None,
        "attempts": (),
    }
    return call(tenant_id, status=403, **(nothing | changes))


def attempt(record: CallRecord, number: int = 1, **changes: Any) -> AttemptRecord:
    """Return the attempt that carried the call."""
    made = AttemptRecord(
        attempt=number, line_id=record.b_line_id, trunk_id=record.b_trunk_id, called=record.called, sip_call_id="b",
        started_at=record.started_at, ringing_at=record.ringing_at, answered_at=record.answered_at,
        ended_at=record.ended_at, sip_status=record.sip_status, sip_reason="", q850_cause=16, is_last=True, peer="",
    )  # fmt: skip
    return replace(made, **changes)


def moment(seconds: float | None) -> datetime | None:
    """Return a record's time as the database has it."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def store(records: Sequence[CallRecord]) -> None:
    """Write the records' rows."""
    times = ("started_at", "ringing_at", "answered_at", "ended_at")
    calls, attempts = [], []
    for record in records:
        values = record.to_json()
        rows = values.pop("attempts")
        values |= {name: moment(values[name]) for name in times}
        call_id = UUID(record.call_id)
        calls.append(Call(**(values | {"call_id": call_id, "loaded_at": HOUR})))
        for row in rows:
            row |= {name: moment(row[name]) for name in times}
            attempts.append(
                CallAttempt(**row, call_id=call_id, call_started_at=values["started_at"], tenant_id=record.tenant_id)
            )
    Call.objects.bulk_create(calls)
    CallAttempt.objects.bulk_create(attempts)


def charge(record: CallRecord, amount: int, cost: int | None, currency: str = "USD", cost_currency: str = "") -> Charge:
    """Return a rated charge of a call, not yet written."""
    started_at = datetime.fromtimestamp(record.started_at, UTC)
    return Charge(
        call_id=UUID(record.call_id), tenant_id=record.tenant_id, account_id=1, status=ChargeStatus.RATED,
        started_at=started_at, number=record.destination, duration_s=max(1, int(record.duration_s)),
        amount_nanos=amount, currency=currency, trunk_id=record.b_trunk_id, cost_nanos=cost,
        cost_currency=cost_currency or (currency if cost is not None else ""), charged_at=HOUR,
    )  # fmt: skip


def charge_all(charges: Iterable[Charge]) -> None:
    """Write charges."""
    Charge.objects.bulk_create(list(charges))
