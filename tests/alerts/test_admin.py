"""Alerts in the admin."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerts import dispatch
from alerts.models import Delivery, Event, Recipient, WebhookEndpoint
from alerts.signing import secret_of
from tenants.choices import Role
from tenants.models import Tenant, User

pytestmark = pytest.mark.django_db
SUBMITTED = {"_form_submitted": "True"}
"""What unfold's dialogs send."""


@pytest.fixture
def admin(operator: Tenant) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("o@trunkco.example", "x", tenant=operator, role=Role.OPERATOR_ADMIN))
    return client


def page(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


def test_an_event_shows_where_it_went(admin: Client, happen: Callable[..., Event]) -> None:
    event = happen(payload={"admin_url": "/admin/fraud/case/7/change/"})
    dispatch.plan_pending(timezone.now())
    text = page(admin.get("/admin/alerts/event/"))
    assert '<a href="/admin/fraud/case/7/change/">Cuba: line desk</a>' in text
    text = page(admin.get(f"/admin/alerts/event/{event.pk}/change/"))
    assert "alerts.operator" in text


def test_a_payload_cannot_lead_out_of_the_admin_site(admin: Client, happen: Callable[..., Event]) -> None:
    happen(subject="<b>bold</b>", payload={"admin_url": "javascript:alert(1)"})
    text = page(admin.get("/admin/alerts/event/"))
    assert "javascript:alert(1)" not in text
    assert "<b>bold</b>" not in text


def test_a_new_endpoints_secret_is_shown_once(admin: Client, alice: Tenant) -> None:
    form = {
        "tenant": alice.pk,
        "url": "https://alice.example/hook",
        "kinds": "fraud.*  did.assigned",
        "is_active": "on",
    }
    response = admin.post("/admin/alerts/webhookendpoint/add/", form)
    found = re.search(r"data-secret>([^<]+)<", page(response))
    endpoint = WebhookEndpoint.objects.get()
    assert found is not None
    assert found[1] == secret_of(endpoint.salt)
    assert endpoint.kinds == ["fraud.*", "did.assigned"]
    assert response["Cache-Control"].startswith("no-store")
    assert found[1] not in page(admin.get(f"/admin/alerts/webhookendpoint/{endpoint.pk}/change/"))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"url": "http://10.0.0.1/"}, "a webhook goes to a public address"), ({"kinds": "x"}, "is no kind")],
)
def test_a_wrong_endpoint_shows_its_error(admin: Client, alice: Tenant, change: dict[str, str], message: str) -> None:
    form = {"tenant": alice.pk, "url": "https://alice.example/", "kinds": "", "is_active": "on"} | change
    assert message in page(admin.post("/admin/alerts/webhookendpoint/add/", form))
    assert WebhookEndpoint.objects.count() == 0


def test_an_endpoint_is_changed_rotated_and_tested(admin: Client, alice: Tenant) -> None:
    endpoint = WebhookEndpoint.objects.create(tenant=alice, url="https://alice.example/", salt="old")
    path = f"/admin/alerts/webhookendpoint/{endpoint.pk}/"
    assert admin.post(path + "change/", {"url": "https://alice.example/new", "kinds": ""}).status_code == 302
    admin.post(path + "rotate-secret/", SUBMITTED)
    admin.post(path + "test/", SUBMITTED)
    endpoint.refresh_from_db()
    assert (endpoint.url, endpoint.is_active) == ("https://alice.example/new", False)
    assert endpoint.salt != "old"
    assert Event.objects.get().kind == "webhook.test"


def test_a_recipient_is_made_for_its_users_tenant(admin: Client, ann: User, alice: Tenant) -> None:
    form = {"user": ann.pk, "min_severity": "critical", "kinds": "fraud.*", "is_active": "on"}
    assert admin.post("/admin/alerts/recipient/add/", form).status_code == 302
    recipient = Recipient.objects.get()
    assert (recipient.tenant, recipient.kinds) == (alice, ["fraud.*"])
    assert "ann@alice.example" in page(admin.get("/admin/alerts/recipient/"))


def test_a_failed_delivery_shows_why_and_is_tried_again(
    admin: Client, alice: Tenant, happen: Callable[..., Event]
) -> None:
    WebhookEndpoint.objects.create(tenant=alice, url="http://127.0.0.1:1/", salt="s")
    happen()
    (delivery,) = [item for item in dispatch.plan_pending(timezone.now()) if item.channel == "webhook"]
    dispatch.deliver(delivery.pk, timezone.now())
    assert "http://127.0.0.1:1/" in page(admin.get("/admin/alerts/delivery/?state=failed"))
    assert "127.0.0.1 is not a public address" in page(admin.get(f"/admin/alerts/delivery/{delivery.pk}/change/"))
    admin.post(f"/admin/alerts/delivery/{delivery.pk}/retry/", SUBMITTED)
    assert Delivery.objects.get(pk=delivery.pk).state == "pending"
