"""Events, recipients and webhooks over the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from alerts import dispatch
from alerts.choices import Channel, DeliveryState
from alerts.models import Delivery, Event, Recipient, WebhookEndpoint
from alerts.signing import secret_of
from tenants.choices import Role
from tenants.models import Tenant, User
from tenants.services import create_api_key

pytestmark = pytest.mark.django_db
Happen = Callable[..., Event]


def client_of(tenant: Tenant, role: Role = Role.TENANT_ADMIN, *scopes: str) -> APIClient:
    _, text = create_api_key(tenant=tenant, name="test", role=role, scopes=scopes or ("*",))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def ann_key(alice: Tenant) -> APIClient:
    return client_of(alice)


@pytest.fixture
def noc_key(operator: Tenant) -> APIClient:
    return client_of(operator, Role.OPERATOR_SUPPORT)


def fields_at_fault(response: Any) -> list[str]:
    assert response.status_code == 400, response.content
    return [error["field"] for error in response.json()["errors"]]


def test_events_are_read_newest_first_without_the_way_into_the_admin_site(
    happen: Happen, ann_key: APIClient, bob: Tenant
) -> None:
    happen(subject="first", payload={"line": "desk", "admin_url": "/admin/"})
    happen("did.assigned", subject="second", severity="info")
    happen(tenant_id=bob.pk, subject="bob's")
    results = ann_key.get("/api/v1/events/").json()["results"]
    assert [event["subject"] for event in results] == ["second", "first"]
    assert results[1]["payload"] == {"line": "desk"}
    filtered = ann_key.get("/api/v1/events/?kind=did.assigned&severity=info").json()["results"]
    assert [event["subject"] for event in filtered] == ["second"]


def test_an_event_cannot_be_made_or_changed_from_outside(happen: Happen, noc_key: APIClient) -> None:
    event = happen()
    assert noc_key.post("/api/v1/events/", {}).status_code == 405
    assert noc_key.patch(f"/api/v1/events/{event.pk}/", {}).status_code == 405


def test_a_new_endpoint_comes_with_its_secret_once(ann_key: APIClient, alice: Tenant) -> None:
    response = ann_key.post("/api/v1/webhook-endpoints/", {"url": "https://alice.example/hook", "kinds": ["fraud.*"]})
    assert response.status_code == 201, response.content
    endpoint = WebhookEndpoint.objects.get()
    assert (endpoint.tenant, endpoint.kinds) == (alice, ["fraud.*"])
    assert response.json()["secret"] == secret_of(endpoint.salt)
    again = ann_key.get(f"/api/v1/webhook-endpoints/{endpoint.pk}/").json()
    assert "secret" not in again
    assert "salt" not in again


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "http://127.0.0.1/"}, "url"),
        ({"url": "gopher://example.com/"}, "url"),
        ({"url": "https://example.com/" + "x" * 600}, "url"),
        ({"url": "https://example.com/", "kinds": ["nonsense"]}, "kinds"),
        ({"url": "https://example.com/", "secret": "mine"}, "secret"),
        ({"url": "https://example.com/", "tenant": 10**9}, "tenant"),
    ],
)
def test_a_wrong_endpoint_is_refused_with_its_field(ann_key: APIClient, body: dict[str, Any], field: str) -> None:
    assert fields_at_fault(ann_key.post("/api/v1/webhook-endpoints/", body)) == [field]
    assert WebhookEndpoint.objects.count() == 0


def test_an_endpoint_is_changed_rotated_tested_and_deleted(ann_key: APIClient, alice: Tenant) -> None:
    endpoint = WebhookEndpoint.objects.create(tenant=alice, url="https://alice.example/", salt="old")
    path = f"/api/v1/webhook-endpoints/{endpoint.pk}/"
    assert ann_key.patch(path, {"is_active": False, "kinds": ["did.*"]}).json()["kinds"] == ["did.*"]
    assert fields_at_fault(ann_key.patch(path, {"url": "http://10.0.0.1/"})) == ["url"]
    secret = ann_key.post(path + "rotate-secret/").json()["secret"]
    endpoint.refresh_from_db()
    assert secret == secret_of(endpoint.salt) != secret_of("old")
    assert ann_key.post(path + "test/").status_code == 202
    assert Event.objects.get().kind == "webhook.test"
    assert ann_key.delete(path).status_code == 204
    assert WebhookEndpoint.objects.count() == 0


def test_a_foreign_endpoint_answers_like_a_missing_one(ann_key: APIClient, bob: Tenant) -> None:
    endpoint = WebhookEndpoint.objects.create(tenant=bob, url="https://bob.example/", salt="s")
    for path in ("", "rotate-secret/", "test/"):
        method = ann_key.post if path else ann_key.get
        assert method(f"/api/v1/webhook-endpoints/{endpoint.pk}/{path}").status_code == 404
    assert ann_key.delete(f"/api/v1/webhook-endpoints/{endpoint.pk}/").status_code == 404


def test_deliveries_show_every_attempt_and_a_failed_one_is_tried_again(
    ann_key: APIClient, alice: Tenant, happen: Happen
) -> None:
    WebhookEndpoint.objects.create(tenant=alice, url="http://127.0.0.1:1/", salt="s")
    happen()
    delivery = next(item for item in dispatch.plan_pending(timezone.now()) if item.channel == Channel.WEBHOOK)
    path = f"/api/v1/webhook-deliveries/{delivery.pk}/"
    assert ann_key.post(path + "retry/").status_code == 409
    dispatch.deliver(delivery.pk, timezone.now())
    (shown,) = ann_key.get("/api/v1/webhook-deliveries/?state=failed").json()["results"]
    assert (shown["id"], shown["attempts"], len(shown["log"])) == (delivery.pk, 1, 1)
    assert shown["log"][0]["error"] == "127.0.0.1 is not a public address"
    assert ann_key.post(path + "retry/").status_code == 202
    assert Delivery.objects.get(pk=delivery.pk).state == DeliveryState.PENDING


def test_a_recipient_belongs_to_its_users_tenant(noc_key: APIClient, ann: User, alice: Tenant) -> None:
    body = {"user": ann.pk, "min_severity": "critical", "kinds": ["fraud.*"]}
    response = noc_key.post("/api/v1/alert-recipients/", body)
    assert response.status_code == 201, response.content
    assert response.json()["tenant"] == alice.pk
    assert Recipient.objects.get().user == ann


def test_nobody_subscribes_a_stranger(ann_key: APIClient, noc: User, ann: User) -> None:
    assert fields_at_fault(ann_key.post("/api/v1/alert-recipients/", {"user": noc.pk})) == ["user"]
    made = ann_key.post("/api/v1/alert-recipients/", {"user": ann.pk}).json()
    assert fields_at_fault(ann_key.patch(f"/api/v1/alert-recipients/{made['id']}/", {"user": noc.pk})) == ["user"]


def test_a_key_needs_the_scope_and_its_role_the_right(alice: Tenant) -> None:
    body = {"url": "https://alice.example/"}
    assert (
        client_of(alice, Role.TENANT_ADMIN, "events:read").post("/api/v1/webhook-endpoints/", body).status_code == 403
    )
    assert (
        client_of(alice, Role.TENANT_ADMIN, "webhooks:read").post("/api/v1/webhook-endpoints/", body).status_code == 403
    )
    assert client_of(alice, Role.TENANT_USER).post("/api/v1/webhook-endpoints/", body).status_code == 403
    assert (
        client_of(alice, Role.TENANT_ADMIN, "webhooks:write").post("/api/v1/webhook-endpoints/", body).status_code
        == 201
    )
    assert APIClient().get("/api/v1/events/").status_code == 401
