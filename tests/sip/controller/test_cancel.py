"""Callers who give up, at every moment of a call."""

from __future__ import annotations

from sip.controller.policy import Authorisation
from sip.stack.flow import Flow
from tests.sip.controller.network import SWITCH, alice_and_bob, only_record, talking


def test_a_caller_who_gives_up_stops_the_ringing() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(3.0)
    alice.cancel()
    network.advance(1.0)
    assert bob.cancelled == 1
    assert alice.statuses == [407, 100, 180, 487]
    record = only_record(network)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (487, 16, "caller")
    assert [row.sip_status for row in record.attempts] == [487]
    assert bob.acks == []


def test_a_cancel_while_money_is_held_rings_nobody() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.waiting = []
    alice.call("102")
    network.advance(0.1)
    alice.cancel()
    network.advance(0.1)
    assert alice.statuses == [407, 100]
    network.policy.waiting[0](Authorisation(60.0))
    network.run()
    assert alice.statuses == [407, 100, 487]
    assert bob.requests == []
    assert only_record(network).attempts == ()


def test_a_cancel_is_answered_even_if_the_business_never_speaks() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.waiting = []
    alice.call("102")
    network.advance(0.1)
    alice.cancel()
    network.advance(4.0)
    assert alice.statuses == [407, 100, 487]
    network.policy.waiting[0](Authorisation(60.0))
    network.advance(1.0)
    assert bob.requests == []
    only_record(network)


def test_a_cancel_that_crosses_the_200_makes_an_answered_call_that_is_hung_up() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(1.0)
    # bob's 200 is on its way when alice's CANCEL arrives.
    network.lose = lambda sent: sent.text == "CANCEL" and sent.target == "bob"
    alice.cancel()
    network.run()
    bob.pick_up()
    network.advance(0.2)
    assert alice.statuses == [407, 100, 180, 200]
    assert len(bob.acks) == 1
    alice.hang_up()
    network.advance(1.0)
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    record = only_record(network)
    assert (record.sip_status, record.ended_by) == (200, "caller")
    assert record.answered_at is not None
    assert 0.0 <= record.duration_s <= 0.3


def test_a_caller_whose_cancel_crossed_and_who_forgets_to_hang_up_is_hung_up() -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    bob.on_invite = (180, 200)
    alice.call("102")
    network.run()
    alice.cancel()
    network.advance(0.1)
    network.journal.flush()
    network.advance(3.0)
    network.journal.flush()
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    assert [request.method for request in alice.requests] == ["BYE"]
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert only_record(network).ended_by == "caller"


def test_a_callee_that_never_says_its_last_word_holds_the_caller_for_four_seconds() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(1.0)
    bob.is_dead = True
    alice.cancel()
    network.advance(3.9)
    assert alice.statuses[-1] == 180
    network.advance(0.2)
    assert alice.statuses[-1] == 487
    only_record(network)


def test_an_answer_after_the_call_was_given_up_is_acknowledged_and_hung_up() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(1.0)
    network.lose = lambda sent: sent.text == "CANCEL" and sent.target == "bob"
    alice.cancel()
    network.advance(5.0)
    assert alice.statuses[-1] == 487
    bob.pick_up()
    network.advance(1.0)
    assert len(bob.acks) == 1
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    assert only_record(network).answered_at is None


def test_a_bye_before_the_answer_is_as_good_as_a_cancel() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.advance(1.0)
    ringing = alice.responses[-1]
    assert alice.invite is not None
    bye = type(alice.invite.request)("BYE", "sip:10.0.0.1:5060", [
        ("From", alice.invite.request.get("From") or ""), ("To", ringing.get("To") or ""),
        ("Call-ID", ringing.call_id), ("CSeq", "9 BYE"), ("Max-Forwards", "70"),
    ])  # fmt: skip
    alice.send(bye)
    network.advance(1.0)
    assert bob.cancelled == 1
    assert alice.statuses[-1] == 487
    assert [response.status for response in alice.responses[-2:]] == [200, 487]
    only_record(network)


def test_a_caller_whose_connection_breaks_during_the_call_stays_in_it() -> None:
    network, alice, bob = talking()
    network.endpoint.transport_failed(Flow("UDP", SWITCH, alice.flow.local), network.now)
    network.advance(1.0)
    assert network.journal.records == []
    bob.hang_up()
    network.advance(1.0)
    record = only_record(network)
    assert (record.sip_status, record.ended_by) == (200, "callee")


def test_a_callee_that_hangs_up_while_the_start_is_being_written_ends_an_answered_call() -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    bob.on_invite = (180, 200)
    alice.call("102")
    network.run()
    bob.hang_up()
    network.run()
    alice.cancel()
    network.run()
    network.journal.is_slow = False
    network.journal.flush()
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    assert [request.method for request in alice.requests] == ["BYE"]
    assert bob.responses[-1].status == 200
    assert only_record(network).ended_by == "callee"
