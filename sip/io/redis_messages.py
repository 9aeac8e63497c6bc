"""Messages for absent users in Redis: kept once Redis says so, shared by all processes, fetched by whoever may.

A user's messages are a list, ``{messages}:for:<username>``, oldest first; ``{messages}:all`` holds every id with the
end of its life and is what the bound in all is counted on; ``{messages}:claim:<username>`` is the right to deliver, a
key that expires; ``{messages}:waiting`` holds the users who have any. Each script runs as one step in Redis, and the
braces keep all keys in one slot of a cluster. What another process stored is heard of on the channel ``messages``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError

from sip.io.limits import REDIS_PING_S, REDIS_RETRY_S, REDIS_TIMEOUT_S, STORE_QUEUE_MAX, STORE_USERS_MAX

log = logging.getLogger(__name__)

_ALL: Final = "{messages}:all"
_WAITING: Final = "{messages}:waiting"
_CHANNEL: Final = "messages"

_KEEP: Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[4])
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[6]) or redis.call('LLEN', KEYS[1]) >= tonumber(ARGV[5]) then
  return 0
end
redis.call('RPUSH', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[7])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
redis.call('SADD', KEYS[3], ARGV[8])
return 1
"""
"""KEYS: list, all, waiting. ARGV: id, text, its end, now, bound of the user, bound in all, longest life in ms, user."""

_CLAIM: Final = """
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'EX', ARGV[2]) == false then
  if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
  redis.call('EXPIRE', KEYS[2], ARGV[2])
end
local found = redis.call('LRANGE', KEYS[1], 0, ARGV[3] - 1)
if #found == 0 then
  redis.call('SREM', KEYS[3], ARGV[4])
  redis.call('DEL', KEYS[2])
end
return found
"""
"""KEYS: list, claim, waiting. ARGV: who claims, for how long, how many, user. 0 when somebody else has the claim."""

_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"


