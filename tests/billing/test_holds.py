"""Money held for calls: never more than there is, whoever asks at once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings

from billing.charging import charge_calls
from billing.holds import HOLD_LIFE_S, HoldRequest, extend_holds, place_holds, release_orphans
from billing.ledger import check_books
from billing.limits import HOLD_BATCH_MAX
from billing.models import Account, Hold
from billing.services import expire_holds
from tests.billing.world import UNIT, World, call

Connection = psycopg.AsyncConnection[Any]


async def connect() -> Connection:
    database = settings.DATABASES["default"]
    return await psycopg.AsyncConnection.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname=database["NAME"],
        options="-c app.all_tenants=on",
        autocommit=True,
    )


def with_connection(work: Callable[[Connection], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with await connect() as connection:
            return await work(connection)

    return asyncio.run(run())


def ask(account: Account, amount: int, minimum: int = 1, call_id: str = "") -> HoldRequest:
    return HoldRequest(call_id or uuid.uuid4().hex, account.pk, amount, minimum)


def place(*requests: HoldRequest) -> list[int]:
    granted = with_connection(lambda connection: place_holds(connection, "node1", requests))
    return [granted.get(request.call_id, 0) for request in requests]


def extend(*requests: HoldRequest) -> dict[str, int]:
    return with_connection(lambda connection: extend_holds(connection, "node1", requests))  # type: ignore[no-any-return]


def held(account: Account) -> int:
    account.refresh_balance()
    return account.held_nanos


def test_requests_of_one_statement_are_served_in_order_each_from_what_is_left(committed_world: World) -> None:
    alice, bob = committed_world.alice, committed_world.bob
    assert place(ask(alice, 4 * UNIT), ask(bob, 5 * UNIT), ask(alice, 5 * UNIT), ask(alice, 3 * UNIT)) == [
        4 * UNIT,
        5 * UNIT,
        5 * UNIT,
        1 * UNIT,
    ]
    assert (held(alice), held(bob)) == (10 * UNIT, 5 * UNIT)
    assert place(ask(alice, 1), ask(bob, 1)) == [0, 0]
    assert check_books() == 2


def test_a_request_that_cannot_have_its_minimum_leaves_the_money_to_the_next(committed_world: World) -> None:
    alice = committed_world.alice
    assert place(ask(alice, 20 * UNIT, 11 * UNIT), ask(alice, 3 * UNIT, UNIT), ask(alice, 9 * UNIT, 8 * UNIT)) == [
        0,
        3 * UNIT,
        0,
    ]
    assert held(alice) == 3 * UNIT
    assert Hold.objects.count() == 1


def test_the_same_call_asked_twice_is_held_once(committed_world: World) -> None:
    request = ask(committed_world.alice, 2 * UNIT)
    assert place(request) == place(request) == [2 * UNIT]
    assert held(committed_world.alice) == 2 * UNIT


def test_an_inactive_or_unknown_account_gets_nothing(committed_world: World) -> None:
    Account.objects.filter(pk=committed_world.alice.pk).update(is_active=False)
    unknown = HoldRequest(uuid.uuid4().hex, 10**9, 1, 1)
    assert place(ask(committed_world.alice, 1), unknown) == [0, 0]
    assert Hold.objects.count() == 0


def test_a_hold_is_raised_to_what_is_asked_in_all_as_far_as_money_goes(committed_world: World) -> None:
    alice = committed_world.alice
    first, second = ask(alice, 4 * UNIT), ask(alice, 4 * UNIT)
    place(first, second)
    raised = extend(ask(alice, 5 * UNIT, 1, first.call_id), ask(alice, 7 * UNIT, 1, second.call_id))
    assert raised == {first.call_id: 5 * UNIT, second.call_id: 5 * UNIT}
    assert held(alice) == 10 * UNIT
    assert extend(ask(alice, 6 * UNIT, 1, first.call_id)) == {first.call_id: 5 * UNIT}
    assert extend(ask(alice, 1, 1, first.call_id)) == {first.call_id: 5 * UNIT}
    assert check_books() == 2


def test_a_call_without_hold_cannot_be_extended(committed_world: World) -> None:
    assert extend(ask(committed_world.alice, 1)) == {}
    assert held(committed_world.alice) == 0


def test_charging_removes_the_hold_of_every_ended_call(committed_world: World) -> None:
    alice = committed_world.alice
    answered, missed = call(alice), call(alice, answered_at=None, duration_s=0.0)
    place(ask(alice, UNIT, 1, answered.call_id), ask(alice, UNIT, 1, missed.call_id), ask(alice, UNIT))
    charge_calls([answered, missed])
    assert held(alice) == UNIT
    assert alice.balance_nanos == 10 * UNIT - 13_750_000
    assert check_books() == 2


def test_a_node_that_starts_gives_back_its_own_orphans_and_nobody_elses(committed_world: World) -> None:
    alice = committed_world.alice
    alive, orphan, other = ask(alice, UNIT), ask(alice, 2 * UNIT), ask(alice, 3 * UNIT)
    place(alive, orphan)
    with_connection(lambda connection: place_holds(connection, "node2", [other]))
    released = with_connection(lambda connection: release_orphans(connection, "node1", [alive.call_id]))
    assert (released, held(alice)) == (1, 4 * UNIT)
    assert {hold.call_id.hex for hold in Hold.objects.all()} == {alive.call_id, other.call_id}
    assert with_connection(lambda connection: release_orphans(connection, "node1", [])) == 1
    assert check_books() == 2


def test_a_hold_expires_only_after_the_longest_call(committed_world: World) -> None:
    place(ask(committed_world.alice, UNIT))
    now = datetime.now(UTC)
    assert expire_holds(now + timedelta(seconds=86_400)) == 0
    assert expire_holds(now + timedelta(seconds=HOLD_LIFE_S + 60)) == 1
    assert held(committed_world.alice) == 0


def test_too_many_requests_for_one_statement_are_refused() -> None:
    requests = [HoldRequest(uuid.uuid4().hex, 1, 1, 1)] * (HOLD_BATCH_MAX + 1)

    async def run() -> None:
        await place_holds(None, "node1", requests)  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="501 holds in one statement; at most 500"):
        asyncio.run(run())


def test_fifty_connections_at_once_never_overspend_one_small_balance(committed_world: World) -> None:
    """Ten units, holds of 0.3: exactly 33 are granted whole and one gets the last 0.1, whoever comes first."""
    alice, bob = committed_world.alice, committed_world.bob

    async def caller(index: int, all_connected: asyncio.Barrier) -> list[int]:
        async with await connect() as connection:
            await all_connected.wait()
            granted: list[int] = []
            for _ in range(4):
                requests = [ask(alice, 300_000_000), ask(bob, 100_000_000)]
                answer = await place_holds(connection, f"n{index}", requests[:: -1 if index % 2 else 1])
                granted.append(answer.get(requests[0].call_id, 0))
            return granted

    async def run() -> list[int]:
        all_connected = asyncio.Barrier(50)
        callers = [asyncio.create_task(caller(index, all_connected)) for index in range(50)]
        return [amount for granted in await asyncio.gather(*callers) for amount in granted]

    granted = asyncio.run(run())
    assert sorted(set(granted)) == [0, 100_000_000, 300_000_000]
    assert (granted.count(300_000_000), granted.count(100_000_000), granted.count(0)) == (33, 1, 166)
    assert (held(alice), held(bob)) == (10 * UNIT, 5 * UNIT)
    assert Hold.objects.filter(account=bob).count() == 50
    assert check_books() == 2
