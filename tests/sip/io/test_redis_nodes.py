"""Nodes that hear of each other over a real Redis, which comes and goes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from sip.io import redis_location, redis_nodes
from sip.io.redis_location import RedisLocationStore
from sip.io.redis_nodes import ALL, ONE, RedisNodes
from tests.sip.io.test_redis_location import OwnRedis

LATER = time.time() + 3600


class Process:
    """A process of a node with its store, as ``sip.io.node`` puts them together."""

    def __init__(self, url: str, node: str) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        self.reloads: list[list[str]] = []
        self.store = RedisLocationStore(url)
        self.nodes = RedisNodes(url, node, self.store, self._reload)
        self.nodes.on_news(lambda name, news: self.heard.append((name, news)))
        run = self.store.run(lambda stored: 0, dict)
        self._tasks = [asyncio.create_task(run), asyncio.create_task(self.nodes.run())]

    async def _reload(self) -> None:
        self.reloads.append(sorted(await self.store.read_all()))

    async def close(self) -> None:
        """End."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.nodes.close()
        await self.store.close()


@pytest_asyncio.fixture
async def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[OwnRedis, list[Process]]]:
    """A Redis, and an empty list of what is to be closed."""
    for module in (redis_location, redis_nodes):
        monkeypatch.setattr(module, "REDIS_RETRY_S", 0.05)
        monkeypatch.setattr(module, "REDIS_PING_S", 0.05)
    redis = OwnRedis(tmp_path)
    redis.start()
    made: list[Process] = []
    yield redis, made
    for process in made:
        await process.close()
    redis.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait up to five seconds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)


async def meet(redis: OwnRedis, made: list[Process], *names: str) -> list[Process]:
    """Start processes of these nodes and wait until each knows the other nodes."""
    for name in names:
        made.append(Process(redis.url, name))
    await until(lambda: all(len(one.nodes.others) == len(set(names)) - 1 for one in made))
    return made


@pytest.mark.asyncio
async def test_news_reach_every_process_of_every_other_node(processes: tuple[OwnRedis, list[Process]]) -> None:
    one, sibling, two, three = await meet(*processes, "one", "one", "two", "three")
    one.nodes.tell({"line": "alice"})
    await until(lambda: bool(two.heard and three.heard))
    assert two.heard == three.heard == [("one", {"line": "alice"})]
    assert (one.heard, sibling.heard) == ([], [])


@pytest.mark.asyncio
async def test_a_node_alone_says_and_hears_nothing(processes: tuple[OwnRedis, list[Process]]) -> None:
    redis, made = processes
    made.append(Process(redis.url, "one"))
    await made[0].store.first_try.wait()
    async with Redis.from_url(redis.url) as client, client.pubsub() as ear:
        await ear.psubscribe(ONE + "*")
        await ear.get_message(timeout=1.0)
        assert made[0].nodes.is_alone
        made[0].nodes.tell({"line": "alice"})
        assert await ear.get_message(ignore_subscribe_messages=True, timeout=0.1) is None


@pytest.mark.asyncio
async def test_what_is_told_stands_in_redis_before_it_is_heard(processes: tuple[OwnRedis, list[Process]]) -> None:
    one, two = await meet(*processes, "one", "two")
    one.store.save("alice", [{"uri": "sip:a"}], LATER)
    one.nodes.tell({"again": True})
    await until(lambda: ["alice"] in two.reloads)
    assert two.heard == []


@pytest.mark.asyncio
async def test_whoever_comes_to_know_a_node_reads_all_it_wrote_before(
    processes: tuple[OwnRedis, list[Process]],
) -> None:
    redis, made = processes
    made.append(Process(redis.url, "one"))
    made[0].store.save("alice", [{"uri": "sip:a"}], LATER)
    made.append(Process(redis.url, "two"))
    await until(lambda: ["alice"] in made[1].reloads)


@pytest.mark.asyncio
async def test_after_redis_was_away_nodes_hear_each_other_again_and_read_what_they_missed(
    processes: tuple[OwnRedis, list[Process]],
) -> None:
    one, two = await meet(*processes, "one", "two")
    processes[0].stop()
    one.store.save("alice", [{"uri": "sip:a"}], LATER)
    await until(lambda: one.store.is_away and two.store.is_away)
    processes[0].start()
    await until(lambda: ["alice"] in two.reloads)

    def said() -> bool:
        one.nodes.tell({"line": "bob"})
        return ("one", {"line": "bob"}) in two.heard

    await until(said)


@pytest.mark.asyncio
async def test_nonsense_on_the_channels_is_passed_over(
    processes: tuple[OwnRedis, list[Process]], caplog: pytest.LogCaptureFixture
) -> None:
    one, two = await meet(*processes, "one", "two")
    async with Redis.from_url(processes[0].url) as client:
        for text in ("{", "[]", "\xff", json.dumps({"line": "alice"})):
            await client.publish(ONE + "one", text)
        await client.publish(ALL, b"\xff\xfe")
    await until(lambda: bool(two.heard))
    assert two.heard == [("one", {"line": "alice"})]
    assert one.heard == []
    assert caplog.text.count("news of node one cannot be read") == 3


@pytest.mark.asyncio
async def test_news_do_not_pile_up_while_redis_is_away(
    processes: tuple[OwnRedis, list[Process]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_location, "NEWS_WAITING_MAX", 3)
    one, _ = await meet(*processes, "one", "two")
    for number in range(10):
        one.nodes.tell({"line": str(number)})
    assert len(one.store._news) == 3