class StoredMessage(Protocol):
    """What is stored (``sip.controller.messages.page.PageMessage``)."""

    @property
    def id(self) -> str:
        """Unique for ever."""
        ...

    @property
    def username(self) -> str:
        """Whom it is for."""
        ...

    @property
    def expires_at(self) -> float:
        """Wall clock."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        ...


Step = Callable[[], Awaitable[None]]


class RedisMessageStore:
    """The part of a ``MessageStore`` that talks to Redis; ``voip.node.messages`` gives it the switch's types.

    Everything is called on the loop's thread; what is asked is done in that order, one after the other.
    """

    def __init__(self, url: str, owner: str, per_user_max: int, count_max: int, life_s_max: int, claim_s: int) -> None:
        """``owner`` names this process among those that share the store, the same after a restart."""
        self._redis: Redis = Redis.from_url(url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S)
        self._owner = owner
        self._bounds = (per_user_max, count_max)
        self._life_ms_max = life_s_max * 1000
        self._claim_s = claim_s
        self._steps: asyncio.Queue[tuple[Step, Callable[[], None]]] = asyncio.Queue()
        self._retry_at = 0.0
        """Until then Redis is taken to be away without being asked."""
        self._late_removes: dict[str, StoredMessage] = {}
        """Delivered messages that could not be removed because Redis was away."""
        self.waiting: set[str] = set()
        """Users who may have messages."""
        self.is_away = False
        self.first_try = asyncio.Event()
        """Set once the waiting users have been read, or Redis was found away."""

    def has_waiting(self, username: str) -> bool:
        """Tell from memory whether messages may wait for a user."""
        return username in self.waiting

    def keep(self, message: StoredMessage, wall: float, done: Callable[[bool | None], None]) -> None:
        """Keep a message; ``done`` hears whether there was room, ``None`` when Redis is away."""
        if self._steps.qsize() >= STORE_QUEUE_MAX:
            done(None)
            return
        self._steps.put_nowait((lambda: self._keep(message, wall, done), lambda: done(None)))

    async def _keep(self, message: StoredMessage, wall: float, done: Callable[[bool | None], None]) -> None:
        username = message.username
        keys = (_list_of(username), _ALL, _WAITING)
        arguments = (message.id, _text(message), message.expires_at, wall, *self._bounds, self._life_ms_max, username)
        kept = await self._run_script(_KEEP, keys, arguments)
        if kept:
            self._note_waiting(username)
        done(bool(kept))
        if kept:
            await self._redis.publish(_CHANNEL, json.dumps([self._owner, username]))

    def claim(self, username: str, count: int, done: Callable[[Sequence[dict[str, Any]]], None]) -> None:
        """Fetch the oldest messages if nobody else delivers to the user; ``done`` hears of none when Redis is away."""
        self._steps.put_nowait((lambda: self._claim(username, count, done), lambda: done(())))

    async def _claim(self, username: str, count: int, done: Callable[[Sequence[dict[str, Any]]], None]) -> None:
        keys = (_list_of(username), _claim_of(username), _WAITING)
        found = await self._run_script(_CLAIM, keys, (self._owner, self._claim_s, count, username))
        if isinstance(found, int):
            done(())  # Somebody else delivers.
            return
        if not found:
            self.waiting.discard(username)
        done([json.loads(data) for data in found])

    def remove(self, message: StoredMessage) -> None:
        """Forget a message, at the latest when Redis is back."""
        self._steps.put_nowait((lambda: self._remove(message), lambda: self._remove_later(message)))

    async def _remove(self, message: StoredMessage) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.lrem(_list_of(message.username), 1, _text(message))
            pipe.zrem(_ALL, message.id)
            await pipe.execute()

    def _remove_later(self, message: StoredMessage) -> None:
        if len(self._late_removes) < STORE_QUEUE_MAX:
            self._late_removes[message.id] = message

    def release(self, username: str) -> None:
        """Give the right to deliver back; it ends by itself when Redis is away."""
        keys, arguments = (_claim_of(username),), (self._owner,)
        self._steps.put_nowait((lambda: self._run_script(_RELEASE, keys, arguments), lambda: None))

    async def run(self) -> None:
        """Do what is asked, and listen for what others store, until cancelled."""
        loop = asyncio.get_running_loop()
        listener = loop.create_task(self._listen())
        try:
            while not _is_cancelled():
                step, otherwise = await self._steps.get()
                if loop.time() < self._retry_at:
                    otherwise()
                    continue
                try:
                    await self._remove_late()
                    await step()
                except (RedisError, OSError, TimeoutError) as error:
                    self._went_away(error)
                    self._retry_at = loop.time() + REDIS_RETRY_S
                    otherwise()
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _remove_late(self) -> None:
        while self._late_removes:
            message = next(iter(self._late_removes.values()))
            await self._remove(message)
            del self._late_removes[message.id]

    async def _run_script(self, script: str, keys: tuple[str, ...], arguments: tuple[Any, ...]) -> Any:
        return await self._redis.eval(script, len(keys), *keys, *arguments)

    async def _listen(self) -> None:
        """Learn who has messages: all at first and whenever Redis was away, then what is published."""
        while not _is_cancelled():
            try:
                async with self._redis.pubsub() as channel:
                    await channel.subscribe(_CHANNEL)
                    await self._read_waiting()
                    self._came_back()
                    while not _is_cancelled():
                        news = await channel.get_message(ignore_subscribe_messages=True, timeout=REDIS_PING_S)
                        if news is not None:
                            self._take_news(news["data"])
            except (RedisError, OSError, TimeoutError) as error:
                self._went_away(error)
                self.first_try.set()
                await asyncio.sleep(REDIS_RETRY_S)

    def _take_news(self, data: bytes) -> None:
        try:
            owner, username = json.loads(data)
        except (TypeError, ValueError):
            log.warning("news of a message is unreadable and ignored")
            return
        if owner != self._owner:
            self._note_waiting(str(username))

    async def _read_waiting(self) -> None:
        for member in await cast(Awaitable[set[bytes]], self._redis.smembers(_WAITING)):
            self._note_waiting(member.decode("utf-8", "surrogateescape"))
        self.first_try.set()

    def _note_waiting(self, username: str) -> None:
        if len(self.waiting) < STORE_USERS_MAX:
            self.waiting.add(username)

    async def close(self) -> None:
        """Close the connections."""
        with contextlib.suppress(RedisError, OSError, TimeoutError):
            await self._redis.aclose()

    def _went_away(self, error: BaseException) -> None:
        if not self.is_away:
            log.error("Redis is away, messages for absent users are refused: %s", error)
        self.is_away = True

    def _came_back(self) -> None:
        if self.is_away:
            log.warning("Redis is back, messages for absent users are kept again")
        self.is_away = False


def _is_cancelled() -> bool:
    """Tell whether the running task is to end: the client turns a cancellation that hits it at work into a time-out."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _text(message: StoredMessage) -> str:
    """Return a message as it stands in the list: always the same text, for an element is removed by its value."""
    return json.dumps(message.to_json())


def _list_of(username: str) -> str:
    return f"{{messages}}:for:{username}"


def _claim_of(username: str) -> str:
    return f"{{messages}}:claim:{username}"
