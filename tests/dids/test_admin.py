"""Numbers in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dids import services
from dids.choices import DidState
from dids.models import Did
from sip.models import Line
from sip.services import create_line
from tenants.choices import Role
from tenants.models import Tenant, User
from tenants.services import create_tenant

pytestmark = pytest.mark.django_db
NUMBERS = "/admin/dids/did/"
SUBMITTED = {"_form_submitted": "True"}
"""What unfold's dialogs send."""


@pytest.fixture
def operator() -> Tenant:
    return create_tenant(name="Trunkco", kind="operator", country="FR")


@pytest.fixture
def alice(operator: Tenant) -> Tenant:
    return create_tenant(name="Alice", kind="customer", parent=operator)


@pytest.fixture
def desk(alice: Tenant) -> Line:
    return create_line(alice, username="desk", extension="101")[0]


@pytest.fixture
def did(operator: Tenant) -> Did:
    return services.add_did(operator, "+33123456789")


@pytest.fixture
def admin(operator: Tenant) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("o@trunkco.example", "x", tenant=operator, role=Role.OPERATOR_ADMIN))
    return client


def page(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


def test_a_number_is_added_as_it_is_dialled_at_home(admin: Client, operator: Tenant) -> None:
    assert admin.post(NUMBERS + "add/", {"pool": operator.pk, "number": "01 23 45 67 89"}).status_code == 302
    assert Did.objects.get().number == "+33123456789"
    assert "+33 1 23 45 67 89" in page(admin.get(NUMBERS))


def test_a_wrong_number_shows_its_error_beside_the_field(admin: Client, operator: Tenant) -> None:
    assert "is no number of FR" in page(admin.post(NUMBERS + "add/", {"pool": operator.pk, "number": "12345"}))
    assert Did.objects.count() == 0


def test_only_an_assigned_number_is_led_to_a_line(admin: Client, did: Did, alice: Tenant, desk: Line) -> None:
    path = f"{NUMBERS}{did.pk}/change/"
    admin.post(path, {"line": desk.pk})
    did.refresh_from_db()
    assert did.line is None
    services.assign(did.pk, alice)
    assert admin.post(path, {"line": desk.pk}).status_code == 302
    did.refresh_from_db()
    assert did.line == desk


def test_a_line_of_another_tenant_shows_its_error(admin: Client, did: Did, operator: Tenant, desk: Line) -> None:
    services.assign(did.pk, operator)
    assert "not one of the number" in page(admin.post(f"{NUMBERS}{did.pk}/change/", {"line": desk.pk}))


def test_dialogs_assign_and_release(admin: Client, did: Did, alice: Tenant, desk: Line) -> None:
    path = f"{NUMBERS}{did.pk}/"
    assert "has no line 999" in page(admin.post(path + "assign/", {"tenant": alice.pk, "line": "999", **SUBMITTED}))
    response = admin.post(path + "assign/", {"tenant": alice.pk, "line": "101", **SUBMITTED})
    assert response["HX-Redirect"] == f"{NUMBERS}{did.pk}/change/"
    did.refresh_from_db()
    assert (did.state, did.tenant, did.line) == (DidState.ASSIGNED, alice, desk)
    admin.post(path + "release/", SUBMITTED)
    did.refresh_from_db()
    assert did.state == DidState.QUARANTINED


def test_a_number_in_use_cannot_be_deleted(admin: Client, did: Did, alice: Tenant) -> None:
    services.assign(did.pk, alice)
    assert admin.post(f"{NUMBERS}{did.pk}/delete/", {"post": "yes"}).status_code == 403
    services.release(did.pk)
    assert Did.objects.count() == 1
