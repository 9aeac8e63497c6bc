"""The product's promise once more, by a node of three processes."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.carnage import WORKER, Carnage
from tests.e2e.peers import Peers
from tests.e2e.platform import Platform
from tests.sip.peers import sipp
from tests.sip.peers.test_workers import PORT_EACH

pytestmark = pytest.mark.integration

HOST = "127.0.0.22"
VICTIMS = (WORKER, "sipnode", WORKER, "cdrloader", WORKER, "postgres")
SECONDS = int(os.environ.get("KILL_SECONDS", "15"))
RATE = 40


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform whose node has three workers."""
    made = Platform(tmp_path_factory.mktemp("workers"), HOST, workers=3)
    try:
        made.start()
        yield made
    finally:
        status = made.stop()
        left = made.processes()
        if not left:
            made.delete()
    assert (status, left) == (0, []), made.said()


@pytest.fixture(scope="module")
def deck(platform: Platform) -> int:
    """The deck's id."""
    return int(platform.ask("prepare")["deck"])


@pytest.fixture
def peers(platform: Platform, deck: int, tmp_path: Path) -> Iterator[Peers]:
    """Peers of one test."""
    made = Peers(platform, tmp_path, deck)
    try:
        yield made
    finally:
        made.close()


def test_calls_of_many_phones_are_carried_by_all_workers_and_charged_once(platform: Platform, peers: Peers) -> None:
    customer = peers.customer(1_000)
    peers.phone(customer.user("101"), sipp.answer(), calls=30)
    peers.caller(customer.user("100"), sipp.call("101", 100), calls=30, rate=15, extra=PORT_EACH).wait()
    records = peers.records(customer, 30)
    assert {record["node"] for record in records} == {"node1", "node1-w1", "node1-w2"}
    assert len({record["call_id"] for record in records}) == 30


def test_whichever_worker_is_killed_records_equal_what_the_peers_logged(platform: Platform, peers: Peers) -> None:
    seed = int(os.environ.get("KILL_SEED") or secrets.randbits(32))
    print(f"KILL_SEED={seed}")
    found = Carnage(platform, peers, SECONDS, RATE, 1, seed, VICTIMS, PORT_EACH).run()
    print(found)
    assert found[f"killed {WORKER}"] == 3
    assert found["killed sipnode"] == 1
