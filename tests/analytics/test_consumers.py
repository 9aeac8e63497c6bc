"""The live view's websocket with the real channel layer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from analytics.consumers import LiveConsumer
from analytics.live import LivePublisher
from sip.controller.ports import LiveCall
from sip.models import Trunk
from tenants.choices import Role
from tenants.models import Tenant, User
from tenants.sockets import UserInSystemScope
from tests.analytics import builders
from tests.analytics.sockets import Socket

pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("committed_db", "redis_url")]


def live(call_id: str, tenant_id: int, trunk_id: int | None = None) -> LiveCall:
    return LiveCall(
        call_id=call_id, tenant_id=tenant_id, state="ringing", caller="101", called="+33199000001", line_id=1,
        trunk_id=trunk_id, started_at=1_000.0, answered_at=None,
    )  # fmt: skip


class World:
    """Tenants, their users, a trunk and a node."""

    def __init__(self) -> None:
        self.operator, self.reseller, self.alice, self.bob = builders.tenants()
        self.trunk = Trunk.objects.create(tenant=self.operator, name="Carrier", host="192.0.2.1")
        self.node = LivePublisher(settings.REDIS_URL, "n1", self._above)

    def _above(self, tenant_id: int) -> tuple[int, ...]:
        known = {tenant.pk: tenant for tenant in (self.operator, self.reseller, self.alice, self.bob)}
        return tuple(known[tenant_id].ancestor_ids)

    def user(self, tenant: Tenant, role: Role = Role.TENANT_USER, **changes: Any) -> User:
        made = User.objects.create_user(f"u{tenant.pk}@example.com", None, tenant=tenant, role=role)
        User.objects.filter(pk=made.pk).update(**changes) if changes else None
        return made


@pytest.fixture(autouse=True)
def _no_names_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.names._known", {})


@pytest.fixture
def world(committed_db: None) -> World:
    return World()


@asynccontextmanager
async def watching(user: User | AnonymousUser) -> AsyncIterator[Socket]:
    """Open the live view's socket as this user."""
    socket = Socket(UserInSystemScope(LiveConsumer.as_asgi()), "/ws/live/", user)
    await socket.open()
    try:
        yield socket
    finally:
        await socket.close()


async def test_the_first_message_is_what_is_going_on_and_then_come_changes(world: World) -> None:
    boss = await sync_to_async(world.user)(world.operator, Role.OPERATOR_ADMIN)
    world.node.changed(live("c1", world.alice.pk, world.trunk.pk))
    await world.node.flush()
    async with watching(boss) as socket:
        first = await socket.receive()
        assert (first["type"], first["nodes"]) == ("snapshot", 1)
        assert first["calls"] == [
            {
                "call_id": "c1", "node": "n1", "state": "ringing", "tenant": "Alice", "caller": "101",
                "called": "+33199000001", "trunk": "Carrier", "started_at": 1_000.0, "answered_at": None,
            }
        ]  # fmt: skip
        world.node.changed(live("c2", world.bob.pk))
        world.node.ended("c1")
        await world.node.flush()
        delta = await socket.receive()
        assert (delta["type"], [call["call_id"] for call in delta["calls"]], delta["ended"]) == (
            "delta", ["c2", "c1"], ["c1"],
        )  # fmt: skip


async def test_a_tenant_gets_its_own_calls_without_the_operators_trunk_and_nothing_of_another(world: World) -> None:
    alice = await sync_to_async(world.user)(world.alice)
    world.node.changed(live("bobs", world.bob.pk))
    world.node.changed(live("own", world.alice.pk, world.trunk.pk))
    await world.node.flush()
    async with watching(alice) as socket:
        first = await socket.receive()
        assert [(call["call_id"], call["trunk"]) for call in first["calls"]] == [("own", "")]
        world.node.changed(live("bobs2", world.bob.pk))
        world.node.ended("bobs")
        await world.node.flush()
        assert await socket.receive_nothing(0.3)
        world.node.changed(live("own2", world.alice.pk, world.trunk.pk))
        await world.node.flush()
        assert [(call["call_id"], call["trunk"]) for call in (await socket.receive())["calls"]] == [("own2", "")]


async def test_a_reseller_sees_the_calls_of_its_customers_only(world: World) -> None:
    reseller = await sync_to_async(world.user)(world.reseller, Role.TENANT_ADMIN)
    world.node.changed(live("alices", world.alice.pk))
    world.node.changed(live("bobs", world.bob.pk))
    await world.node.flush()
    async with watching(reseller) as socket:
        assert [call["call_id"] for call in (await socket.receive())["calls"]] == ["alices"]
        world.node.changed(live("bobs2", world.bob.pk))
        world.node.changed(live("alices2", world.alice.pk))
        await world.node.flush()
        assert [call["call_id"] for call in (await socket.receive())["calls"]] == ["alices2"]


async def test_no_node_and_no_call_are_told_apart(world: World) -> None:
    boss = await sync_to_async(world.user)(world.operator, Role.OPERATOR_ADMIN)
    async with watching(boss) as socket:
        first = await socket.receive()
        assert (first["nodes"], first["calls"]) == (0, [])
    await world.node.flush()
    async with watching(boss) as socket:
        first = await socket.receive()
        assert (first["nodes"], first["calls"]) == (1, [])


@pytest.mark.parametrize("who", ["nobody", "locked"])
async def test_a_stranger_is_turned_away_with_a_code(world: World, who: str) -> None:
    user: User | AnonymousUser = AnonymousUser()
    if who == "locked":
        user = await sync_to_async(world.user)(world.alice, is_active=False)
    async with watching(user) as socket:
        assert await socket.closed_with() == 4403


async def test_a_user_who_is_locked_while_watching_is_sent_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.limits.LIVE_RESYNC_S", 0.1)
    alice = await sync_to_async(world.user)(world.alice)
    async with watching(alice) as socket:
        assert (await socket.receive())["type"] == "snapshot"
        await sync_to_async(User.objects.filter(pk=alice.pk).update)(is_active=False)
        assert await socket.closed_with() == 4403


async def test_with_redis_away_the_browser_is_told_to_try_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = await sync_to_async(world.user)(world.operator, Role.OPERATOR_ADMIN)
    monkeypatch.setattr(settings, "REDIS_URL", "unix:///nowhere/redis.sock")
    async with watching(boss) as socket:
        assert await socket.closed_with() == 1013
