"""Calls from line to line: the plain ways they begin and end."""

from __future__ import annotations

from tests.sip.controller.business import directory, line
from tests.sip.controller.network import EPOCH, Network
from tests.sip.controller.phone import ANSWER, OFFER, Phone


def alice_and_bob() -> tuple[Network, Phone, Phone]:
    """Return a network with two registered phones."""
    network = Network(directory(line(1, "alice"), line(2, "bob")))
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    alice.register()
    bob.register()
    network.run()
    return network, alice, bob


def test_a_line_calls_a_line_talks_and_hangs_up() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(2.0)
    assert alice.statuses == [407, 100, 180]
    bob.pick_up()
    network.advance(10.0)
    assert alice.statuses == [407, 100, 180, 200]
    alice.hang_up()
    network.advance(1.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    [record] = network.journal.records
    assert (record.sip_status, record.q850_cause, record.ended_by) == (200, 16, "caller")
    assert (record.started_at, record.answered_at, record.ended_at) == (EPOCH, EPOCH + 2.0, EPOCH + 12.0)
    assert record.duration_s == 10.0
    assert bob.ringing[0].request.body == OFFER
    assert alice.responses[-2].body == ANSWER
