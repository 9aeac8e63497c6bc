"""The websocket of the bell, through the real channel layer on a real Redis."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from alerts import dispatch
from alerts.consumers import CLOSE_NOT_LOGGED_IN, AlertsConsumer
from alerts.events import emit
from alerts.limits import RECENT_EVENTS_MAX
from alerts.models import Event
from tenants.choices import Role
from tenants.models import Tenant, User
from tenants.scope import system_scope
from tenants.services import create_tenant
from tests.analytics.sockets import Socket
from voip.celery import app

pytestmark = pytest.mark.asyncio


def in_system_scope(function: Callable[..., Any], *args: Any, **values: Any) -> Any:
    with system_scope():
        return function(*args, **values)


run = database_sync_to_async(in_system_scope)


class Cast:
    """An operator, a reseller with alice below it, bob beside them, and one user of each."""

    def __init__(self) -> None:
        self.operator = create_tenant(name="Trunkco", kind="operator")
        self.reseller = create_tenant(name="Resellco", kind="reseller", parent=self.operator)
        self.alice = create_tenant(name="Alice", kind="customer", parent=self.reseller)
        self.bob = create_tenant(name="Bob", kind="customer", parent=self.operator)
        self.noc = self.user(self.operator, Role.OPERATOR_SUPPORT)
        self.rex = self.user(self.reseller, Role.TENANT_ADMIN)
        self.ann = self.user(self.alice, Role.TENANT_USER)
        self.ben = self.user(self.bob, Role.TENANT_ADMIN)

    @staticmethod
    def user(tenant: Tenant, role: Role) -> User:
        return User.objects.create_user(f"{tenant.slug}@example.com", "x", tenant=tenant, role=role)


@pytest.fixture
def cast_(committed_db: None) -> Cast:
    with system_scope():
        return Cast()


def happen_and_deliver(tenant: Tenant, subject: str, **values: Any) -> Event:
    values = {"payload": {}, "severity": "critical"} | values
    event = emit("fraud.case_opened", tenant_id=tenant.pk, subject=subject, **values)
    for delivery in dispatch.plan_pending(timezone.now()):
        assert dispatch.deliver(delivery.pk, timezone.now())
    return event


@asynccontextmanager
async def connected(user: Any) -> AsyncIterator[Socket]:
    """Give a browser's connection; the layer's own is closed with it, as it belongs to the test's loop."""
    browser = Socket(AlertsConsumer.as_asgi(), "/ws/alerts/", user)
    await browser.open()
    try:
        yield browser
    finally:
        await browser.close()
        await get_channel_layer().flush()


async def test_an_event_reaches_the_operators_browser_with_the_way_to_its_page(cast_: Cast) -> None:
    async with connected(cast_.noc) as browser:
        assert await browser.receive() == {"type": "hello", "events": []}
        payload = {"admin_url": "/admin/fraud/case/7/"}
        event = await run(happen_and_deliver, cast_.alice, "Cuba: line desk", payload=payload)
        assert await browser.receive() == {
            "type": "event",
            "event": {
                "id": event.pk,
                "kind": "fraud.case_opened",
                "subject": "Cuba: line desk",
                "severity": "critical",
                "tenant_id": cast_.alice.pk,
                "tenant": "Alice",
                "created_at": event.created_at.isoformat(),
                "url": "/admin/fraud/case/7/",
            },
        }


async def test_a_tenant_and_its_reseller_hear_and_others_do_not(cast_: Cast) -> None:
    async with connected(cast_.ann) as ann, connected(cast_.rex) as rex, connected(cast_.ben) as ben:
        for browser in (ann, rex, ben):
            await browser.receive()
        await run(happen_and_deliver, cast_.alice, "alice's", payload={"admin_url": "/admin/"})
        await run(happen_and_deliver, cast_.bob, "bob's")
        for browser in (ann, rex):
            heard = await browser.receive()
            assert (heard["event"]["subject"], heard["event"]["url"]) == ("alice's", "")
            assert await browser.receive_nothing(0.1) is True
        assert (await ben.receive())["event"]["subject"] == "bob's"


async def test_who_connects_is_told_what_happened_lately_newest_first(cast_: Cast) -> None:
    for number in range(RECENT_EVENTS_MAX + 3):
        await run(emit, "fraud.case_opened", tenant_id=cast_.alice.pk, subject=str(number), payload={})
    await run(emit, "fraud.case_opened", tenant_id=cast_.bob.pk, subject="bob's", payload={})
    async with connected(cast_.ann) as browser:
        hello = await browser.receive()
        subjects = [event["subject"] for event in hello["events"]]
        assert subjects == [str(number) for number in range(RECENT_EVENTS_MAX + 2, 2, -1)]
    async with connected(cast_.noc) as browser:
        hello = await browser.receive()
        assert hello["events"][0]["subject"] == "bob's"


async def refused(user: Any) -> int:
    browser = Socket(AlertsConsumer.as_asgi(), "/ws/alerts/", user)
    await browser.open()
    return await browser.closed_with()


async def test_strangers_and_users_that_were_switched_off_are_turned_away(cast_: Cast) -> None:
    assert await refused(None) == CLOSE_NOT_LOGGED_IN
    assert await refused(AnonymousUser()) == CLOSE_NOT_LOGGED_IN
    await run(User.objects.filter(pk=cast_.ann.pk).update, is_active=False)
    assert await refused(cast_.ann) == CLOSE_NOT_LOGGED_IN
    await run(Tenant.objects.filter(pk=cast_.bob.pk).update, is_active=False)
    assert await refused(cast_.ben) == CLOSE_NOT_LOGGED_IN


async def test_what_a_browser_says_is_ignored(cast_: Cast) -> None:
    async with connected(cast_.noc) as browser:
        await browser.receive()
        await browser.say(text="not json {")
        await browser.say(data=b"\x00")
        assert await browser.receive_nothing(0.1) is True
        await run(happen_and_deliver, cast_.alice, "still there")
        assert (await browser.receive())["event"]["subject"] == "still there"


async def test_emit_reaches_the_browser_through_the_broker_and_a_worker(cast_: Cast) -> None:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=20):
        async with connected(cast_.noc) as browser:
            await browser.receive()
            event = await run(emit, "fraud.case_opened", tenant_id=cast_.alice.pk, subject="by the broker", payload={})
            heard = await browser.receive()
            assert (heard["event"]["id"], heard["event"]["subject"]) == (event.pk, "by the broker")
