"""Each message of a whole call is lost once: the call still comes and goes, and leaves exactly one record."""

from __future__ import annotations

import pytest

from sip.stack.flow import Flow
from tests.sip.controller.network import Network, Sent, alice_and_bob, only_record
from tests.sip.controller.phone import Phone


def whole_call(network: Network, alice: Phone, bob: Phone) -> None:
    """Ring for a second, talk for ten, hang up; with time for every repetition."""
    alice.call("102")
    network.advance(8.0)
    assert bob.ringing
    bob.pick_up()
    network.advance(10.0)
    assert alice.dialog is not None
    alice.hang_up()
    network.advance(40.0)


def messages_of_a_call() -> list[tuple[str, str, str]]:
    """Return source, target and text of every message of a call nothing is lost of."""
    network, alice, bob = alice_and_bob()
    network.sent.clear()
    whole_call(network, alice, bob)
    return [(sent.source, sent.target, sent.text) for sent in network.sent]


MESSAGES = messages_of_a_call()


def test_a_call_has_these_messages() -> None:
    assert len(MESSAGES) == 16
    assert MESSAGES[0] == ("alice", "switch", "INVITE")
    assert MESSAGES[-1][2] == "200 BYE"


@pytest.mark.parametrize("number", range(len(MESSAGES)), ids=[" ".join(item) for item in MESSAGES])
def test_a_call_survives_the_loss_of_any_one_message(number: int) -> None:
    network, alice, bob = alice_and_bob()
    network.sent.clear()

    def lose(sent: Sent) -> bool:
        return len(network.sent) == number + 1

    network.lose = lose
    whole_call(network, alice, bob)
    assert network.sent[number].lost
    record = only_record(network)
    assert (record.sip_status, record.ended_by) == (200, "caller")
    assert 9.0 <= record.duration_s <= 14.5
    assert network.switch.open_call_ids() == frozenset()


def test_every_message_twice_changes_nothing() -> None:
    network, alice, bob = alice_and_bob()
    carry = network.endpoint.receive_datagram

    def twice(data: bytes, flow: Flow, now: float) -> None:
        carry(data, flow, now)
        carry(data, flow, now)

    network.receive = twice
    whole_call(network, alice, bob)
    assert only_record(network).sip_status == 200
    assert len(bob.ringing) == 1
