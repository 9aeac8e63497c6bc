"""The tree of tenants and the rules that keep each in its place."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.choices import Role, TenantKind
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.services import TREE_DEPTH_MAX, create_tenant, visible_tenant_ids
from tests.cast import Cast
from tests.tenants.clients import api_client, fields_of


def test_the_tree_is_read_depth_first(cast: Cast) -> None:
    names = list(Tenant.objects.in_tree_order().values_list("name", flat=True))
    assert names == ["Trunkco", "Resellco", "Carol", "Alice", "Bob", "Mallory"]


def test_a_tenant_knows_all_above_it(cast: Cast) -> None:
    assert cast.carol.ancestor_ids == [cast.trunkco.pk, cast.resellco.pk]
    assert set(Tenant.objects.subtree(cast.resellco.pk)) == {cast.resellco, cast.carol}


def test_each_sees_itself_and_what_is_below(cast: Cast) -> None:
    assert visible_tenant_ids(cast.olga) is None
    assert visible_tenant_ids(cast.rita) == frozenset({cast.resellco.pk, cast.carol.pk})
    assert visible_tenant_ids(cast.ann) == frozenset({cast.alice.pk})


@pytest.mark.parametrize(
    ("parent", "kind", "field"),
    [("alice", "customer", "parent"), (None, "customer", "parent"), ("trunkco", "operator", "parent")],
)
def test_a_wrong_place_in_the_tree_is_refused(cast: Cast, parent: str | None, kind: str, field: str) -> None:
    with pytest.raises(DomainError) as caught:
        create_tenant(name="X", kind=kind, parent=getattr(cast, parent) if parent else None)
    assert caught.value.field == field


def test_the_tree_does_not_grow_deeper_than_its_limit(cast: Cast) -> None:
    parent = cast.trunkco
    for depth in range(1, TREE_DEPTH_MAX):
        parent = create_tenant(name=f"R{depth}", kind=TenantKind.RESELLER, parent=parent)
    with pytest.raises(DomainError, match="at most 5 deep"):
        create_tenant(name="too deep", kind=TenantKind.CUSTOMER, parent=parent)


def test_a_tenant_is_made_below_the_caller_by_default(cast: Cast) -> None:
    made = api_client(cast.resellco, Role.TENANT_ADMIN).post("/api/v1/tenants/", {"name": "Dora", "kind": "customer"})
    assert made.status_code == 201
    assert (made.json()["parent"], made.json()["slug"]) == (cast.resellco.pk, "dora")
    assert made.json()["ancestor_ids"] == [cast.trunkco.pk, cast.resellco.pk]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"country": "us"}, "country"),
        ({"country": "USA"}, "country"),
        ({"currency": "dollar"}, "currency"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"slug": "carol"}, "slug"),
        ({"slug": "bob"}, "slug"),
        ({"kind": "king"}, "kind"),
        ({"parent": 4711}, "parent"),
        ({"billing_email": "nobody"}, "billing_email"),
        ({"ancestor": []}, "ancestor"),
    ],
)
def test_a_wrong_tenant_is_refused_with_its_field(cast: Cast, changes: dict[str, Any], field: str) -> None:
    body = {"name": "Dora", "kind": "customer"} | changes
    refused = api_client(cast.resellco, Role.TENANT_ADMIN).post("/api/v1/tenants/", body)
    assert (refused.status_code, fields_of(refused)) == (400, {field})


def test_a_reseller_cannot_put_a_tenant_below_a_foreign_one(cast: Cast) -> None:
    body = {"name": "Dora", "kind": "customer", "parent": cast.trunkco.pk}
    refused = api_client(cast.resellco, Role.TENANT_ADMIN).post("/api/v1/tenants/", body)
    assert (refused.status_code, fields_of(refused)) == (400, {"parent"})


def test_a_customer_makes_no_tenants(cast: Cast) -> None:
    refused = api_client(cast.alice, Role.TENANT_ADMIN).post("/api/v1/tenants/", {"name": "Dora", "kind": "customer"})
    assert (refused.status_code, fields_of(refused)) == (400, {"parent"})


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"name": "Alice Ltd", "billing_email": "pay@alice.example"}, 200, ""),
        ({"is_active": False}, 400, "is_active"),
        ({"slug": "al"}, 400, "slug"),
        ({"currency": "EUR"}, 400, "currency"),
        ({"kind": "reseller"}, 400, "kind"),
    ],
)
def test_a_tenant_changes_its_own_facts_but_not_its_standing(
    cast: Cast, changes: dict[str, Any], status: int, field: str
) -> None:
    answer = api_client(cast.alice, Role.TENANT_ADMIN).patch(f"/api/v1/tenants/{cast.alice.pk}/", changes)
    assert answer.status_code == status
    if field:
        assert fields_of(answer) == {field}


def test_the_one_above_may_switch_a_tenant_off_and_on(cast: Cast) -> None:
    client = api_client(cast.resellco, Role.TENANT_ADMIN)
    assert client.patch(f"/api/v1/tenants/{cast.carol.pk}/", {"is_active": False}).json()["is_active"] is False
    assert client.patch(f"/api/v1/tenants/{cast.carol.pk}/", {"is_active": True}).json()["is_active"] is True


def test_the_operator_cannot_switch_itself_off(cast: Cast) -> None:
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    refused = client.patch(f"/api/v1/tenants/{cast.trunkco.pk}/", {"is_active": False})
    assert (refused.status_code, fields_of(refused)) == (400, {"is_active"})


def test_a_tenant_that_owns_something_cannot_be_deleted_and_an_empty_one_can(cast: Cast) -> None:
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    refused = client.delete(f"/api/v1/tenants/{cast.bob.pk}/")
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:trunkline:problem:in_use")
    dora = create_tenant(name="Dora", kind="customer", parent=cast.trunkco)
    assert client.delete(f"/api/v1/tenants/{dora.pk}/").status_code == 204
    assert client.delete(f"/api/v1/tenants/{cast.trunkco.pk}/").status_code == 400
