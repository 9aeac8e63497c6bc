"""Numbers over the API."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from dids import services
from dids.models import Did
from sip.models import Line
from sip.services import create_line
from tenants.choices import Role
from tenants.models import Tenant
from tenants.services import create_api_key, create_tenant

pytestmark = pytest.mark.django_db


def client_of(tenant: Tenant, role: Role) -> APIClient:
    _, text = create_api_key(tenant=tenant, name="test", role=role)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def operator() -> Tenant:
    return create_tenant(name="Trunkco", kind="operator", country="FR")


@pytest.fixture
def alice(operator: Tenant) -> Tenant:
    return create_tenant(name="Alice", kind="customer", parent=operator, country="FR")


@pytest.fixture
def bob(operator: Tenant) -> Tenant:
    return create_tenant(name="Bob", kind="customer", parent=operator)


@pytest.fixture
def desk(alice: Tenant) -> Line:
    return create_line(alice, username="desk")[0]


@pytest.fixture
def did(operator: Tenant) -> Did:
    return services.add_did(operator, "+33123456789")


@pytest.fixture
def admin(operator: Tenant) -> APIClient:
    return client_of(operator, Role.OPERATOR_ADMIN)


@pytest.fixture
def ann(alice: Tenant) -> APIClient:
    return client_of(alice, Role.TENANT_ADMIN)


def fields_at_fault(response: Any) -> list[str]:
    assert response.status_code == 400, response.content
    return [error["field"] for error in response.json()["errors"]]


def test_a_number_goes_from_stock_to_a_line_and_back(admin: APIClient, alice: Tenant, desk: Line) -> None:
    response = admin.post("/api/v1/dids/", {"number": "01 23 45 67 89"})
    assert response.status_code == 201, response.content
    assert (response.json()["number"], response.json()["state"]) == ("+33123456789", "available")
    path = f"/api/v1/dids/{response.json()['id']}/"
    assert admin.post(path + "reserve/", {"tenant": alice.pk}).json()["state"] == "reserved"
    shown = admin.post(path + "assign/", {"tenant": alice.pk, "line": desk.pk}).json()
    assert (shown["state"], shown["tenant"], shown["line"]) == ("assigned", alice.pk, desk.pk)
    assert admin.post(path + "assign/", {"tenant": alice.pk}).status_code == 409
    assert admin.delete(path).status_code == 409
    assert admin.post(path + "release/").json()["state"] == "quarantined"


@pytest.mark.parametrize("number", ["", "112", "hello", "+999123456789", "0" * 41])
def test_a_wrong_number_is_refused_with_its_field(admin: APIClient, number: str) -> None:
    assert fields_at_fault(admin.post("/api/v1/dids/", {"number": number})) == ["number"]


def test_a_number_that_another_has_is_refused(admin: APIClient, did: Did) -> None:
    assert fields_at_fault(admin.post("/api/v1/dids/", {"number": did.number})) == ["number"]


def test_a_tenant_leads_its_number_to_its_line_and_cannot_take_or_invent_one(
    ann: APIClient, did: Did, alice: Tenant, bob: Tenant, desk: Line
) -> None:
    path = f"/api/v1/dids/{did.pk}/"
    assert ann.get(path).status_code == 404
    assert ann.post(path + "assign/").status_code == 404
    assert ann.post("/api/v1/dids/", {"number": "+33123456780"}).status_code == 403
    services.assign(did.pk, alice)
    assert ann.post(path + "route/", {"line": desk.pk}).json()["line"] == desk.pk
    foreign = create_line(bob, username="bobs")[0]
    assert fields_at_fault(ann.post(path + "route/", {"line": foreign.pk})) == ["line"]
    assert fields_at_fault(ann.post(path + "route/", {})) == ["line"]
    assert ann.post(path + "route/", {"line": None}).json()["line"] is None
    assert ann.post(path + "release/").status_code == 400
    assert ann.delete(path).status_code == 403
    did.refresh_from_db()
    assert did.state == "assigned"


def test_numbers_are_filtered_and_ordered(
    admin: APIClient, operator: Tenant, did: Did, alice: Tenant, desk: Line
) -> None:
    services.add_did(operator, "+442079460018")
    services.assign(did.pk, alice, desk)

    def numbers(query: str) -> list[str]:
        return [item["number"] for item in admin.get(f"/api/v1/dids/?{query}").json()["results"]]

    assert numbers("ordering=-number") == ["+442079460018", "+33123456789"]
    assert numbers("country=GB") == ["+442079460018"]
    assert numbers("routed=true") == ["+33123456789"]
    assert numbers("prefix=%2B44") == ["+442079460018"]
    assert numbers("state=assigned") == ["+33123456789"]
    assert admin.get("/api/v1/dids/?colour=red").status_code == 400


def test_a_number_in_stock_is_removed(admin: APIClient, did: Did) -> None:
    assert admin.delete(f"/api/v1/dids/{did.pk}/").status_code == 204
    assert Did.objects.count() == 0
