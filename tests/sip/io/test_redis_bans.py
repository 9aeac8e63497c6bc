"""Bans in a real Redis: heard by other nodes, kept over a restart, and a node's own without Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from sip.io import redis_bans
from sip.io.redis_bans import CHANNEL, PREFIX, STATE_PREFIX, RedisBans, SharedBan
from sip.stack.flow import Flow
from sip.stack.guard.bans import Ban
from sip.stack.guard.guard import Guard
from sip.stack.guard.signals import Signal
from tests.sip.io.test_redis_location import OwnRedis

SCANNER = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
SOURCE = SCANNER.remote[0]


class NodeOfBans:
    """A guard and what shares its bans, running."""

    def __init__(self, url: str, name: str) -> None:
        self.guard = Guard()
        self.bans = RedisBans(url, name, self.guard, time.monotonic)
        self.task = asyncio.get_running_loop().create_task(self.bans.run())

    async def ready(self) -> NodeOfBans:
        await self.bans.first_try.wait()
        return self

    def scan(self, flow: Flow = SCANNER) -> None:
        for number in range(10):
            self.guard.note(flow, Signal.UNKNOWN_NAME, f"u{number}", time.monotonic())

    def is_banned(self, source: str = SOURCE) -> bool:
        return self.guard.is_banned(source, time.monotonic())

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.bans.close()


Start = Callable[[str], NodeOfBans]


@pytest_asyncio.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    made = OwnRedis(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest_asyncio.fixture
async def start(own_redis: OwnRedis) -> AsyncIterator[Start]:
    nodes: list[NodeOfBans] = []

    def make(name: str) -> NodeOfBans:
        nodes.append(NodeOfBans(own_redis.url, name))
        return nodes[-1]

    yield make
    for node in nodes:
        await node.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(10.0):
        while not holds():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_a_scanner_of_one_node_is_banned_by_the_other(start: Start) -> None:
    one, two = await start("one").ready(), await start("two").ready()
    one.scan()
    assert one.is_banned()
    assert not two.is_banned()
    await until(two.is_banned)
    [ban] = two.guard.bans.all(time.monotonic())
    assert (ban.reason, ban.by_operator) == ("unknown user", False)
    assert ban.until == pytest.approx(one.guard.bans.all(time.monotonic())[0].until, abs=1.0)


@pytest.mark.asyncio
async def test_a_ban_outlives_the_nodes_and_is_there_before_a_new_one_hears_anybody(start: Start) -> None:
    one = await start("one").ready()
    one.scan()
    await one.stop()
    later = await start("later").ready()
    assert later.is_banned()
    assert len(later.guard.bans) == 1


@pytest.mark.asyncio
async def test_redis_forgets_a_ban_when_it_ends(start: Start, own_redis: OwnRedis) -> None:
    one = await start("one").ready()
    one.scan()
    async with Redis.from_url(own_redis.url) as client:
        while not await client.exists(PREFIX + SOURCE):  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)
        assert 58_000 < await client.pttl(PREFIX + SOURCE) <= 60_000


@pytest.mark.asyncio
async def test_a_person_bans_and_lifts_and_all_nodes_follow(start: Start, own_redis: OwnRedis) -> None:
    one, two = await start("one").ready(), await start("two").ready()
    one.guard.prove(SCANNER, time.monotonic())
    async with Redis.from_url(own_redis.url) as client:
        text = SharedBan(SOURCE, time.time() + 60, "by hand", True, "alice").to_json()
        await client.set(PREFIX + SOURCE, text)
        await client.publish(CHANNEL, text)
        await until(lambda: one.is_banned() and two.is_banned())
        await client.delete(PREFIX + SOURCE)
        await client.publish(CHANNEL, "-" + SOURCE)
        await until(lambda: not one.is_banned() and not two.is_banned())


@pytest.mark.asyncio
async def test_a_registered_source_of_this_node_is_not_banned_because_another_node_says_so(start: Start) -> None:
    one, two = await start("one").ready(), await start("two").ready()
    two.guard.prove(SCANNER, time.monotonic())
    other = Flow("UDP", SCANNER.local, ("198.51.100.8", 5060))
    one.scan()
    one.scan(other)
    await until(lambda: two.is_banned("198.51.100.8"))
    assert not two.is_banned()


@pytest.mark.asyncio
async def test_without_redis_bans_are_the_nodes_own_and_are_told_when_it_is_back(
    start: Start, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bans, "REDIS_RETRY_S", 0.05)
    own_redis.stop()
    one = await start("one").ready()
    assert one.bans.is_away
    one.scan()
    assert one.is_banned()
    own_redis.start()
    await until(lambda: not one.bans.is_away)
    two = await start("two").ready()
    await until(two.is_banned)


@pytest.mark.asyncio
async def test_a_ban_lifted_while_redis_could_not_be_reached_is_lifted_here_too(
    start: Start, own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bans, "REDIS_RETRY_S", 0.05)
    async with Redis.from_url(own_redis.url) as client:
        await client.set(PREFIX + SOURCE, SharedBan(SOURCE, time.time() + 60, "x", False, "other").to_json())
    one = await start("one").ready()
    assert one.is_banned()
    own_redis.stop()
    await until(lambda: one.bans.is_away)
    own_redis.start()
    await until(lambda: not one.bans.is_away)
    assert not one.is_banned()


@pytest.mark.asyncio
@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"source": 1}', b'{"source":"a","until":"x"}', b"\xff"])
async def test_what_is_no_ban_is_passed_over(start: Start, own_redis: OwnRedis, text: bytes) -> None:
    async with Redis.from_url(own_redis.url) as client:
        await client.set(PREFIX + "x", text)
        one = await start("one").ready()
        await client.publish(CHANNEL, text)
        good = SharedBan(SOURCE, time.time() + 60, "x", False, "other")
        await client.publish(CHANNEL, good.to_json())
        await until(one.is_banned)
    assert len(one.guard.bans) == 1


@pytest.mark.asyncio
async def test_each_node_shows_what_its_guard_did(start: Start, own_redis: OwnRedis) -> None:
    one = await start("one").ready()
    one.guard.take_ban(Ban(SOURCE, time.monotonic() + 60, "x"), time.monotonic())
    async with Redis.from_url(own_redis.url) as client:
        while (text := await client.get(STATE_PREFIX + "one")) is None:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
        assert 0 < await client.ttl(STATE_PREFIX + "one") <= 6
    assert b'"shed_percent": 0' in text


def test_a_shared_ban_is_text_and_back() -> None:
    ban = SharedBan("2001:db8:1:2::/64", 1_800_000_000.5, 'with "quotes"', True, "node1")
    assert SharedBan.parse(ban.to_json()) == ban
