"""Hourly roll-ups against values made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import call_command

from analytics.models import DirtyHour, HourlyTraffic
from analytics.services import mark_dirty, mark_window, recompute_dirty
from billing.models import Charge
from sip.cdr.record import CallRecord
from tests.analytics import builders
from tests.analytics.builders import HOUR

pytestmark = pytest.mark.django_db


def load(*records: CallRecord) -> None:
    """Do what the loader does."""
    builders.store(records)
    mark_dirty(records)


def test_an_hour_is_counted_by_the_definitions() -> None:
    _, _, alice, _ = builders.tenants()
    answered = builders.call(alice.pk)
    load(answered, builders.call(alice.pk, status=486), builders.call(alice.pk, status=503), builders.refused(alice.pk))
    builders.charge_all([builders.charge(answered, 20_000_000, 12_000_000)])
    assert recompute_dirty() == 1
    row = HourlyTraffic.objects.of_calls().get()
    assert (row.hour, row.tenant_id, row.direction, row.destination, row.trunk_id) == (
        HOUR, alice.pk, "outbound", "FR", None,
    )  # fmt: skip
    assert (row.seizures, row.answered, row.effective, row.refused) == (3, 1, 2, 1)
    assert (row.duration_ms, row.pdd_count, row.pdd_sum_ms) == (30_000, 2, 3_000)
    assert row.pdd_histogram[4:7] == [0, 2, 0]
    assert (row.revenue_nanos, row.cost_nanos, row.currency) == (20_000_000, 12_000_000, "USD")
    assert (row.unrated, row.uncosted) == (0, 0)
    assert DirtyHour.objects.count() == 0


def test_a_call_that_failed_over_is_one_seizure_for_the_customer_and_one_for_each_trunk() -> None:
    _, _, alice, _ = builders.tenants()
    record = builders.call(alice.pk, b_trunk_id=2)
    failed = builders.attempt(record, 1, trunk_id=1, sip_status=503, ringing_at=None, answered_at=None, is_last=False)
    record = replace(record, attempts=(failed, builders.attempt(record, 2)))
    load(record)
    builders.charge_all([builders.charge(record, 5_000, 3_000)])
    recompute_dirty()
    assert HourlyTraffic.objects.of_calls().get().seizures == 1
    by_trunk = {row.trunk_id: row for row in HourlyTraffic.objects.of_trunks()}
    assert set(by_trunk) == {1, 2}
    assert (by_trunk[1].seizures, by_trunk[1].answered, by_trunk[1].effective, by_trunk[1].revenue_nanos) == (
        1,
        0,
        0,
        0,
    )
    assert (by_trunk[2].seizures, by_trunk[2].answered, by_trunk[2].duration_ms) == (1, 1, 30_000)
    assert (by_trunk[2].revenue_nanos, by_trunk[2].cost_nanos) == (5_000, 3_000)


def test_a_call_from_a_trunk_counts_for_that_trunk() -> None:
    _, _, alice, _ = builders.tenants()
    load(builders.call(alice.pk, direction="inbound", a_line_id=None, a_trunk_id=7, b_line_id=1, b_trunk_id=None))
    recompute_dirty()
    assert [(row.trunk_id, row.direction, row.seizures) for row in HourlyTraffic.objects.of_trunks()] == [
        (7, "inbound", 1)
    ]


@pytest.mark.parametrize(
    ("direction", "called", "group"),
    [
        ("internal", "101", "internal"),
        ("outbound", "112", "short"),
        ("outbound", "+442079460000", "GB"),
        ("outbound", "+18765550123", "JM"),
        ("outbound", "+881612345678", "other"),
    ],
)
def test_calls_are_grouped_by_the_called_country(direction: str, called: str, group: str) -> None:
    _, _, alice, _ = builders.tenants()
    load(builders.call(alice.pk, direction=direction, called=called, destination=""))
    recompute_dirty()
    assert HourlyTraffic.objects.of_calls().get().destination == group


def test_a_late_record_changes_its_own_hour_once() -> None:
    _, _, alice, _ = builders.tenants()
    load(builders.call(alice.pk), builders.call(alice.pk, at_s=-600))
    assert recompute_dirty() == 2
    load(builders.call(alice.pk, at_s=120))
    assert recompute_dirty() == 1
    assert recompute_dirty() == 0
    by_hour = {row.hour: row.seizures for row in HourlyTraffic.objects.of_calls()}
    assert by_hour == {HOUR: 2, HOUR - timedelta(hours=1): 1}


def test_a_call_rated_later_changes_the_revenue_of_its_hour() -> None:
    _, _, alice, _ = builders.tenants()
    record = builders.call(alice.pk)
    load(record)
    unrated = builders.charge(record, 0, None)
    unrated.status = "unrated"
    builders.charge_all([unrated])
    recompute_dirty()
    row = HourlyTraffic.objects.of_calls().get()
    assert (row.revenue_nanos, row.unrated, row.uncosted) == (0, 1, 1)
    Charge.objects.update(status="rated", amount_nanos=9_000)
    assert recompute_dirty() == 1
    row = HourlyTraffic.objects.of_calls().get()
    assert (row.revenue_nanos, row.unrated, row.uncosted) == (9_000, 0, 1)


def test_an_invoice_run_marks_nothing() -> None:
    _, _, alice, _ = builders.tenants()
    record = builders.call(alice.pk)
    builders.store([record])
    builders.charge_all([builders.charge(record, 1, 1)])
    Charge.objects.update(invoice_id=None)
    assert DirtyHour.objects.count() == 0


def test_a_cost_in_another_currency_is_kept_apart_and_counts_no_call() -> None:
    _, _, alice, _ = builders.tenants()
    record = builders.call(alice.pk)
    load(record)
    builders.charge_all([builders.charge(record, 8_000, 5_000, "USD", "EUR")])
    recompute_dirty()
    rows = {row.currency: row for row in HourlyTraffic.objects.of_calls()}
    assert (rows["USD"].seizures, rows["USD"].revenue_nanos, rows["USD"].cost_nanos) == (1, 8_000, 0)
    assert (rows["EUR"].seizures, rows["EUR"].refused, rows["EUR"].cost_nanos) == (0, 0, 5_000)
    trunk_rows = {row.currency: row.cost_nanos for row in HourlyTraffic.objects.of_trunks()}
    assert trunk_rows == {"USD": 0, "EUR": 5_000}


def test_making_an_hour_twice_gives_the_same_rows() -> None:
    _, _, alice, bob = builders.tenants()
    load(builders.call(alice.pk), builders.call(bob.pk))
    recompute_dirty()
    before = sorted(HourlyTraffic.objects.values_list("tenant", "basis", "seizures", "duration_ms"))
    assert mark_window(HOUR, HOUR + timedelta(hours=1)) == 2
    recompute_dirty()
    assert sorted(HourlyTraffic.objects.values_list("tenant", "basis", "seizures", "duration_ms")) == before
    assert len(before) == 4


def test_making_one_tenants_hour_leaves_the_others_alone() -> None:
    _, _, alice, bob = builders.tenants()
    load(builders.call(alice.pk), builders.call(bob.pk))
    recompute_dirty()
    kept = HourlyTraffic.objects.of_calls().get(tenant=bob).pk
    load(builders.call(alice.pk))
    recompute_dirty()
    assert HourlyTraffic.objects.of_calls().get(tenant=bob).pk == kept
    assert HourlyTraffic.objects.of_calls().get(tenant=alice).seizures == 2


def test_the_backfill_makes_hours_that_were_never_marked(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, alice, _ = builders.tenants()
    builders.store([builders.call(alice.pk)])
    day = HOUR.date().isoformat()
    call_command("analytics_backfill", "--from", day, "--to", day, "--tenant", "alice")
    assert HourlyTraffic.objects.of_calls().get().seizures == 1
    assert capsys.readouterr().out == "1 hours marked\n1 hours made anew\n"
