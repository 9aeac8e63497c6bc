"""The node's feeder and its desk for holds over a real database."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from billing.holds import HoldRequest
from billing.models import Account, Hold
from sip.services import block_line, create_line, update_trunk
from tests.cast import Cast
from voip.node import connections
from voip.node.feeder import SnapshotFeeder
from voip.node.holds import HoldDesk
from voip.node.snapshot import Snapshot, restore

WAIT_S = 20.0
"""How long a busy machine may take; the tests end as soon as what they wait for is there."""


@pytest.fixture
def feed(committed_db: None, cast: Cast, tmp_path: Path) -> Iterator[queue.Queue[Snapshot]]:
    """A running feeder's snapshots, the cast being there from the first."""
    published: queue.Queue[Snapshot] = queue.Queue()
    feeder = SnapshotFeeder(partial(connections.connect, "test"), published.put, tmp_path / "n.pickle")
    feeder.start()
    yield published
    feeder.stop()
    feeder.join(WAIT_S)
    assert not feeder.is_alive()


def test_the_first_snapshot_holds_the_cast(feed: queue.Queue[Snapshot], cast: Cast, tmp_path: Path) -> None:
    first = feed.get(timeout=WAIT_S)
    assert {line.username: line.is_active for line in first.lines} == {
        "alice": True,
        "alice2": True,
        "bob": True,
        "mallory": False,
        "carol": True,
    }
    assert first.tenants[cast.carol.pk].ancestor_ids == (cast.trunkco.pk, cast.resellco.pk)
    rate = first.decks[cast.deck.pk].lookup("+442079460000")
    assert rate is not None
    assert (rate.destination, rate.nanos_per_minute) == ("United Kingdom", 12_000_000)


def test_each_committed_change_brings_a_new_snapshot(feed: queue.Queue[Snapshot], cast: Cast) -> None:
    feed.get(timeout=WAIT_S)
    create_line(cast.bob, username="newcomer", extension="199")
    assert "newcomer" in {line.username for line in feed.get(timeout=WAIT_S).lines}
    block_line(cast.alice_line.pk, "fraud")
    assert {line.username: line.is_active for line in feed.get(timeout=WAIT_S).lines}["alice"] is False
    update_trunk(cast.trunk, port=5090)
    assert [trunk.port for trunk in feed.get(timeout=WAIT_S).trunks] == [5090]


def test_a_tenant_switched_off_switches_off_its_lines_and_account(feed: queue.Queue[Snapshot], cast: Cast) -> None:
    feed.get(timeout=WAIT_S)
    cast.alice.is_active = False
    cast.alice.save()
    after = feed.get(timeout=WAIT_S)
    assert {line.username for line in after.lines if line.is_active} == {"bob", "carol"}
    assert after.accounts[cast.alice_account.pk].is_active is False
    assert after.accounts[cast.bob_account.pk].is_active is True


def test_what_was_published_is_on_disk_for_the_next_start(
    feed: queue.Queue[Snapshot], cast: Cast, tmp_path: Path
) -> None:
    feed.get(timeout=WAIT_S)
    create_line(cast.bob, username="newcomer", extension="199")
    latest = feed.get(timeout=WAIT_S)
    update_trunk(cast.trunk, port=5090)
    feed.get(timeout=WAIT_S)
    kept = restore(tmp_path / "n.pickle")
    assert kept is not None
    assert kept.lines == latest.lines


async def _holds(requests: list[HoldRequest]) -> list[int | None]:
    desk = HoldDesk(partial(connections.connect_async, "test"), "node1")
    task = asyncio.create_task(desk.run(list))
    loop = asyncio.get_running_loop()
    while not desk.is_ready:  # noqa: ASYNC110 - the desk has no event for it, and this ends in milliseconds
        await asyncio.sleep(0)
    answers: list[asyncio.Future[int | None]] = [loop.create_future() for _ in requests]
    for request, answer in zip(requests, answers, strict=True):
        desk.place(request, answer.set_result)
    granted = await asyncio.gather(*answers)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return list(granted)


def test_fifty_calls_at_once_get_exactly_what_the_balance_holds(committed_db: None, cast: Cast) -> None:
    requests = [HoldRequest(uuid4().hex, cast.alice_account.pk, 3_000_000_000, 1_000_000_000) for _ in range(50)]
    granted = asyncio.run(_holds(requests))
    assert sorted(amount for amount in granted if amount) == [1_000_000_000, *[3_000_000_000] * 3]
    account = Account.objects.get(pk=cast.alice_account.pk)
    assert (account.held_nanos, account.available_nanos) == (10_000_000_000, 0)
    assert Hold.objects.count() == 4


def test_an_empty_account_gets_nothing_and_no_hold_is_placed(committed_db: None, cast: Cast) -> None:
    assert asyncio.run(_holds([HoldRequest(uuid4().hex, cast.bob_account.pk, 5, 1)])) == [0]
    assert not Hold.objects.exists()


def test_without_a_connection_the_asker_is_told_at_once() -> None:
    async def ask() -> list[int | None]:
        answers: list[int | None] = []
        desk = HoldDesk(partial(connections.connect_async, "test"), "node1")
        desk.place(HoldRequest(uuid4().hex, 1, 5, 1), answers.append)
        return answers

    assert asyncio.run(ask()) == [None]
