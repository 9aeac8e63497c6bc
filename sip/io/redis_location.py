"""Bindings in Redis: written through, loaded at start, written again as a whole after Redis was away.

One key a line, ``reg:<username>``, holding JSON and expiring with the line's last binding. The switch never waits.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sip.io.limits import (
    NEWS_WAITING_MAX,
    REDIS_BATCH_MAX,
    REDIS_GATHER_S,
    REDIS_PING_S,
    REDIS_RETRY_S,
    REDIS_TIMEOUT_S,
)

log = logging.getLogger(__name__)

PREFIX = "reg:"

Bindings = list[dict[str, Any]]
Dump = Callable[[], dict[str, tuple[Bindings, float]]]
Load = Callable[[dict[str, Bindings]], int]


class RedisLocationStore:
    """A ``LocationStore`` over Redis. ``dump`` and ``load`` are the table's, called on the loop's thread."""

    def __init__(self, url: str) -> None:
        self._redis: Redis = Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        self._dirty: dict[str, tuple[Bindings, float]] = {}
        self._news: list[tuple[str, str]] = []
        self._changed = asyncio.Event()
        self.is_away = False
        self.on_back: Callable[[], None] = lambda: None
        """Called when Redis was away and has been filled again."""
        self.first_try = asyncio.Event()
        """Set once Redis has been read, or found away."""

    def save(self, username: str, bindings: Bindings, expires_at: float) -> None:
        """Have a line's bindings written soon; a later state takes the place of one that still waits."""
        self._dirty[username] = (bindings, expires_at)
        self._changed.set()

    def publish(self, channel: str, text: str) -> None:
        """Have something said on a channel soon, behind all that was saved before; dropped while too much waits."""
        if len(self._news) < NEWS_WAITING_MAX:
            self._news.append((channel, text))
            self._changed.set()

    async def read_all(self) -> dict[str, Bindings]:
        """Return what Redis holds of all lines.

        Raises:
            RedisError, OSError, TimeoutError: Redis is away.
        """
        return await self._read_all()

    async def run(self, load: Load, dump: Dump) -> None:
        """Load once, then write what changes, until cancelled."""
        is_loaded = False
        while True:
            try:
                if not is_loaded:
                    load(await self._read_all())
                    is_loaded = True
                self.first_try.set()
                if self.is_away:
                    self._dirty = {**dump(), **self._dirty}
                await self._write_dirty()
                self._came_back()
                await self._wait()
            except (RedisError, OSError, TimeoutError) as error:
                self._went_away(error)
                self.first_try.set()
                await asyncio.sleep(REDIS_RETRY_S)

    async def close(self) -> None:
        """Write what waits, if Redis is there, and close."""
        try:
            await self._write_dirty()
            await self._redis.aclose()
        except (RedisError, OSError, TimeoutError) as error:
            self._went_away(error)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(REDIS_PING_S):
                await self._changed.wait()
            # What comes within a moment goes together: a batch costs as much as ten lines of it.
            await asyncio.sleep(REDIS_GATHER_S)
        except TimeoutError:
            await self._redis.ping()

    async def _write_dirty(self) -> None:
        while self._dirty or self._news:
            self._changed.clear()
            names = list(self._dirty)[:REDIS_BATCH_MAX]
            news: list[tuple[str, str]] = []
            if len(names) == len(self._dirty):
                news, self._news = self._news, []
            batch = {name: self._dirty[name] for name in names}
            async with self._redis.pipeline(transaction=False) as pipe:
                for name, (bindings, expires_at) in batch.items():
                    if bindings and expires_at > time.time():
                        pipe.set(PREFIX + name, json.dumps(bindings), pxat=int(expires_at * 1000))
                    else:
                        pipe.delete(PREFIX + name)
                for channel, text in news:
                    pipe.publish(channel, text)
                await pipe.execute()
            for name, written in batch.items():
                if self._dirty.get(name) is written:
                    del self._dirty[name]
        self._changed.clear()

    async def _read_all(self) -> dict[str, Bindings]:
        found: dict[str, Bindings] = {}
        keys: list[bytes] = [key async for key in self._redis.scan_iter(match=PREFIX + "*", count=REDIS_BATCH_MAX)]
        for start in range(0, len(keys), REDIS_BATCH_MAX):
            part = keys[start : start + REDIS_BATCH_MAX]
            for key, text in zip(part, await self._redis.mget(part), strict=True):
                bindings = _read(text)
                if bindings is not None:
                    found[key.decode("utf-8", "surrogateescape").removeprefix(PREFIX)] = bindings
        return found

    def _went_away(self, error: BaseException) -> None:
        if not self.is_away:
            log.error("Redis is away, registrations stay in memory: %s", error)
        self.is_away = True

    def _came_back(self) -> None:
        if self.is_away:
            log.warning("Redis is back, registrations are written again")
            self.is_away = False
            self.on_back()


def _read(text: bytes | str | None) -> Bindings | None:
    if text is None:
        return None
    try:
        rows = json.loads(text)
    except ValueError:
        return None
    return rows if isinstance(rows, list) else None
