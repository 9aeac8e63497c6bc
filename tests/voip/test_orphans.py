"""Money held for calls that nobody will ever end, and for those that somebody will."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import uuid4

import psycopg
import pytest

from billing.holds import HoldRequest, place_holds
from billing.models import Account, Hold
from tests.cast import Cast
from voip.node import connections, limits
from voip.node.holds import HoldDesk

WAIT_S = 20.0


async def until(question: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not await question():  # noqa: ASYNC110 - a database has no event for it
            await asyncio.sleep(0.01)


async def holds(watcher: psycopg.AsyncConnection) -> set[str]:
    cursor = await watcher.execute("SELECT call_id FROM billing_hold")
    return {row[0].hex for row in await cursor.fetchall()}


def test_a_starting_node_gives_back_what_no_call_needs_and_nothing_else(committed_db: None, cast: Cast) -> None:
    going_on, waiting, orphan = (uuid4().hex for _ in range(3))

    async def story() -> None:
        async with await connections.connect_async("test") as watcher:
            requests = [HoldRequest(call, cast.alice_account.pk, 5, 1) for call in (going_on, waiting, orphan)]
            await place_holds(watcher, "node1", requests)
            desk = HoldDesk(partial(connections.connect_async, "test"), "node1", lambda: frozenset({waiting}))
            task = asyncio.create_task(desk.run(lambda: [going_on]))

            async def is_released() -> bool:
                return orphan not in await holds(watcher)

            await until(is_released)
            assert await holds(watcher) == {going_on, waiting}
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert Account.objects.get(pk=cast.alice_account.pk).held_nanos == 10


def test_holds_of_workers_that_will_not_start_again_are_given_back_too(committed_db: None, cast: Cast) -> None:
    waiting, forgotten, foreign = (uuid4().hex for _ in range(3))

    async def story() -> None:
        async with await connections.connect_async("test") as watcher:
            for node, call in (("node1-w2", waiting), ("node1-w2", forgotten), ("node2", foreign)):
                await place_holds(watcher, node, [HoldRequest(call, cast.alice_account.pk, 5, 1)])
            connect = partial(connections.connect_async, "test")
            desk = HoldDesk(connect, "node1", lambda: frozenset({waiting}), ("node1-w2",))
            task = asyncio.create_task(desk.run(list))

            async def is_released() -> bool:
                return forgotten not in await holds(watcher)

            await until(is_released)
            assert await holds(watcher) == {waiting, foreign}
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())


def test_a_hold_nobody_was_told_of_does_not_stay(
    committed_db: None, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "HOLD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(limits, "ORPHANS_AGAIN_S", 0.2)
    call = uuid4().hex

    async def story() -> None:
        async with await connections.connect_async("test") as watcher, watcher.transaction():
            await watcher.execute("SELECT FROM billing_account WHERE id = %s FOR UPDATE", [cast.alice_account.pk])
            desk = HoldDesk(partial(connections.connect_async, "test"), "node1", lambda: frozenset({call}))
            task = asyncio.create_task(desk.run(list))
            while not desk.is_ready:  # noqa: ASYNC110 - the desk has no event for it
                await asyncio.sleep(0)
            told: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
            desk.place(HoldRequest(call, cast.alice_account.pk, 5, 1), told.set_result)
            assert await told is None
        async with await connections.connect_async("test") as watcher:
            # As when the server had the statement before it was given up.
            await place_holds(watcher, "node1", [HoldRequest(call, cast.alice_account.pk, 5, 1)])

            async def is_released() -> bool:
                return not await holds(watcher)

            await until(is_released)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(story())
    assert not Hold.objects.exists()
    assert Account.objects.get(pk=cast.alice_account.pk).held_nanos == 0
