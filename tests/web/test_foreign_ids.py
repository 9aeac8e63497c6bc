"""A foreign id answers like a missing one: over the API at every route, and in the portal at every page."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import models
from django.urls import reverse

from tenants.choices import Role
from tenants.models import ApiKey
from tests.cast import Cast
from tests.tenants.clients import KeyClient, api_client, page_client
from tests.web.belongings import footprint, things_of_bob
from tests.web.pages import API_ROUTES, portal_patterns


@pytest.fixture
def of_bob(cast: Cast) -> dict[str, models.Model]:
    """Give one thing of each kind that is bob's."""
    return things_of_bob(cast)


def _missing_id(model: type[models.Model]) -> Any:
    return uuid.uuid4() if isinstance(model._meta.pk, models.UUIDField) else 999_999_999


def _addresses(viewset: Any) -> Iterator[tuple[str, str]]:
    """Yield method and end of the address of everything a viewset does to one object."""
    for name, method in (("retrieve", "get"), ("update", "put"), ("partial_update", "patch"), ("destroy", "delete")):
        if hasattr(viewset, name):
            yield method, ""
    for action in viewset.get_extra_actions():
        if action.detail:
            yield from ((method, f"{action.url_path}/") for method in action.mapping)


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_the_api_answers_a_foreign_id_as_a_missing_one_and_changes_nothing(
    cast: Cast, of_bob: dict[str, models.Model], prefix: str, viewset: Any
) -> None:
    if getattr(viewset, "queryset", None) is None or not hasattr(viewset, "retrieve"):
        return  # Nothing there has an id.
    model = viewset.queryset.model
    client, before = api_client(cast.alice, Role.TENANT_ADMIN), footprint()
    for method, end in _addresses(viewset):
        foreign, missing = (
            getattr(client, method)(f"/api/v1/{prefix}/{pk}/{end}", {})
            for pk in (of_bob[model.__name__].pk, _missing_id(model))
        )
        assert foreign.status_code in {403, 404}, (method, end)
        told = [{**answer.json(), "instance": "", "request_id": ""} for answer in (foreign, missing)]
        assert (foreign.status_code, told[0]) == (missing.status_code, told[1]), (method, end)
    assert footprint() == before


@pytest.mark.parametrize(("prefix", "viewset"), API_ROUTES, ids=[prefix for prefix, _ in API_ROUTES])
def test_the_owner_itself_finds_what_strangers_do_not(
    cast: Cast, of_bob: dict[str, models.Model], prefix: str, viewset: Any
) -> None:
    if getattr(viewset, "queryset", None) is None or not hasattr(viewset, "retrieve"):
        return
    thing = of_bob[viewset.queryset.model.__name__]
    answer = api_client(cast.trunkco, Role.OPERATOR_ADMIN).get(f"/api/v1/{prefix}/{thing.pk}/")
    assert answer.status_code == 200


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


def _foreign(of_bob: dict[str, models.Model]) -> dict[str, dict[str, Any]]:
    """Return the keyword arguments of each portal address, pointing at something of bob's."""
    payment, invoice, user = of_bob["Payment"], {"pk": of_bob["Invoice"].pk}, {"pk": of_bob["User"].pk}
    return {
        "call": {"call_id": of_bob["Call"].pk},
        "payment": {"pk": payment.pk},
        "payment_return": {"key": uuid.UUID(payment.idempotency_key)},  # type: ignore[attr-defined]
        "invoice": invoice,
        "invoice_pdf": invoice,
        "pay": invoice,
        "new_password": {"pk": of_bob["Line"].pk},
        "user_edit": user,
        "user_delete": user,
        "user_mail_link": user,
        "key_revoke": {"pk": of_bob["ApiKey"].pk},
    }


def test_every_page_of_the_portal_answers_404_to_a_foreign_id(cast: Cast, of_bob: dict[str, models.Model]) -> None:
    foreign, before = _foreign(of_bob), footprint()
    with_id = {name for name, pattern in portal_patterns().items() if pattern.pattern.converters}
    assert with_id == set(foreign)
    client = page_client(cast.ann)
    for name in with_id:
        address = reverse(f"portal:{name}", kwargs=foreign[name])
        assert {client.get(address).status_code, client.post(address).status_code} <= {404, 405}, name
        assert 404 in {client.get(address).status_code, client.post(address).status_code}, name
    assert ApiKey.objects.get(tenant=cast.bob).revoked_at is None
    assert footprint() == before
