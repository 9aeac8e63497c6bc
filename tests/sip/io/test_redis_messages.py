"""Messages for absent users in a real Redis: kept, bounded, fetched by one process at a time, outliving this one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from sip.controller.messages.page import PageMessage
from sip.controller.messages.store import Kept
from sip.io import redis_messages
from sip.io.redis_messages import RedisMessageStore
from tests.sip.io.test_redis_location import OwnRedis
from voip.node.messages import NodeMessageStore


@pytest_asyncio.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    """A Redis that runs."""
    made = OwnRedis(tmp_path)
    made.start()
    yield made
    made.stop()


def message(number: int, username: str = "bob", life_s: float = 3600.0) -> PageMessage:
    rows = (("Content-Type", "text/plain"), ("Subject", "caf\udce9 é"))
    return PageMessage(f"id{number}", username, "<sip:a@b>", "t", rows, b"text %d\xff" % number, time.time() + life_s)


class Process:
    """One process's store, with answers that can be awaited."""

    def __init__(self, url: str, owner: str, per_user_max: int = 5, count_max: int = 8) -> None:
        self.raw = RedisMessageStore(url, owner, per_user_max, count_max, 3600, 60)
        self.store = NodeMessageStore(self.raw)

    async def keep(self, stored: PageMessage) -> Kept:
        """Keep a message."""
        done: asyncio.Future[Kept] = asyncio.get_running_loop().create_future()
        self.store.keep(stored, time.time(), done.set_result)
        return await asyncio.wait_for(done, 5)

    async def claim(self, username: str = "bob", count: int = 10) -> list[str]:
        """Fetch messages; returns their ids."""
        return [found.id for found in await self.fetch(username, count)]

    async def fetch(self, username: str = "bob", count: int = 10) -> Sequence[PageMessage]:
        """Fetch messages."""
        done: asyncio.Future[Sequence[PageMessage]] = asyncio.get_running_loop().create_future()
        self.store.claim(username, count, done.set_result)
        return await asyncio.wait_for(done, 5)


@asynccontextmanager
async def process(url: str, owner: str, **bounds: int) -> AsyncIterator[Process]:
    """Run a process's store."""
    made = Process(url, owner, **bounds)
    task = asyncio.create_task(made.raw.run())
    try:
        await asyncio.wait_for(made.raw.first_try.wait(), 5)
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await made.raw.close()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to be")


@pytest.mark.asyncio
async def test_messages_come_back_whole_and_in_their_order(own_redis: OwnRedis) -> None:
    async with process(own_redis.url, "a") as a:
        sent = [message(number) for number in range(3)]
        assert [await a.keep(one) for one in sent] == [Kept.KEPT] * 3
        assert list(await a.fetch()) == sent


@pytest.mark.asyncio
async def test_another_process_knows_who_waits_at_once_and_after_its_start(own_redis: OwnRedis) -> None:
    async with process(own_redis.url, "a") as a, process(own_redis.url, "b") as b:
        assert not b.store.has_waiting("bob")
        await a.keep(message(1))
        assert a.store.has_waiting("bob")
        await until(lambda: b.store.has_waiting("bob"))
        async with process(own_redis.url, "c") as c:
            assert c.store.has_waiting("bob")
            assert await c.claim() == ["id1"]


@pytest.mark.asyncio
async def test_only_one_process_delivers_until_it_lets_go(own_redis: OwnRedis) -> None:
    async with process(own_redis.url, "a") as a, process(own_redis.url, "b") as b:
        await a.keep(message(1))
        assert await a.claim() == ["id1"]
        assert await b.claim() == []
        assert await a.claim() == ["id1"], "whoever has the claim keeps it"
        a.store.release("bob")
        await a.keep(message(2))
        assert await b.claim() == ["id1", "id2"]
        a.store.release("bob")
        await a.keep(message(3))
        assert await a.claim() == [], "a claim of others is not given back"


@pytest.mark.asyncio
async def test_a_process_that_was_killed_has_its_claim_again_when_it_is_back(own_redis: OwnRedis) -> None:
    async with process(own_redis.url, "a") as a:
        await a.keep(message(1))
        await a.claim()
    async with process(own_redis.url, "a") as again:
        assert await again.claim() == ["id1"]


@pytest.mark.asyncio
async def test_what_is_removed_is_gone_and_the_user_waits_no_more(own_redis: OwnRedis) -> None:
    async with process(own_redis.url, "a") as a:
        sent = [message(number) for number in range(3)]
        for one in sent:
            await a.keep(one)
        [first, *_] = await a.fetch()
        a.store.remove(first)
        a.store.remove(sent[2])
        assert await a.claim() == ["id1"]
        a.store.remove(sent[1])
        a.store.remove(sent[1])
        assert await a.claim() == []
        assert not a.store.has_waiting("bob")
        async with Redis.from_url(own_redis.url) as client:
            assert await client.keys("*") == []


@pytest.mark.asyncio
async def test_users_and_the_whole_are_bounded_and_what_expired_makes_room(own_redis: OwnRedis) -> None:
    async with process(own_redis.url, "a") as a:
        kept = [await a.keep(message(number)) for number in range(6)]
        assert kept == [Kept.KEPT] * 5 + [Kept.FULL]
        short = [await a.keep(message(number, "carol", 0.05)) for number in range(10, 14)]
        assert short == [Kept.KEPT] * 3 + [Kept.FULL]
        await asyncio.sleep(0.06)
        assert await a.keep(message(20, "dave")) is Kept.KEPT
        assert not a.store.has_waiting("erin")


@pytest.mark.asyncio
async def test_while_redis_is_away_nothing_is_called_kept(
    own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_messages, "REDIS_RETRY_S", 0.2)
    async with process(own_redis.url, "a") as a:
        await a.keep(message(1))
        own_redis.stop()
        assert await a.keep(message(2)) is Kept.FAILED
        assert await a.keep(message(3)) is Kept.FAILED
        assert await a.claim() == []
        a.store.release("bob")
        own_redis.start()
        await until(lambda: not a.raw.is_away)
        await asyncio.sleep(0.25)
        assert await a.keep(message(4)) is Kept.KEPT
        assert caplog.text.count("Redis is away, messages") == 1
        assert "text" not in caplog.text


@pytest.mark.asyncio
async def test_a_delivered_message_is_removed_when_redis_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_messages, "REDIS_RETRY_S", 0.1)
    redis = OwnRedis(tmp_path)
    redis.start()
    try:
        async with process(redis.url, "a") as a:
            await a.keep(message(1))
            await a.keep(message(2))
            fetched = await a.fetch()
            a.raw._retry_at = asyncio.get_running_loop().time() + 0.1
            a.store.remove(fetched[0])
            await asyncio.sleep(0.15)
            assert await a.claim() == ["id2"]
    finally:
        redis.stop()


@pytest.mark.asyncio
async def test_unreadable_rows_are_left_out(own_redis: OwnRedis, caplog: pytest.LogCaptureFixture) -> None:
    async with process(own_redis.url, "a") as a:
        await a.keep(message(1))
        async with Redis.from_url(own_redis.url) as client:
            await client.lpush("{messages}:for:bob", '{"id": "broken"}')
        assert await a.claim() == ["id1"]
        assert "unreadable" in caplog.text
