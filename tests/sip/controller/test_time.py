"""Talk time: granted, extended, used up; and parties that vanish."""

from __future__ import annotations

from sip.controller.limits import CALL_S_MAX, PROBE_S
from sip.controller.policy import Authorisation
from tests.sip.controller.network import Network, alice_and_bob, only_record
from tests.sip.controller.phone import Phone


def talking_for(authorisation: Authorisation) -> tuple[Network, Phone, Phone]:
    """Return a call that was just answered under this authorisation."""
    network, alice, bob = alice_and_bob()
    network.policy.authorisation = authorisation
    bob.on_invite = (180, 200)
    alice.call("102")
    network.run()
    return network, alice, bob


def test_a_call_ends_when_its_money_does() -> None:
    network, alice, bob = talking_for(Authorisation(60.0))
    network.advance(59.9)
    assert network.journal.records == []
    network.advance(0.2)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert alice.requests[0].get("Reason") == 'Q.850;cause=102;text="Recovery on timer expiry"'
    record = only_record(network)
    assert (record.duration_s, record.ended_by, record.q850_cause) == (60.0, "platform", 102)
    assert network.policy.extensions == []


def test_more_time_is_asked_for_before_the_end_and_the_call_goes_on() -> None:
    network, alice, _ = talking_for(Authorisation(60.0, extendable=True))
    network.policy.extension = Authorisation(120.0)
    network.advance(53.9)
    assert network.policy.extensions == []
    network.advance(0.2)
    assert len(network.policy.extensions) == 1
    network.advance(60.0)
    assert alice.requests == []
    network.advance(6.0)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert only_record(network).duration_s == 120.0


def test_a_refused_extension_lets_the_call_end_at_its_time() -> None:
    network, alice, _ = talking_for(Authorisation(60.0, extendable=True))
    network.advance(59.9)
    assert len(network.policy.extensions) == 1
    assert alice.requests == []
    network.advance(0.2)
    assert only_record(network).duration_s == 60.0


def test_an_extension_that_adds_nothing_is_none() -> None:
    network, _, _ = talking_for(Authorisation(60.0, extendable=True))
    network.policy.extension = Authorisation(60.5, extendable=True)
    network.advance(61.0)
    assert len(network.policy.extensions) == 1
    assert only_record(network).duration_s == 60.0


def test_no_call_is_longer_than_the_longest() -> None:
    network, _, _ = talking_for(Authorisation(10 * CALL_S_MAX))
    network.advance(CALL_S_MAX + 1.0)
    assert only_record(network).duration_s == CALL_S_MAX


def test_a_record_is_never_longer_than_what_was_granted() -> None:
    network, alice, _ = talking_for(Authorisation(60.0))
    # The machine slept: the timer and the BYE come together, long after the end.
    network.now += 500.0
    alice.hang_up()
    network.run()
    assert only_record(network).duration_s == 60.0


def test_parties_that_are_there_are_asked_and_left_alone() -> None:
    network, alice, bob = talking_for(Authorisation(CALL_S_MAX))
    network.advance(PROBE_S + 1.0)
    assert [request.method for request in alice.requests] == ["OPTIONS"]
    assert [request.method for request in bob.requests] == ["INVITE", "OPTIONS"]
    assert network.journal.records == []


def test_a_party_that_vanished_ends_the_call() -> None:
    network, alice, bob = talking_for(Authorisation(CALL_S_MAX))
    bob.is_dead = True
    network.advance(PROBE_S + 33.0)
    assert [request.method for request in alice.requests] == ["OPTIONS", "BYE"]
    assert only_record(network).ended_by == "platform"
