"""Rules and cases over the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from fraud import services
from fraud.models import Case, Rule
from sip.models import Line
from tenants.choices import Role
from tenants.models import Tenant
from tenants.services import create_api_key
from tests.fraud.conftest import Refuse

pytestmark = pytest.mark.django_db


def client_of(tenant: Tenant, role: Role) -> APIClient:
    _, text = create_api_key(tenant=tenant, name="test", role=role)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def noc(operator: Tenant) -> APIClient:
    return client_of(operator, Role.OPERATOR_SUPPORT)


@pytest.fixture
def ann(alice: Tenant) -> APIClient:
    return client_of(alice, Role.TENANT_ADMIN)


@pytest.fixture
def case(cuba: Rule, refuse: Refuse) -> Case:
    services.record_hits([refuse(cuba)])
    return Case.objects.get()


def fields_at_fault(response: Any) -> list[str]:
    assert response.status_code == 400, response.content
    return [error["field"] for error in response.json()["errors"]]


def test_a_rule_is_made_changed_and_deleted(noc: APIClient, operator: Tenant, alice: Tenant, desk: Line) -> None:
    body = {"tenant": alice.pk, "line": desk.pk, "name": "Two", "kind": "concurrent_calls", "calls_max": 2}
    response = noc.post("/api/v1/fraud-rules/", body)
    assert response.status_code == 201, response.content
    rule = Rule.objects.get()
    assert (rule.tenant, rule.line, rule.calls_max, rule.action) == (alice, desk, 2, "refuse")
    path = f"/api/v1/fraud-rules/{rule.pk}/"
    assert noc.patch(path, {"calls_max": 3}).json()["calls_max"] == 3
    assert fields_at_fault(noc.patch(path, {"calls_max": None})) == ["calls_max"]
    assert fields_at_fault(noc.patch(path, {"tenant": operator.pk})) == ["tenant"]
    assert noc.delete(path).status_code == 403
    admin = client_of(operator, Role.OPERATOR_ADMIN)
    assert admin.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "barred_destination"}, "name"),
        ({"name": "x", "kind": "astrology"}, "kind"),
        ({"name": "x", "kind": "barred_destination"}, "prefixes"),
        ({"name": "x", "kind": "barred_destination", "prefixes": ["53a"]}, "prefixes"),
        ({"name": "x", "kind": "spend_per_hour", "spend_max_nanos": 10**20, "currency": "USD"}, "spend_max_nanos"),
        ({"name": "x", "kind": "concurrent_calls", "calls_max": 1, "line": 10**9}, "line"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_field(noc: APIClient, body: dict[str, Any], field: str) -> None:
    assert [name.partition(".")[0] for name in fields_at_fault(noc.post("/api/v1/fraud-rules/", body))] == [field]
    assert Rule.objects.count() == 0


def test_a_rule_with_cases_is_not_deleted(operator: Tenant, case: Case) -> None:
    response = client_of(operator, Role.OPERATOR_ADMIN).delete(f"/api/v1/fraud-rules/{case.rule_id}/")
    assert response.status_code == 409
    assert Rule.objects.count() == 1


def test_a_tenant_reads_its_cases_and_can_settle_none(ann: APIClient, case: Case, bob: Tenant) -> None:
    (shown,) = ann.get("/api/v1/fraud-cases/").json()["results"]
    assert (shown["id"], shown["line_username"], shown["state"], shown["hits"]) == (case.pk, "desk", "open", 1)
    for deed in ("acknowledge", "close", "block", "unblock"):
        assert ann.post(f"/api/v1/fraud-cases/{case.pk}/{deed}/").status_code == 403
    assert ann.post("/api/v1/fraud-rules/", {"name": "x"}).status_code == 403
    ben = client_of(bob, Role.TENANT_ADMIN)
    assert ben.get("/api/v1/fraud-cases/").json()["results"] == []
    assert ben.get(f"/api/v1/fraud-cases/{case.pk}/").status_code == 404
    assert ben.get(f"/api/v1/fraud-cases/{case.pk}/evidence/").status_code == 404


def test_the_night_shift_settles_a_case_and_is_named_by_its_key(noc: APIClient, case: Case, desk: Line) -> None:
    path = f"/api/v1/fraud-cases/{case.pk}/"
    shown = noc.post(path + "acknowledge/").json()
    assert shown["state"] == "acknowledged"
    assert shown["acknowledged_by"].startswith("key:")
    assert noc.post(path + "acknowledge/").status_code == 409
    assert noc.post(path + "block/").json()["line_blocked"] is True
    assert noc.post(path + "unblock/").json()["line_blocked"] is False
    assert fields_at_fault(noc.post(path + "close/", {"note": "x" * 3000})) == ["note"]
    closed = noc.post(path + "close/", {"note": "Password changed."}).json()
    assert (closed["state"], closed["note"]) == ("closed", "Password changed.")
    assert noc.get("/api/v1/fraud-cases/?unsettled=true").json()["results"] == []
    assert len(noc.get("/api/v1/fraud-cases/?unsettled=false").json()["results"]) == 1


def test_the_evidence_lists_the_refused_calls(ann: APIClient, case: Case, cuba: Rule, refuse: Refuse) -> None:
    late = refuse(cuba, case.last_hit_at.timestamp() + 60)
    services.record_hits([late])
    calls = ann.get(f"/api/v1/fraud-cases/{case.pk}/evidence/").json()
    assert [call["called"] for call in calls] == ["+5371234567", "+5371234567"]
    assert calls[0]["call_id"].replace("-", "") == late.call_id


def test_a_tenant_learns_nothing_of_the_operators_staff(ann: APIClient, case: Case) -> None:
    services.acknowledge(case.pk, "olga@trunkco.example")
    services.block(case.pk)
    services.close(case.pk, "olga@trunkco.example", "Looks like an inside job.")
    everything = str(ann.get(f"/api/v1/fraud-cases/{case.pk}/").json()) + str(ann.get("/api/v1/events/").json())
    assert "olga" not in everything
    assert "inside job" not in everything
    assert "Cuba" in everything
