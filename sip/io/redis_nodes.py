"""What nodes tell each other over Redis: registrations as they change. Without Redis each goes on with what it knows.

A node listens on ``sip:nodes``, where each says its name when it comes, and on ``sip:node:<name>`` of every other node
it has heard of, never on its own: a node that is alone sends and hears nothing. News are sent by the store behind the
bindings themselves, on the same connection: who misses them finds the bindings in Redis when it reads all, which it
does each time it begins to listen to somebody.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from sip.io.limits import NODES_MAX, REDIS_PING_S, REDIS_RETRY_S, REDIS_TIMEOUT_S
from sip.io.redis_location import RedisLocationStore

log = logging.getLogger(__name__)

ALL = "sip:nodes"
ONE = "sip:node:"

Take = Callable[[str, dict[str, Any]], None]
"""Called on the loop's thread with the node and its news."""


class RedisNodes:
    """One process's ear for the other nodes, and its voice through ``store``."""

    def __init__(self, url: str, node: str, store: RedisLocationStore, reload: Callable[[], Awaitable[None]]) -> None:
        """``reload`` takes from Redis what is not known yet."""
        self._redis: Redis = Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        self._node = node
        self._store = store
        self._reload = reload
        self._take: Take | None = None
        self._others: set[str] = set()
        store.on_back = lambda: self.tell({"again": True})

    @property
    def others(self) -> frozenset[str]:
        """Other nodes heard of."""
        return frozenset(self._others)

    @property
    def is_alone(self) -> bool:
        """Whether nobody else is there to be told."""
        return not self._others

    def on_news(self, take: Take) -> None:
        """Have ``take`` called with what other nodes tell; before ``run``."""
        self._take = take

    def tell(self, news: dict[str, Any]) -> None:
        """Tell the other nodes, if there are any."""
        if self._others:
            self._store.publish(ONE + self._node, json.dumps(news, separators=(",", ":")))

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with self._redis.pubsub(ignore_subscribe_messages=True) as ear:
                    await ear.subscribe(ALL, *[ONE + other for other in self._others])
                    await self._redis.publish(ALL, self._node)
                    if self._others:
                        await self._reload()
                    await self._listen(ear)
            except (RedisError, OSError, TimeoutError) as error:
                log.debug("nodes cannot be heard: %s", error)  # The store says it already.
                await asyncio.sleep(REDIS_RETRY_S)

    async def _listen(self, ear: PubSub) -> None:
        while True:
            message = await ear.get_message(timeout=REDIS_PING_S)
            if message is None:
                await ear.ping()
                continue
            channel, data = message.get("channel"), message.get("data")
            if not isinstance(channel, bytes) or not isinstance(data, bytes):
                continue
            if channel == ALL.encode():
                await self._meet(ear, data.decode("utf-8", "replace"))
            else:
                await self._hear(channel.decode("utf-8", "replace").removeprefix(ONE), data)

    async def _meet(self, ear: PubSub, name: str) -> None:
        """Learn that a node is there; one that is new learns of us."""
        if name == self._node or name in self._others or len(self._others) >= NODES_MAX:
            return
        self._others.add(name)
        log.info("node %s shares registrations with us", name)
        await ear.subscribe(ONE + name)
        await self._redis.publish(ALL, self._node)
        await self._reload()

    async def _hear(self, name: str, data: bytes) -> None:
        try:
            news = json.loads(data)
        except ValueError:
            news = None
        if isinstance(news, dict) and news.get("again"):
            await self._reload()
        elif isinstance(news, dict) and self._take is not None:
            self._take(name, news)
        else:
            log.warning("news of node %s cannot be read", name)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()
