"""Bans shared between nodes: told over a channel in a tenth of a second, kept in Redis until they end.

One key a ban, ``ban:<source>``, holding JSON and expiring with it; a message on ``bans`` for each one laid or lifted.
A node that starts, or finds Redis again, reads all keys. While Redis is away a node's own bans hold, and are told when
it is back. Beside them each node keeps ``guard:<node>``: what its guard did, for people to look at.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sip.io.limits import BAN_TELL_S, BANS_READ_MAX, GUARD_SHOW_S, REDIS_BATCH_MAX, REDIS_RETRY_S, REDIS_TIMEOUT_S
from sip.stack.guard.bans import Ban
from sip.stack.guard.guard import Guard
from sip.stack.guard.limits import BANS_MAX

log = logging.getLogger(__name__)

PREFIX = "ban:"
CHANNEL = "bans"
STATE_PREFIX = "guard:"


@dataclass(frozen=True, slots=True)
class SharedBan:
    """A ban as it is kept in Redis; ``until`` is on the wall clock."""

    source: str
    until: float
    reason: str
    by_operator: bool
    node: str
    """Who laid it: a node, or a person's name."""

    def to_json(self) -> str:
        """Return text; ``parse`` is the inverse."""
        return json.dumps(
            {
                "source": self.source,
                "until": self.until,
                "reason": self.reason,
                "by_operator": self.by_operator,
                "node": self.node,
            }
        )

    @classmethod
    def parse(cls, text: bytes | str) -> SharedBan:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: anything else.
        """
        try:
            data: dict[str, Any] = json.loads(text)
            return cls(
                str(data["source"]),
                float(data["until"]),
                str(data["reason"]),
                data["by_operator"] is True,
                str(data["node"]),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no ban: {text[:80]!r}") from error


class RedisBans:
    """Shares a guard's bans. ``clock`` is the guard's monotonic clock; all on the loop's thread."""

    def __init__(
        self, url: str, node: str, guard: Guard, clock: Callable[[], float], wall: Callable[[], float] = time.time
    ) -> None:
        self._redis: Redis = Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        self._node = node
        self._guard = guard
        self._clock = clock
        self._wall = wall
        self._untold: deque[SharedBan] = deque(maxlen=BANS_MAX)
        self._shared: set[str] = set()
        self._shown_at = 0.0
        self.is_away = False
        self.first_try = asyncio.Event()
        """Set once the bans have been read, or Redis was found away."""

    async def run(self) -> None:
        """Share until cancelled."""
        while True:
            try:
                async with self._redis.pubsub() as listener:
                    await listener.subscribe(CHANNEL)
                    await self._read_all()
                    self._came_back()
                    while True:
                        await self._tell()
                        await self._show()
                        message = await listener.get_message(ignore_subscribe_messages=True, timeout=BAN_TELL_S)
                        if message is not None:
                            self._heard(message["data"])
            except (RedisError, OSError, TimeoutError) as error:
                self._collect()
                self._went_away(error)
                await asyncio.sleep(REDIS_RETRY_S)

    async def close(self) -> None:
        """Tell what waits, if Redis is there, and close."""
        try:
            await self._tell()
            await self._redis.aclose()
        except (RedisError, OSError, TimeoutError) as error:
            self._went_away(error)

    async def _read_all(self) -> None:
        """Take every ban there is; one that came from there and is there no more was lifted meanwhile."""
        keys: list[bytes] = []
        async for key in self._redis.scan_iter(match=PREFIX + "*", count=REDIS_BATCH_MAX):
            keys.append(key)
            if len(keys) >= BANS_READ_MAX:
                break
        found: set[str] = set()
        for start in range(0, len(keys), REDIS_BATCH_MAX):
            for text in await self._redis.mget(keys[start : start + REDIS_BATCH_MAX]):
                if text is not None and (source := self._take(text)):
                    found.add(source)
        for source in self._shared - found:
            self._guard.lift(source)
        self._shared = found

    def _take(self, text: bytes | str) -> str:
        """Have the guard take a ban; returns its source, "" when it cannot be read."""
        try:
            shared = SharedBan.parse(text)
        except ValueError as error:
            log.warning("a shared ban is unreadable and ignored: %s", error)
            return ""
        now = self._clock()
        left_s = shared.until - self._wall()
        self._guard.take_ban(Ban(shared.source, now + left_s, shared.reason, shared.by_operator), now)
        return shared.source

    def _heard(self, data: bytes) -> None:
        if data.startswith(b"-"):
            source = data[1:].decode("utf-8", "replace")
            self._guard.lift(source)
            self._shared.discard(source)
            log.warning("the ban of %s is lifted", source)
            return
        source = self._take(data)
        if source:
            self._shared.add(source)

    def _collect(self) -> None:
        """Fetch what the guard laid, and say so."""
        now, wall = self._clock(), self._wall()
        for ban in self._guard.bans_to_tell():
            left_s = ban.until - now
            log.warning("%s is banned for %.0f s: %s", ban.source, left_s, ban.reason)
            self._untold.append(SharedBan(ban.source, wall + left_s, ban.reason, ban.by_operator, self._node))

    async def _tell(self) -> None:
        self._collect()
        while self._untold:
            shared = self._untold[0]
            if shared.until > self._wall():
                text = shared.to_json()
                async with self._redis.pipeline(transaction=True) as pipe:
                    pipe.set(PREFIX + shared.source, text, pxat=int(shared.until * 1000))
                    pipe.publish(CHANNEL, text)
                    await pipe.execute()
            self._untold.popleft()

    async def _show(self) -> None:
        now = self._wall()
        if now < self._shown_at + GUARD_SHOW_S:
            return
        self._shown_at = now
        state = json.dumps(self._guard.state())
        await self._redis.set(STATE_PREFIX + self._node, state, ex=int(3 * GUARD_SHOW_S))

    def _went_away(self, error: BaseException) -> None:
        self.first_try.set()
        if not self.is_away:
            log.error("Redis is away, bans are this node's own: %s", error)
        self.is_away = True

    def _came_back(self) -> None:
        self.first_try.set()
        if self.is_away:
            log.warning("Redis is back, bans are shared again")
        self.is_away = False
