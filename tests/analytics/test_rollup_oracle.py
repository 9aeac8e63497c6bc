"""The roll-ups' SQL against a recomputation from the raw records with pandas, for calls made by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analytics.kpis import PDD_CLASSES, is_effective, is_seizure, pdd_class
from analytics.models import HourlyTraffic
from analytics.services import mark_dirty, recompute_dirty
from billing.models import Charge
from sip.cdr.record import AttemptRecord, CallRecord
from tests.analytics import builders

pytestmark = pytest.mark.django_db

KEYS = ["hour", "tenant", "basis", "direction", "trunk", "destination", "currency"]
SUMS = ["seizures", "answered", "effective", "refused", "duration_ms", "pdd_count", "pdd_sum_ms", "revenue", "cost"]
STATUSES = st.sampled_from([200, 200, 200, 404, 408, 480, 486, 487, 503, 600, 603])
WHOLE_MS = st.integers(0, 70_000).map(lambda ms: ms / 1000)
DESTINATIONS = {"+33199000001": "FR", "+12125550100": "US", "+441534123456": "JE", "+881612345678": "other"}


@st.composite
def calls(draw: st.DrawFn, tenant_ids: Sequence[int]) -> CallRecord:
    """A call of any outcome, with up to two failed attempts before its last."""
    called = draw(st.sampled_from(sorted(DESTINATIONS)))
    record = builders.call(
        draw(st.sampled_from(tenant_ids)), draw(st.integers(-3_600, 3_599)), draw(STATUSES), called=called,
        destination=draw(st.sampled_from(["", called])),
    )  # fmt: skip
    if draw(st.integers(0, 9)) == 0:
        return builders.refused(record.tenant_id, started_at=record.started_at, called=called, destination="")
    pdd_s = draw(st.none() | WHOLE_MS)
    record = replace(
        record,
        pdd_s=pdd_s,
        ringing_at=None if pdd_s is None else record.started_at + pdd_s,
        duration_s=draw(WHOLE_MS) if record.sip_status == 200 else 0.0,
        b_trunk_id=draw(st.sampled_from([1, 2])),
    )
    failures = draw(st.lists(st.sampled_from([408, 500, 503]), max_size=2))
    failed = [
        builders.attempt(
            record, number, trunk_id=3 - number, sip_status=status, ringing_at=None, answered_at=None, is_last=False
        )
        for number, status in enumerate(failures, 1)
    ]
    return replace(record, attempts=(*failed, builders.attempt(record, len(failed) + 1)))


def _charges(records: Sequence[CallRecord]) -> list[Charge]:
    answered = [record for record in records if record.answered_at is not None]
    return [
        builders.charge(
            record, 1_000 + index, 700 + index if index % 3 else None, "USD", "EUR" if index % 5 == 1 else ""
        )
        for index, record in enumerate(answered)
    ]


def _fact(
    record: CallRecord, charge: Charge | None, basis: str, trunk: int | None, row: Any, last: bool
) -> dict[str, Any]:
    """Return one counted thing: a call, or an attempt (``row``) of it."""
    is_call = isinstance(row, CallRecord)
    seized = is_seizure(record.refusal_code, bool(record.attempts)) if is_call else True
    answered = row.answered_at is not None
    pdd_s = row.pdd_s if is_call else None if row.ringing_at is None else round(row.ringing_at - row.started_at, 3)
    pdd_ms = round(pdd_s * 1000) if pdd_s is not None and seized else None
    own_currency = charge is None or charge.cost_currency == charge.currency
    return {
        "hour": builders.moment(record.started_at // 3600 * 3600), "tenant": record.tenant_id, "basis": basis,
        "direction": record.direction, "trunk": trunk or 0, "destination": DESTINATIONS[record.called],
        "currency": "USD", "seizures": int(seized), "answered": int(seized and answered),
        "effective": int(seized and is_effective(row.sip_status, answered, row.ringing_at is not None)),
        "refused": int(not seized), "duration_ms": round(record.duration_s * 1000) if last and answered else 0,
        "pdd_count": int(pdd_ms is not None), "pdd_sum_ms": pdd_ms or 0,
        "class": -1 if pdd_ms is None else pdd_class(pdd_ms),
        "revenue": charge.amount_nanos if charge is not None and last else 0,
        "cost": (charge.cost_nanos or 0) if charge is not None and last and own_currency else 0,
    }  # fmt: skip


def _foreign(fact: dict[str, Any], charge: Charge | None) -> list[dict[str, Any]]:
    if charge is None or not charge.cost_nanos or charge.cost_currency == charge.currency:
        return []
    return [fact | dict.fromkeys(SUMS, 0) | {"class": -1, "currency": charge.cost_currency, "cost": charge.cost_nanos}]


def expected(records: Sequence[CallRecord], charges: Sequence[Charge]) -> pd.DataFrame:
    """Compute the roll-ups from the raw records."""
    by_call = {charge.call_id.hex: charge for charge in charges}
    facts: list[dict[str, Any]] = []
    for record in records:
        charge = by_call.get(record.call_id)
        things: list[tuple[str, int | None, CallRecord | AttemptRecord, bool]] = [("call", None, record, True)]
        things += [("trunk", row.trunk_id, row, row.is_last) for row in record.attempts]
        for basis, trunk, row, last in things:
            fact = _fact(record, charge, basis, trunk, row, last)
            facts += [fact, *(_foreign(fact, charge) if last else [])]
    frame = pd.DataFrame(facts)
    sums = frame.groupby(KEYS)[SUMS].sum()
    classes = frame[frame["class"] >= 0].groupby([*KEYS, "class"]).size().unstack(fill_value=0)
    return sums.join(classes.reindex(columns=range(PDD_CLASSES), fill_value=0)).fillna(0).astype(int).sort_index()


def rolled_up() -> pd.DataFrame:
    """Read what the platform computed."""
    rows = [
        {
            "hour": row.hour, "tenant": row.tenant_id, "basis": row.basis, "direction": row.direction,
            "trunk": row.trunk_id or 0, "destination": row.destination, "currency": row.currency,
            "seizures": row.seizures, "answered": row.answered, "effective": row.effective, "refused": row.refused,
            "duration_ms": row.duration_ms, "pdd_count": row.pdd_count, "pdd_sum_ms": row.pdd_sum_ms,
            "revenue": row.revenue_nanos, "cost": row.cost_nanos,
        }
        | dict(enumerate(row.pdd_histogram))
        for row in HourlyTraffic.objects.all()
    ]  # fmt: skip
    return pd.DataFrame(rows).set_index(KEYS).astype(int).sort_index()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_rollups_equal_a_recomputation_from_the_raw_records(data: st.DataObject) -> None:
    with transaction.atomic():
        _, _, alice, bob = builders.tenants()
        records = data.draw(st.lists(calls((alice.pk, bob.pk)), min_size=1, max_size=25))
        charges = _charges(records)
        late = data.draw(st.integers(0, len(records)))
        for part in (records[late:], records[:late]):
            builders.store(part)
            wanted = {record.call_id for record in part}
            builders.charge_all([charge for charge in charges if charge.call_id.hex in wanted])
            mark_dirty(part)
            recompute_dirty()
        pd.testing.assert_frame_equal(rolled_up(), expected(records, charges), check_names=False)
        transaction.set_rollback(True)
