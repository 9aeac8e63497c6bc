"""What is left of a call in memory once it is over: nothing that only the cycle collector could free."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest

from sip.controller.calls.call import Attempt, Branch, Call, Leg, Relay
from sip.stack.transaction.base import Transaction
from tests.sip.controller.network import Network, alice_and_bob, only_record, talking
from tests.sip.controller.phone import Phone

PARTS = (Attempt, Branch, Call, Leg, Relay, Transaction)
HOLD = b"v=0\r\no=- 1 2 IN IP4 192.0.2.10\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=sendonly\r\n"
EVERYTHING_OVER_S = 80.0
"""Both parties' BYE and all transactions have come to their end."""

Scene = Callable[[Network, Phone, Phone], None]


def _caller_hangs_up(network: Network, alice: Phone, bob: Phone) -> None:
    _talk(network, alice, bob)
    alice.hang_up()


def _callee_hangs_up(network: Network, alice: Phone, bob: Phone) -> None:
    _talk(network, alice, bob)
    bob.hang_up()


def _both_hang_up(network: Network, alice: Phone, bob: Phone) -> None:
    _talk(network, alice, bob)
    alice.hang_up()
    bob.hang_up()


def _session_changes(network: Network, alice: Phone, bob: Phone) -> None:
    _talk(network, alice, bob)
    alice.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    alice.in_dialog("UPDATE", HOLD)
    network.advance(1.0)
    bob.hang_up()


def _callee_refuses(network: Network, alice: Phone, bob: Phone) -> None:
    bob.on_invite = (180, 486)
    alice.call("102")


def _caller_cancels(network: Network, alice: Phone, bob: Phone) -> None:
    bob.on_invite = (180,)
    alice.call("102")
    network.advance(1.0)
    alice.cancel()


def _callee_is_dead(network: Network, alice: Phone, bob: Phone) -> None:
    _talk(network, alice, bob)
    bob.is_dead = True
    alice.hang_up()


def _talk(network: Network, alice: Phone, bob: Phone) -> None:
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(2.0)


@pytest.fixture
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "scene",
    [
        _caller_hangs_up,
        _callee_hangs_up,
        _both_hang_up,
        _session_changes,
        _callee_refuses,
        _caller_cancels,
        _callee_is_dead,
    ],
)
def test_a_call_that_is_over_leaves_nothing_to_the_cycle_collector(scene: Scene) -> None:
    network, alice, bob = alice_and_bob()
    scene(network, alice, bob)
    network.advance(EVERYTHING_OVER_S)
    assert len(network.journal.records) == 1
    assert network.endpoint.transactions == 0
    gc.collect()
    assert [part for part in gc.garbage if isinstance(part, PARTS)] == []


def test_a_party_that_never_acknowledges_its_own_reinvite_loses_the_call() -> None:
    network, alice, bob = talking()
    alice.acknowledges = False
    alice.in_dialog("INVITE", HOLD)
    network.advance(40.0)
    record = only_record(network)
    assert (record.ended_by, record.q850_cause) == ("platform", 102)
    assert [request.method for request in bob.requests] == ["INVITE", "INVITE", "BYE"]
