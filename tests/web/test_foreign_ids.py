"""A foreign id answers like a missing one: over the API at every route, and in the portal at every page."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import models

from tenants.choices import Role
from tenants.models import ApiKey, Tenant
from tenants.services import create_api_key
from tests.cast import Cast
from tests.tenants.clients import KeyClient, api_client, page_client
from tests.web.pages import API_ROUTES, portal_patterns

METHODS = ("get", "patch", "put", "delete")


def _missing_and_foreign_ids(model: type[models.Model], cast: Cast) -> tuple[list[Any], Any]:
    """Return ids of rows that are not alice's, and one of no row."""
    owner = "pk" if model is Tenant else "tenant"
    foreign = list(model._default_manager.exclude(**{owner: cast.alice.pk}).values_list("pk", flat=True)[:3])
    is_uuid = isinstance(model._meta.pk, models.UUIDField)
    return foreign, uuid.uuid4() if is_uuid else 999_999_999


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_the_api_answers_404_to_a_foreign_id_as_to_a_missing_one(cast: Cast, prefix: str, viewset: Any) -> None:
    if getattr(viewset, "queryset", None) is None or not hasattr(viewset, "retrieve"):
        return  # Nothing there has an id.
    create_api_key(tenant=cast.bob, name="bob's", role=Role.TENANT_ADMIN)
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    foreign, missing = _missing_and_foreign_ids(viewset.queryset.model, cast)
    for method in METHODS:
        if method == "delete" and not hasattr(viewset, "destroy"):
            continue
        if method in {"patch", "put"} and not hasattr(viewset, "update"):
            continue
        answers = [getattr(client, method)(f"/api/v1/{prefix}/{pk}/", {}) for pk in [*foreign, missing]]
        statuses = {answer.status_code for answer in answers}
        assert statuses <= {404} or statuses == {403}, (prefix, method, statuses)


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_the_api_lists_nothing_of_others(cast: Cast, prefix: str, viewset: Any) -> None:
    if getattr(viewset, "queryset", None) is None or not hasattr(viewset, "list"):
        return
    client = api_client(cast.alice, Role.TENANT_ADMIN)
    answer = client.get(f"/api/v1/{prefix}/")
    assert answer.status_code in {200, 403}
    if answer.status_code == 200:
        rows = answer.json()["results"] if isinstance(answer.json(), dict) else answer.json()
        assert {row["tenant"] for row in rows if "tenant" in row} <= {cast.alice.pk}


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_every_list_refuses_an_unknown_filter_and_an_unknown_order(cast: Cast, prefix: str, viewset: Any) -> None:
    if not hasattr(viewset, "list"):
        return
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    assert client.get(f"/api/v1/{prefix}/?no_such_filter=1").status_code == 400
    assert client.get(f"/api/v1/{prefix}/?ordering=no_such_field").status_code == 400


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_every_order_of_every_list_works_both_ways(cast: Cast, prefix: str, viewset: Any) -> None:
    if not hasattr(viewset, "list"):
        return
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    for name in getattr(viewset, "ordering_fields", ()):
        for order in (name, f"-{name}"):
            assert client.get(f"/api/v1/{prefix}/?ordering={order}&page_size=1").status_code == 200, order


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_every_writable_route_refuses_a_body_over_the_limit_with_413(cast: Cast, prefix: str, viewset: Any) -> None:
    if not hasattr(viewset, "create"):
        return
    client: KeyClient = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    body = b'{"name": "' + b"x" * 1_048_576 + b'"}'
    answer = client.generic("POST", f"/api/v1/{prefix}/", body, content_type="application/json")  # type: ignore[arg-type]
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_every_writable_route_refuses_a_foolish_body_with_400(cast: Cast, prefix: str, viewset: Any) -> None:
    if not hasattr(viewset, "create"):
        return
    client = api_client(cast.trunkco, Role.OPERATOR_ADMIN)
    bodies: list[Any] = [{"no_such_field": 1}, [], "text"]
    for body in bodies:
        answer = client.post(f"/api/v1/{prefix}/", body)
        assert answer.status_code == 400, (prefix, body)
        assert answer.json()["errors"], (prefix, body)


def _foreign(cast: Cast) -> dict[str, Any]:
    """Return the keyword arguments of each portal address, pointing at something of bob's."""
    key, _ = create_api_key(tenant=cast.bob, name="bob's", role=Role.TENANT_ADMIN)
    return {
        "call": {"call_id": uuid.uuid4()},
        "payment": {"pk": uuid.uuid4()},
        "payment_return": {"key": uuid.uuid4()},
        "invoice": {"pk": 1},
        "invoice_pdf": {"pk": 1},
        "pay": {"pk": 1},
        "new_password": {"pk": cast.bob_line.pk},
        "user_edit": {"pk": cast.ben.pk},
        "user_delete": {"pk": cast.ben.pk},
        "user_mail_link": {"pk": cast.ben.pk},
        "key_revoke": {"pk": key.pk},
    }


def test_every_page_of_the_portal_answers_404_to_a_foreign_id(cast: Cast) -> None:
    from django.urls import reverse

    foreign = _foreign(cast)
    with_id = {name for name, pattern in portal_patterns().items() if pattern.pattern.converters}
    assert with_id == set(foreign)
    client = page_client(cast.ann)
    for name in with_id:
        address = reverse(f"portal:{name}", kwargs=foreign[name])
        assert {client.get(address).status_code, client.post(address).status_code} <= {404, 405}, name
        assert 404 in {client.get(address).status_code, client.post(address).status_code}, name
    assert ApiKey.objects.get(tenant=cast.bob).revoked_at is None
