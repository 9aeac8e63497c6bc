"""The table of roles, and what each role may do over the API."""

from __future__ import annotations

import pytest

from tenants.choices import OPERATOR_TENANT_ROLES, TENANT_ROLES, Role
from tenants.roles import RIGHTS, can
from tests.cast import Cast
from tests.tenants.clients import api_client

APPS = {"tenants", "alerts", "sip", "billing", "dids", "fraud", "analytics", "voip"}


def test_the_table_has_every_role_and_every_app() -> None:
    assert set(RIGHTS) == set(Role)
    assert all(set(rights) == APPS for rights in RIGHTS.values())
    assert set(Role) == OPERATOR_TENANT_ROLES | TENANT_ROLES


@pytest.mark.parametrize(
    ("role", "app", "action", "allowed"),
    [
        (Role.OPERATOR_ADMIN, "tenants", "delete", True),
        (Role.OPERATOR_SUPPORT, "sip", "change", True),
        (Role.OPERATOR_SUPPORT, "billing", "change", False),
        (Role.OPERATOR_SUPPORT, "tenants", "add", False),
        (Role.OPERATOR_FINANCE, "billing", "change", True),
        (Role.OPERATOR_FINANCE, "sip", "change", False),
        (Role.TENANT_ADMIN, "tenants", "add", True),
        (Role.TENANT_ADMIN, "fraud", "change", False),
        (Role.TENANT_USER, "tenants", "view", False),
        (Role.TENANT_USER, "sip", "view", True),
        (Role.READ_ONLY, "sip", "change", False),
        (Role.READ_ONLY, "tenants", "add", False),
        (Role.OPERATOR_ADMIN, "unknown", "view", False),
    ],
)
def test_the_table_says(role: Role, app: str, action: str, allowed: bool) -> None:
    assert can(role, app, action) is allowed


@pytest.mark.parametrize(
    ("role", "read", "write"),
    [(Role.TENANT_ADMIN, 200, 201), (Role.TENANT_USER, 403, 403), (Role.READ_ONLY, 200, 403)],
)
def test_a_tenants_roles_at_the_users_of_the_tenant(cast: Cast, role: Role, read: int, write: int) -> None:
    client = api_client(cast.alice, role)
    body = {"email": "new@alice.example", "role": "tenant_user"}
    assert client.get("/api/v1/users/").status_code == read
    assert client.post("/api/v1/users/", body).status_code == write


@pytest.mark.parametrize(
    ("role", "write"), [(Role.OPERATOR_ADMIN, 201), (Role.OPERATOR_SUPPORT, 403), (Role.OPERATOR_FINANCE, 403)]
)
def test_only_the_operators_administrator_makes_tenants(cast: Cast, role: Role, write: int) -> None:
    client = api_client(cast.trunkco, role)
    assert client.post("/api/v1/tenants/", {"name": "Dora", "kind": "customer"}).status_code == write
