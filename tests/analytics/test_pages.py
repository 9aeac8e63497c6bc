"""The two pages as the server makes them: who sees what, and what the exports say."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from analytics.figures import change_text, figure_text
from analytics.forms import WindowForm
from analytics.services import mark_dirty, recompute_dirty
from analytics.windows import Window
from sip.models import Trunk
from tenants.choices import Role
from tenants.models import Tenant, User
from tests.analytics import builders
from tests.analytics.builders import HOUR

pytestmark = pytest.mark.django_db

DAYS = {"first": HOUR.date().isoformat(), "last": HOUR.date().isoformat()}
BILLING = "/analytics/billing/"


class World:
    """Alice has an answered and a busy call, Bob an answered one; a trunk with a name that a spreadsheet would run."""

    def __init__(self) -> None:
        self.operator, self.reseller, self.alice, self.bob = builders.tenants()
        self.trunk = Trunk.objects.create(tenant=self.operator, name="=Carrier()", host="192.0.2.1")
        over: dict[str, Any] = {"b_trunk_id": self.trunk.pk}
        records = [
            builders.call(self.alice.pk, **over),
            builders.call(self.alice.pk, status=486, **over),
            builders.call(self.bob.pk, **over),
        ]
        builders.store(records)
        charges = [builders.charge(record, 4_000_000_000, 1_500_000_000) for record in (records[0], records[2])]
        builders.charge_all(charges)
        mark_dirty(records)
        recompute_dirty()

    def client(self, tenant: Tenant, role: Role) -> Client:
        client = Client()
        client.force_login(User.objects.create_user(f"{tenant.slug}@example.com", None, tenant=tenant, role=role))
        return client

    def boss(self) -> Client:
        return self.client(self.operator, Role.OPERATOR_FINANCE)


@pytest.fixture
def world() -> World:
    return World()


def _text(client: Client, path: str, parameters: dict[str, str] | None = None) -> str:
    response = client.get(path, parameters or {})
    assert response.status_code == 200
    return response.content.decode()


def _charts(html: str) -> dict[str, Any]:
    found = re.search(r'<script id="an-data" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def _tile(html: str, label: str) -> str:
    found = re.search(rf'an-def"[^>]*>{label}</span></div>\s*<div class="an-value">([^<]*)<', html)
    assert found is not None, label
    return found[1]


def test_the_operator_sees_money_of_all_tenants_in_the_admin_sites_frame(world: World) -> None:
    html = _text(world.boss(), BILLING, DAYS)
    assert [_tile(html, label) for label in ("Revenue", "Cost", "Margin", "Seizures", "ASR", "ACD")] == [
        "8.00 USD", "3.00 USD", "5.00 USD", "3", "66.7 %", "0:30 min",
    ]  # fmt: skip
    assert "Quality by trunk" in html
    assert "unfold" in html
    charts = _charts(html)
    assert (sum(charts["revenue"]), sum(charts["cost"]), sum(charts["margin"])) == (8.0, 3.0, 5.0)
    assert (sum(charts["answered"]), sum(charts["failed"]), charts["period"]) == (2, 1, "hour")


def test_the_operator_may_look_at_one_tenant(world: World) -> None:
    html = _text(world.boss(), BILLING, DAYS | {"tenant": str(world.bob.pk)})
    assert (_tile(html, "Revenue"), _tile(html, "Seizures")) == ("4.00 USD", "1")


def test_a_tenant_sees_its_own_charges_in_the_portals_frame_and_neither_cost_nor_trunk(world: World) -> None:
    html = _text(world.client(world.alice, Role.TENANT_ADMIN), BILLING, DAYS | {"tenant": str(world.bob.pk)})
    assert (_tile(html, "Charges"), _tile(html, "Seizures")) == ("4.00 USD", "2")
    assert "portal/portal.css" in html
    assert not {"cost", "margin"} & set(_charts(html))
    assert not [word for word in ("Cost", "Margin", "Carrier", "Bob", "unfold/") if word in html]


def test_a_reseller_sees_its_customers(world: World) -> None:
    html = _text(world.client(world.reseller, Role.TENANT_ADMIN), BILLING, DAYS)
    assert _tile(html, "Seizures") == "2"
    assert "Alice" in html
    assert "Bob" not in html


def test_a_window_without_calls_shows_dashes_and_says_so(world: World) -> None:
    html = _text(world.boss(), BILLING, {"first": "2020-01-01", "last": "2020-01-03"})
    assert [_tile(html, label) for label in ("Revenue", "Seizures", "ASR", "PDD")] == ["–"] * 4
    assert "No calls in this window" in html
    assert _charts(html)["asr"] == [None, None, None]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"first": "2020-01-03", "last": "2020-01-01"}, "The window ends before it begins."),
        ({"first": "2019-01-01", "last": "2026-01-01"}, "At most 400 days."),
        ({"first": "soon"}, "Enter a valid date."),
        ({"tenant": "999999999"}, "Select a valid choice."),
    ],
)
def test_a_wrong_choice_is_named_and_the_last_days_are_shown(world: World, wrong: dict[str, str], words: str) -> None:
    html = _text(world.boss(), BILLING, wrong)
    assert words in html
    assert len(_charts(html)["periods"]) == 7


def test_every_figure_carries_its_definition(world: World) -> None:
    html = _text(world.boss(), BILLING, DAYS)
    assert 'data-definition="Answer-seizure ratio: answered ÷ seizures × 100;' in html
    assert "the delay that 95 of 100 ringing calls did not exceed" in html


def test_the_export_of_trunks_is_money_as_decimals_and_no_formula(world: World) -> None:
    response = world.boss().get("/analytics/billing/export/trunk.csv", DAYS)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert f'filename="trunkline-trunk-{DAYS["first"]}-{DAYS["last"]}.csv"' in response["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(response.content.decode()))
    assert (row["label"], row["seizures"], row["asr"], row["ner"]) == (
        "'=Carrier(), outbound",
        "3",
        "66.667",
        "100.000",
    )
    assert (row["revenue"], row["cost"], row["margin"], row["currency"]) == ("8.0000", "3.0000", "5.0000", "USD")


@pytest.mark.parametrize("what", ["days", "destination", "tenant", "ageing"])
def test_a_tenants_exports_leave_out_what_the_operator_pays(world: World, what: str) -> None:
    client = world.client(world.alice, Role.TENANT_USER)
    rows = list(csv.DictReader(io.StringIO(_text(client, f"/analytics/billing/export/{what}.csv", DAYS))))
    assert rows
    assert not {"cost", "margin", "margin_percent", "uncosted"} & set(rows[0])
    if what == "days":
        assert sum(float(row["revenue"]) for row in rows) == 4.0


def test_trunks_and_unknown_tables_are_not_exported_to_a_tenant(world: World) -> None:
    client = world.client(world.alice, Role.TENANT_ADMIN)
    assert client.get("/analytics/billing/export/trunk.csv").status_code == 404
    assert client.get("/analytics/billing/export/secrets.csv").status_code == 404


@pytest.mark.parametrize("path", [BILLING, "/analytics/live/", "/analytics/billing/export/days.csv"])
def test_strangers_are_sent_to_the_login(path: str) -> None:
    response = Client().get(path)
    assert (response.status_code, response["Location"]) == (302, f"/login/?next={path}")


def test_the_live_page_offers_columns_by_who_looks(world: World) -> None:
    boss = _text(world.boss(), "/analytics/live/")
    alice = _text(world.client(world.alice, Role.TENANT_USER), "/analytics/live/")
    assert ("<th>Tenant</th>" in boss, "<th>Trunk</th>" in boss) == (True, True)
    assert ("<th>Tenant</th>" in alice, "<th>Trunk</th>" in alice) == (False, False)
    assert 'data-zone="UTC"' in alice


def test_the_days_are_those_of_the_viewers_zone(world: World) -> None:
    Tenant.objects.filter(pk=world.alice.pk).update(time_zone="Pacific/Auckland")
    world.alice.refresh_from_db()
    html = _text(world.client(world.alice, Role.TENANT_USER), BILLING)
    today = datetime.now(ZoneInfo("Pacific/Auckland")).date().isoformat()
    assert _charts(html)["periods"][-1] == today
    assert "Days and hours in Pacific/Auckland" in html


def test_the_form_offers_no_tenant_where_there_is_one_only(world: World) -> None:
    assert "tenant" not in WindowForm({}, Tenant.objects.filter(pk=world.alice.pk)).fields


def test_figures_as_text() -> None:
    assert figure_text("asr", None) == "–"
    assert figure_text("asr", 61.55) == "61.5 %"
    assert figure_text("pdd_mean_s", 1.234) == "1.23 s"
    assert [figure_text("acd_s", value) for value in (75, 4_000)] == ["1:15 min", "1:06:40"]
    assert [figure_text("minutes", value) for value in (0.5, 12_345)] == ["0.5 min", "12,345 min"]
    assert change_text(60.0, 50.0, "%") == "+10.0 points"
    assert change_text(60.0, 50.0, "money") == "+20 %"
    assert change_text(1_000.0, 50.0, "money") == "over +999 %"
    assert change_text(60.0, None, "money") == change_text(60.0, 0, "money") == ""


def test_a_window_of_one_day_is_by_the_hour() -> None:
    one = Window(date(2026, 11, 2), date(2026, 11, 2), ZoneInfo("UTC"))
    assert one.is_by_hour
    assert one.start == datetime(2026, 11, 2, tzinfo=UTC)
    assert not Window(date(2026, 11, 2), date(2026, 11, 4), ZoneInfo("UTC")).is_by_hour
