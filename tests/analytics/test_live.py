"""The node's live publisher with a real Redis."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from redis.asyncio import Redis

from analytics import limits
from analytics.live import LivePublisher
from sip.controller.ports import LiveCall

pytestmark = pytest.mark.asyncio

ABOVE = {3: (1, 2), 4: (1,)}
"""Tenant 3 is a customer of reseller 2, tenant 4 of the operator 1."""


class Layer:
    """A channel layer that remembers what was sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        self.sent.append((group, message))

    def taken(self) -> dict[str, tuple[list[str], list[str]]]:
        """Return calls and ended calls by group, and forget them."""
        sent, self.sent = self.sent, []
        return {group: ([call["call_id"] for call in m["calls"]], m["ended"]) for group, m in sent}


def live(call_id: str, tenant_id: int = 3, state: str = "trying") -> LiveCall:
    return LiveCall(
        call_id=call_id, tenant_id=tenant_id, state=state, caller="101", called="102",  # type: ignore[typeddict-item]
        line_id=1, trunk_id=None, started_at=1_000.0, answered_at=None,
    )  # fmt: skip


async def watch(redis_url: str, *groups: str) -> None:
    async with Redis.from_url(redis_url) as client:
        await client.zadd("live-watchers", dict.fromkeys(groups, 1_000.0))


def publisher(redis_url: str, layer: Layer) -> LivePublisher:
    return LivePublisher(redis_url, "n1", ABOVE.__getitem__, layer, wall=lambda: 1_000.0)


async def test_a_call_reaches_its_tenant_the_reseller_above_and_the_operator_and_nobody_else(redis_url: str) -> None:
    layer = Layer()
    await watch(redis_url, "live.operator", "live.tenant.2", "live.tenant.3", "live.tenant.4")
    node = publisher(redis_url, layer)
    await node.flush()
    assert layer.taken() == dict.fromkeys(
        ("live.operator", "live.tenant.2", "live.tenant.3", "live.tenant.4"), ([], [])
    )  # The reset at the start.
    node.changed(live("c1"))
    await node.flush()
    assert layer.taken() == dict.fromkeys(("live.operator", "live.tenant.2", "live.tenant.3"), (["c1"], []))
    node.ended("c1")
    await node.flush()
    assert layer.taken() == dict.fromkeys(("live.operator", "live.tenant.2", "live.tenant.3"), (["c1"], ["c1"]))


async def test_nothing_is_sent_to_groups_nobody_watches(redis_url: str) -> None:
    layer = Layer()
    node = publisher(redis_url, layer)
    node.changed(live("c1"))
    await node.flush()
    assert layer.sent == []


async def test_with_its_heartbeat_a_node_tells_which_trunks_it_passes_over(redis_url: str) -> None:
    node = publisher(redis_url, Layer())
    node.trunks_down = lambda: (7, 9)
    await node.flush()
    async with Redis.from_url(redis_url) as client:
        assert await client.hgetall("trunks-down") == {b"n1": b'{"at":1000.0,"ids":[7,9]}'}
        assert 0 < await client.ttl("trunks-down") <= 60


async def test_redis_holds_the_calls_in_progress_with_an_expiry(redis_url: str) -> None:
    node = publisher(redis_url, Layer())
    node.changed(live("c1"))
    node.changed(live("c2", 4))
    node.changed(live("c1", state="ringing"))
    await node.flush()
    node.ended("c2")
    await node.flush()
    async with Redis.from_url(redis_url) as client:
        found: Any = await client.hgetall("live:n1")
        calls = {key.decode(): json.loads(text) for key, text in found.items()}
        assert calls == {"c1": live("c1", state="ringing")}
        assert 55 < await client.ttl("live:n1") <= 60
        assert await client.zrange("live-nodes", 0, -1) == [b"n1"]


async def test_changes_between_two_batches_are_one_message(redis_url: str) -> None:
    layer = Layer()
    await watch(redis_url, "live.operator")
    node = publisher(redis_url, layer)
    await node.flush()
    layer.taken()
    for state in ("trying", "ringing", "answered"):
        node.changed(live("c1", state=state))
    await node.flush()
    assert [(group, message["calls"][0]["state"]) for group, message in layer.sent] == [("live.operator", "answered")]
    await node.flush()
    assert len(layer.sent) == 1


async def test_a_short_call_that_came_and_went_is_told_of_but_not_kept(redis_url: str) -> None:
    layer = Layer()
    await watch(redis_url, "live.operator")
    node = publisher(redis_url, layer)
    await node.flush()
    layer.taken()
    node.changed(live("c1"))
    node.ended("c1")
    await node.flush()
    assert layer.taken() == {"live.operator": (["c1"], ["c1"])}
    async with Redis.from_url(redis_url) as client:
        assert await client.hlen("live:n1") == 0


async def test_with_redis_away_changes_are_dropped_it_is_logged_once_and_all_is_sent_when_it_is_back(
    redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "analytics.live")
    layer = Layer()
    await watch(redis_url, "live.operator")
    node = publisher("unix:///nowhere/redis.sock", layer)
    node.changed(live("c1"))
    for _ in range(3):
        await node.flush()
    node.changed(live("c2"))
    node.ended("c1")
    node._redis = Redis.from_url(redis_url)
    await node.flush()
    assert [(group, message["reset"]) for group, message in layer.sent] == [("live.operator", True)]
    assert layer.taken() == {"live.operator": (["c2"], [])}
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_calls_beyond_the_limit_are_not_shown_and_cost_no_memory(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LIVE_CALLS_MAX", 2)
    node = publisher(redis_url, Layer())
    for number in range(4):
        node.changed(live(f"c{number}"))
    node.ended("c3")
    assert sorted(node._calls) == ["c0", "c1"]


async def test_a_batch_is_bounded_and_the_rest_follows(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "LIVE_BATCH_CALLS_MAX", 2)
    layer = Layer()
    await watch(redis_url, "live.operator")
    node = publisher(redis_url, layer)
    for number in range(3):
        node.changed(live(f"c{number}"))
    await node.flush()
    assert layer.taken() == {"live.operator": (["c0", "c1"], [])}
    await node.flush()
    assert layer.taken() == {"live.operator": (["c2"], [])}


async def test_run_publishes_until_it_is_cancelled(redis_url: str) -> None:
    layer = Layer()
    await watch(redis_url, "live.operator")
    node = LivePublisher(redis_url, "n1", ABOVE.__getitem__, layer, wall=lambda: 1_000.0)
    task = asyncio.create_task(node.run())
    node.changed(live("c1"))
    await asyncio.sleep(2.5 * limits.LIVE_BATCH_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert layer.taken() == {"live.operator": (["c1"], [])}
