"""Bindings in a real Redis: kept, loaded, and written again after Redis was away."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from redis.asyncio import Redis

from sip.io import redis_location
from sip.io.redis_location import Bindings, RedisLocationStore

SERVER = shutil.which("redis-server", path=f"{Path(sys.executable).parent}:/usr/bin") or "redis-server"
LATER = time.time() + 3600


class OwnRedis:
    """A Redis of this test's own, so that it may be killed."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "r.sock"
        self.url = f"unix://{self.socket}?db=0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty."""
        self._process = subprocess.Popen(
            [SERVER, "--port", "0", "--unixsocket", str(self.socket), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        until = time.monotonic() + 20
        while not self._answers():
            assert time.monotonic() < until
            time.sleep(0.01)

    def _answers(self) -> bool:
        """Tell whether somebody listens: the file of one that was ended may still be there."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        """End it; nothing is kept."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    async def keys(self) -> dict[str, Bindings]:
        """Return what it holds."""
        async with Redis.from_url(self.url, decode_responses=True) as client:
            return {str(key): json.loads(await client.get(key) or "null") for key in await client.keys("*")}


@pytest_asyncio.fixture
async def own_redis(tmp_path: Path) -> AsyncIterator[OwnRedis]:
    """A Redis that runs."""
    made = OwnRedis(tmp_path)
    made.start()
    yield made
    made.stop()


class Table:
    """What the switch's table does for the store."""

    def __init__(self) -> None:
        self.loaded: list[dict[str, Bindings]] = []
        self.all: dict[str, tuple[Bindings, float]] = {}

    def load(self, stored: dict[str, Bindings]) -> int:
        """Note it."""
        self.loaded.append(stored)
        return len(stored)

    def dump(self) -> dict[str, tuple[Bindings, float]]:
        """Return all."""
        return self.all


async def holds(own_redis: OwnRedis, expected: dict[str, Bindings], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while await own_redis.keys() != expected:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.02)


@pytest.mark.asyncio
async def test_bindings_are_written_through_with_their_time_and_loaded_at_the_next_start(own_redis: OwnRedis) -> None:
    store, table = RedisLocationStore(own_redis.url), Table()
    task = asyncio.create_task(store.run(table.load, table.dump))
    await store.first_try.wait()
    store.save("alice", [{"uri": "sip:a"}], LATER)
    store.save("bob", [{"uri": "sip:b"}], LATER)
    store.save("bob", [], 0.0)
    await holds(own_redis, {"reg:alice": [{"uri": "sip:a"}]})
    async with Redis.from_url(own_redis.url) as client:
        assert abs(await client.ttl("reg:alice") - (LATER - time.time())) < 5
    task.cancel()
    await store.close()
    after, second = RedisLocationStore(own_redis.url), Table()
    task = asyncio.create_task(after.run(second.load, second.dump))
    await after.first_try.wait()
    assert second.loaded == [{"alice": [{"uri": "sip:a"}]}]
    task.cancel()
    await after.close()


@pytest.mark.asyncio
async def test_an_absent_redis_is_logged_once_and_filled_when_it_is_back(
    own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(redis_location, "REDIS_RETRY_S", 0.05)
    store, table = RedisLocationStore(own_redis.url), Table()
    task = asyncio.create_task(store.run(table.load, table.dump))
    await store.first_try.wait()
    own_redis.stop()
    table.all = {"alice": ([{"uri": "sip:a"}], LATER), "bob": ([{"uri": "sip:b"}], LATER)}
    store.save("bob", [{"uri": "sip:b2"}], LATER)
    await asyncio.sleep(0.4)
    assert store.is_away
    own_redis.start()
    await holds(own_redis, {"reg:alice": [{"uri": "sip:a"}], "reg:bob": [{"uri": "sip:b2"}]})
    assert [row.levelname for row in caplog.records if row.name == "sip.io.redis_location"] == ["ERROR", "WARNING"]
    task.cancel()
    await store.close()


@pytest.mark.asyncio
async def test_a_node_that_starts_without_redis_starts(tmp_path: Path) -> None:
    store, table = RedisLocationStore(f"unix://{tmp_path}/none.sock"), Table()
    task = asyncio.create_task(store.run(table.load, table.dump))
    async with asyncio.timeout(3):
        await store.first_try.wait()
    assert (store.is_away, table.loaded) == (True, [])
    task.cancel()
    await store.close()


@pytest.mark.asyncio
async def test_what_is_no_binding_in_redis_is_left_out(own_redis: OwnRedis) -> None:
    async with Redis.from_url(own_redis.url) as client:
        await client.set("reg:alice", "{broken")
        await client.set("reg:bob", '"text"')
        await client.set("other:carol", "[]")
    store, table = RedisLocationStore(own_redis.url), Table()
    task = asyncio.create_task(store.run(table.load, table.dump))
    await store.first_try.wait()
    assert table.loaded == [{}]
    task.cancel()
    await store.close()
