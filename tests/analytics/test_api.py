"""Figures over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from analytics.services import mark_dirty, recompute_dirty
from sip.models import Trunk
from tenants.choices import Role
from tenants.models import Tenant, User
from tests.analytics import builders
from tests.analytics.builders import HOUR

pytestmark = pytest.mark.django_db

WINDOW = {"from": (HOUR - timedelta(hours=1)).isoformat(), "to": (HOUR + timedelta(hours=1)).isoformat()}


class World:
    """Alice has two calls, Bob one; all over the operator's trunk."""

    def __init__(self) -> None:
        self.operator, _, self.alice, self.bob = builders.tenants()
        self.trunk = Trunk.objects.create(tenant=self.operator, name="Carrier", host="192.0.2.1")
        over = {"b_trunk_id": self.trunk.pk}
        talked = builders.call(self.alice.pk, **over)
        records = [talked, builders.call(self.alice.pk, status=486, **over), builders.call(self.bob.pk, **over)]
        builders.store(records)
        builders.charge_all([builders.charge(talked, 4_000, 1_000)])
        mark_dirty(records)
        recompute_dirty()

    def client(self, tenant: Tenant, role: Role) -> APIClient:
        user = User.objects.create_user(f"{tenant.slug}@example.com", None, tenant=tenant, role=role)
        client = APIClient()
        client.force_login(user)
        return client

    def boss(self) -> APIClient:
        return self.client(self.operator, Role.OPERATOR_ADMIN)


@pytest.fixture
def world() -> World:
    return World()


def _get(client: APIClient, path: str, **parameters: Any) -> Any:
    response = client.get(path, parameters)
    assert response.status_code == 200, response.content
    return response.json()


def test_the_operator_gets_figures_by_trunk_with_cost_and_definitions(world: World) -> None:
    answer = _get(world.boss(), "/api/v1/kpis/", group_by="trunk", **WINDOW)
    (row,) = answer["results"]
    assert (row["key"], row["name"], row["seizures"], row["answered"]) == (str(world.trunk.pk), "Carrier", 3, 2)
    assert (row["asr"], row["ner"], row["acd_s"]) == (pytest.approx(200 / 3), 100.0, 30.0)
    assert row["money"] == [
        {
            "currency": "USD", "revenue_nanos": 4_000, "cost_nanos": 1_000, "margin_nanos": 3_000,
            "margin_percent": 75.0, "unrated": 0, "uncosted": 0,
        }
    ]  # fmt: skip
    assert answer["definitions"]["asr"].startswith("Answer-seizure ratio: answered ÷ seizures × 100")


def test_a_tenant_gets_its_own_figures_without_the_operators_cost(world: World) -> None:
    answer = _get(world.client(world.alice, Role.TENANT_USER), "/api/v1/kpis/", group_by="tenant", **WINDOW)
    (row,) = answer["results"]
    assert (row["name"], row["seizures"], row["asr"]) == ("Alice", 2, 50.0)
    assert row["money"] == [{"currency": "USD", "revenue_nanos": 4_000, "unrated": 0}]
    assert not {"cost", "margin", "margin_percent"} & set(answer["definitions"])


def test_figures_by_hour_name_the_hour(world: World) -> None:
    answer = _get(world.boss(), "/api/v1/kpis/", group_by="hour", **WINDOW)
    assert [(row["key"], row["seizures"]) for row in answer["results"]] == [(f"{HOUR:%Y-%m-%dT%H}:00:00Z", 3)]


def test_an_empty_window_has_no_rows(world: World) -> None:
    answer = _get(world.boss(), "/api/v1/kpis/", **{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z"})
    assert answer["results"] == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"from": "2026-13-01T00:00:00Z"}, "from"),
        ({"from": "2020-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}, "from"),
        ({"to": "x"}, "to"),
        ({"group_by": "colour"}, "group_by"),
        ({"tenant": "all"}, "tenant"),
        ({"direction": "up"}, "direction"),
        ({"groupby": "hour"}, "groupby"),
    ],
)
def test_a_wrong_parameter_is_answered_400_with_its_name(world: World, parameters: dict[str, str], field: str) -> None:
    response = world.boss().get("/api/v1/kpis/", parameters)
    assert response.status_code == 400
    assert [error["field"] for error in response.json()["errors"]] == [field]


def test_trunks_are_not_for_tenants(world: World) -> None:
    client = world.client(world.alice, Role.TENANT_ADMIN)
    assert client.get("/api/v1/kpis/", {"group_by": "trunk"}).json()["errors"][0]["field"] == "group_by"
    rows = _get(client, "/api/v1/traffic/")["results"]
    assert [(row["tenant"], row["seizures"], row["destination_label"]) for row in rows] == [
        (world.alice.pk, 2, "France")
    ]
    assert not {"trunk", "cost_nanos", "basis", "uncosted"} & set(rows[0])
    assert client.get("/api/v1/traffic/", {"basis": "trunk"}).status_code == 400


def test_the_operator_lists_traffic_by_filter_and_order(world: World) -> None:
    boss = world.boss()
    rows = _get(boss, "/api/v1/traffic/", basis="trunk", ordering="-seizures")["results"]
    assert [(row["tenant"], row["seizures"], row["trunk"]) for row in rows] == [
        (world.alice.pk, 2, world.trunk.pk), (world.bob.pk, 1, world.trunk.pk),
    ]  # fmt: skip
    assert _get(boss, f"/api/v1/traffic/{rows[0]['id']}/")["revenue_nanos"] == 4_000


def test_anothers_roll_up_answers_like_a_missing_one(world: World) -> None:
    rows = _get(world.boss(), "/api/v1/traffic/", tenant=world.bob.pk)["results"]
    client = world.client(world.alice, Role.TENANT_ADMIN)
    foreign = client.get(f"/api/v1/traffic/{rows[0]['id']}/")
    missing = client.get("/api/v1/traffic/999999999/")
    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert foreign.json()["detail"] == missing.json()["detail"]


def test_nobody_gets_nothing(world: World) -> None:
    assert APIClient().get("/api/v1/kpis/").status_code == 401
