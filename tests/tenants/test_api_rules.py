"""What every list and every body of the API has in common: pages, order, filters, limits, problems."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tenants import limits
from tenants.choices import Role
from tenants.models import User
from tenants.scope import tenant_scope
from tests.cast import PASSWORD, Cast
from tests.tenants.clients import KeyClient, api_client, fields_of


@pytest.fixture
def operator(cast: Cast) -> KeyClient:
    """The operator's administrator as a program."""
    return api_client(cast.trunkco, Role.OPERATOR_ADMIN)


def _emails(page: dict[str, Any]) -> list[str]:
    return [user["email"].split("@")[0] for user in page["results"]]


def test_pages_follow_each_other_without_a_gap_or_a_repetition_and_lead_back(operator: KeyClient) -> None:
    first = operator.get("/api/v1/users/?page_size=2").json()
    second = operator.get(first["next"]).json()
    assert (_emails(first), _emails(second)) == (["ann", "ben"], ["olga", "rita"])
    assert (first["previous"], second["next"]) == (None, None)
    assert _emails(operator.get(second["previous"]).json()) == ["ann", "ben"]


def test_a_row_that_comes_in_between_moves_no_page(operator: KeyClient, cast: Cast) -> None:
    first = operator.get("/api/v1/users/?page_size=2").json()
    User.objects.create_user("aaa@alice.example", None, tenant=cast.alice, role=Role.TENANT_USER)
    assert _emails(operator.get(first["next"]).json()) == ["olga", "rita"]


def test_equal_values_are_ordered_by_id_so_that_pages_stay_apart(operator: KeyClient, cast: Cast) -> None:
    seen: list[str] = []
    url: str | None = "/api/v1/users/?page_size=1&ordering=-last_login"
    while url is not None:
        page = operator.get(url).json()
        seen += _emails(page)
        url = page["next"]
    assert sorted(seen) == ["ann", "ben", "olga", "rita"]


def test_rows_without_a_value_come_last_upwards_and_first_downwards(operator: KeyClient, cast: Cast) -> None:
    cast.ben.last_login = cast.ben.created_at
    cast.ben.save(update_fields=["last_login"])
    up: list[str] = []
    url: str | None = "/api/v1/users/?page_size=1&ordering=last_login"
    while url is not None:
        page = operator.get(url).json()
        up += _emails(page)
        url = page["next"]
    assert up[0] == "ben"
    assert _emails(operator.get("/api/v1/users/?ordering=-last_login").json())[-1] == "ben"
    back = operator.get(operator.get("/api/v1/users/?page_size=3&ordering=-last_login").json()["next"]).json()
    assert _emails(back) == ["ben"]
    assert len(_emails(operator.get(back["previous"]).json())) == 3


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("ordering=password", "ordering"),
        ("ordering=email,id,created_at,last_login", "ordering"),
        ("rolle=x", "rolle"),
        ("role=nobody", "role"),
        ("page_size=0", "page_size"),
        ("page_size=201", "page_size"),
        ("page_size=many", "page_size"),
        ("cursor=nonsense", "cursor"),
        ("cursor=WzAsWyJlbWFpbCJdLFsiYSJdXQ", "cursor"),
        ("cursor=%ff", "cursor"),
        ("email=" + "x" * 501, "email"),
    ],
)
def test_a_wrong_parameter_is_refused_with_its_name(operator: KeyClient, query: str, field: str) -> None:
    response = operator.get(f"/api/v1/users/?{query}")
    assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")
    assert fields_of(response) == {field}


def test_a_cursor_of_one_order_is_refused_in_another(operator: KeyClient) -> None:
    cursor = operator.get("/api/v1/users/?page_size=1").json()["next"].split("cursor=")[1].split("&")[0]
    assert operator.get(f"/api/v1/users/?ordering=-email&cursor={cursor}").status_code == 400


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "no mail", "role": "tenant_user"}, "email"),
        ({"email": "a@b.example"}, "role"),
        ({"email": "a@b.example", "role": "tenant_user", "full_name": "x" * 121}, "full_name"),
        ({"email": "a@b.example", "role": "tenant_user", "full_name": "a\x00b"}, "full_name"),
        ({"email": "a@b.example", "role": "tenant_user", "password": "x"}, "password"),
        ({"email": "a@b.example", "role": ["x"]}, "role"),
        ({"email": "ANN@alice.example", "role": "operator_admin"}, "email"),
    ],
)
def test_a_wrong_body_is_refused_with_its_field_and_nothing_is_made(
    operator: KeyClient, body: dict[str, object], field: str
) -> None:
    before = User.objects.count()
    response = operator.post("/api/v1/users/", body)
    assert response.status_code == 400
    assert field in fields_of(response)
    assert User.objects.count() == before


