"""Questions to the roll-ups: exact values, empty windows, tenant scope."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from analytics import queries
from analytics.queries import Selection
from analytics.services import mark_dirty, recompute_dirty
from analytics.windows import Window, last_days
from billing.choices import AccountMode, InvoiceStatus
from billing.models import Account, Invoice
from sip.models import Trunk
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.analytics import builders
from tests.analytics.builders import HOUR

pytestmark = pytest.mark.django_db

WHOLE = Selection(HOUR - timedelta(hours=1), HOUR + timedelta(hours=1))


@pytest.fixture
def world() -> tuple[Tenant, Tenant, Trunk]:
    """Alice: two calls to France (one answered, 2 min) and one to the US. Bob: one busy call to France."""
    operator, _, alice, bob = builders.tenants()
    trunk = Trunk.objects.create(tenant=operator, name="Carrier", host="192.0.2.1")
    over: dict[str, Any] = {"b_trunk_id": trunk.pk}
    talked = builders.call(alice.pk, duration_s=120.0, **over)
    us: dict[str, Any] = {"called": "+12125550100", "destination": "+12125550100"}
    abroad = builders.call(alice.pk, at_s=-60, duration_s=60.0, **us, **over)
    records = [talked, abroad, builders.call(alice.pk, status=503, **over), builders.call(bob.pk, status=486, **over)]
    builders.store(records)
    builders.charge_all([builders.charge(talked, 40_000, 30_000), builders.charge(abroad, 10_000, None)])
    mark_dirty(records)
    recompute_dirty()
    return alice, bob, trunk


def test_figures_of_all(world: tuple[Tenant, Tenant, Trunk]) -> None:
    (row,) = queries.figures(WHOLE, [])
    assert (row["seizures"], row["answered"], row["asr"], row["ner"]) == (4, 2, 50.0, 75.0)
    assert (row["acd_s"], row["minutes"], row["pdd_mean_s"]) == (90.0, 3.0, 1.5)
    assert row["money"] == {
        "USD": {
            "revenue_nanos": 50_000, "cost_nanos": 30_000, "margin_nanos": 20_000, "margin_percent": 40.0,
            "unrated": 0, "uncosted": 1,
        }
    }  # fmt: skip


def test_an_empty_window_has_no_figures_and_charts_of_it_have_gaps(world: tuple[Tenant, Tenant, Trunk]) -> None:
    window = Window(date(2020, 1, 1), date(2020, 1, 7), ZoneInfo("UTC"))
    empty = Selection.of(window)
    assert queries.figures(empty, []) == []
    assert queries.currencies(empty) == []
    assert queries.by_group(empty, "trunk", "USD").empty
    table = queries.by_period(empty, window, "USD")
    assert list(table.index) == [f"2020-01-0{day}" for day in range(1, 8)]
    assert table["seizures"].sum() == 0
    assert all(math.isnan(value) for value in table["asr"])


def test_figures_by_destination_with_the_best_paying_first(world: tuple[Tenant, Tenant, Trunk]) -> None:
    table = queries.by_group(WHOLE, "destination", "USD")
    assert list(table["label"]) == ["France", "United States"]
    assert list(table["seizures"]) == [3, 1]
    assert list(table["margin_nanos"]) == [10_000, 10_000]
    assert list(table["asr"]) == [pytest.approx(100 / 3), 100.0]


def test_figures_by_trunk_have_its_name_and_direction(world: tuple[Tenant, Tenant, Trunk]) -> None:
    table = queries.by_group(WHOLE, "trunk", "USD")
    assert table[["label", "seizures", "answered"]].values.tolist() == [["Carrier, outbound", 4, 2]]


def test_a_tenant_sees_its_own_figures_only(world: tuple[Tenant, Tenant, Trunk]) -> None:
    _, bob, _ = world
    with tenant_scope([bob.pk]):
        (row,) = queries.figures(WHOLE, [])
        assert (row["seizures"], row["asr"], row["ner"]) == (1, 0.0, 100.0)
        assert list(queries.by_group(WHOLE, "tenant", "USD")["label"]) == ["Bob"]
    with tenant_scope([]):
        assert queries.figures(WHOLE, []) == []


def test_days_are_those_of_the_zone_and_short_windows_are_by_the_hour(world: tuple[Tenant, Tenant, Trunk]) -> None:
    zone = ZoneInfo("Asia/Tokyo")
    day = HOUR.astimezone(zone).date()
    week = Window(day - timedelta(days=3), day, zone)
    table = queries.by_period(Selection.of(week), week, "USD")
    on_the_day = 3 if HOUR.astimezone(zone).hour == 0 else 4  # One call began a minute before HOUR.
    assert table.loc[day.isoformat(), "seizures"] == on_the_day
    one = Window(day, day, zone)
    hours = queries.by_period(Selection.of(one), one, "USD")
    assert len(hours) == 24
    assert hours.loc[HOUR.astimezone(zone).strftime("%a %H:%M"), "seizures"] == 3


def test_a_day_of_a_clock_change_has_its_own_length() -> None:
    zone = ZoneInfo("Europe/Berlin")
    assert len(Window(date(2026, 3, 29), date(2026, 3, 29), zone).hours) == 23
    assert len(Window(date(2026, 10, 25), date(2026, 10, 25), zone).hours) == 25


def test_a_zone_off_by_half_an_hour_has_whole_days() -> None:
    window = Window(date(2026, 11, 2), date(2026, 11, 2), ZoneInfo("Asia/Kolkata"))
    assert len(window.hours) == 24
    assert window.hours[0] == datetime(2026, 11, 1, 19, tzinfo=UTC)


def test_the_window_before_is_as_long_and_ends_where_this_begins() -> None:
    window = last_days(7, datetime(2026, 11, 23, 12, tzinfo=UTC), ZoneInfo("UTC"))
    assert (window.first, window.last) == (date(2026, 11, 17), date(2026, 11, 23))
    assert window.before().end == window.start
    assert len(window.before().days) == 7


def test_open_invoices_are_aged_by_days_past_due(world: tuple[Tenant, Tenant, Trunk]) -> None:
    alice, _, _ = world
    now = datetime.now(UTC)
    assert alice.parent is not None
    account = Account.objects.create(tenant=alice, seller=alice.parent, currency="USD", mode=AccountMode.POSTPAID)
    for number, (days, paid) in enumerate([(-5, 0), (1, 4), (30, 0), (31, 0), (400, 0)]):
        Invoice.objects.create(
            tenant=alice, seller_id=account.seller_id, account=account, status=InvoiceStatus.FINALISED,
            number=f"I{number}", currency="USD", period_start=now - timedelta(days=1_000 + number),
            period_end=now - timedelta(days=900), time_zone="UTC", payable_nanos=10, paid_nanos=paid, created_at=now,
            due_at=now - timedelta(days=days) + timedelta(minutes=1),
        )  # fmt: skip
    table = queries.ageing(now, "USD")
    assert list(table["invoices"]) == [1, 2, 1, 0, 1]
    assert list(table["due_nanos"]) == [10, 16, 10, 0, 10]
    assert queries.ageing(now, "EUR")["invoices"].sum() == 0
    with tenant_scope([]):
        assert queries.ageing(now, "USD")["invoices"].sum() == 0