def test_a_problem_has_all_its_members(operator: KeyClient) -> None:
    problem = operator.get("/api/v1/users/4711/", HTTP_X_REQUEST_ID="r-1").json()
    assert problem == {
        "type": "urn:trunkline:problem:not_found",
        "title": "Not Found",
        "status": 404,
        "detail": "There is no such object.",
        "instance": "/api/v1/users/4711/",
        "request_id": "r-1",
        "errors": [],
    }


@pytest.mark.parametrize(
    ("method", "path", "content_type", "body", "status"),
    [
        ("post", "/api/v1/users/", "application/json", b'{"email": ', 400),
        ("post", "/api/v1/users/", "application/json", b"[" * 100_000, 400),
        ("post", "/api/v1/users/", "application/json", b'{"email": NaN}', 400),
        ("post", "/api/v1/users/", "application/json", b"\xff\xfe", 400),
        ("post", "/api/v1/users/", "application/json", b'{"a":"' + b"x" * limits.API_BODY_BYTES_MAX + b'"}', 413),
        ("post", "/api/v1/users/", "text/xml", b"<user/>", 415),
        ("put", "/api/v1/users/", "application/json", b"{}", 405),
        ("get", "/api/v1/nothing/", "application/json", b"", 404),
        ("get", "/api/nothing", "application/json", b"", 404),
        ("get", "/api/v1/users/abc/", "application/json", b"", 404),
        ("get", "/api/v1/users/99999999999999999999999/", "application/json", b"", 404),
        ("get", "/api/v1/users/%00/", "application/json", b"", 404),
    ],
)
def test_bad_requests_get_their_status_as_a_problem(
    operator: KeyClient, method: str, path: str, content_type: str, body: bytes, status: int
) -> None:
    response = operator.generic(method.upper(), path, body, content_type=content_type)  # type: ignore[arg-type]
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json")
    assert json.loads(response.content)["status"] == status


def test_too_many_requests_of_one_key_are_answered_429_and_another_key_goes_on(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tenants.api import throttling
    from tenants.ratelimit import RateLimit

    monkeypatch.setattr(throttling, "REQUESTS", RateLimit("few", 2, 60))
    one, other = (api_client(cast.alice, Role.TENANT_ADMIN) for _ in range(2))
    answers = [one.get("/api/v1/users/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"] == "60"
    assert other.get("/api/v1/users/").status_code == 200


def test_a_session_writes_with_its_csrf_token_only(cast: Cast) -> None:
    browser = APIClient(enforce_csrf_checks=True)
    browser.force_login(cast.ann)
    body = {"email": "new@alice.example", "role": "tenant_user"}
    assert browser.post("/api/v1/users/", body).status_code == 403
    assert User.objects.filter(email="new@alice.example").count() == 0
    page = Client()
    with tenant_scope(()):
        page.post("/login/", {"username": "ann@alice.example", "password": PASSWORD})
        page.get("/users/new/")
    browser.cookies = page.cookies
    token = page.cookies["csrftoken"].value
    assert browser.post("/api/v1/users/", body, HTTP_X_CSRFTOKEN=token).status_code == 201


def test_a_stranger_gets_401_with_a_challenge(db: None) -> None:
    with tenant_scope(()):
        response = APIClient().get("/api/v1/users/")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, 'Bearer realm="api"')


def test_an_insane_request_id_is_replaced(operator: KeyClient) -> None:
    response = operator.get("/api/v1/users/", HTTP_X_REQUEST_ID="evil\tid" + "x" * 99)
    assert len(response["X-Request-ID"]) == 24
