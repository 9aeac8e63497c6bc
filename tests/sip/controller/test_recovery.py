"""kill -9 of the switch in the middle of calls: what a new process goes on with."""

from __future__ import annotations

from sip.controller.limits import RESTORED_PROBE_S
from sip.controller.policy import Authorisation
from tests.sip.controller.network import EPOCH, alice_and_bob, only_record, talking
from tests.sip.controller.phone import ANSWER, OFFER


def test_a_call_survives_the_switch_and_is_hung_up_by_the_caller() -> None:
    network, alice, bob = talking()
    network.advance(10.0)
    assert network.restart() == 1
    network.advance(10.0)
    alice.hang_up()
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    record = only_record(network)
    assert (record.duration_s, record.ended_by, record.started_at) == (22.0, "caller", EPOCH)
    assert (record.pdd_s, record.answered_at, record.attempts[0].is_last) == (0.0, EPOCH, True)


def test_a_call_survives_the_switch_and_is_hung_up_by_the_callee() -> None:
    network, alice, bob = talking()
    network.restart()
    network.advance(100.0)
    bob.hang_up()
    network.advance(1.0)
    assert "BYE" in [request.method for request in alice.requests]
    assert only_record(network).ended_by == "callee"


def test_a_reinvite_passes_after_a_restart() -> None:
    network, alice, bob = talking()
    network.advance(40.0)
    network.restart()
    alice.in_dialog("INVITE", OFFER)
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    assert alice.responses[-1].body == ANSWER
    assert bob.ringing[-1].request.cseq.number > 1


def test_a_200_that_was_lost_with_the_process_is_sent_again() -> None:
    network, alice, bob = alice_and_bob()
    network.journal.is_slow = True
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(0.3)
    assert alice.statuses[-1] == 180
    network.journal.is_slow = False
    assert network.restart() == 1
    network.advance(4.4)
    assert 200 not in alice.statuses
    network.advance(1.0)
    assert 200 in alice.statuses
    assert alice.responses[-1].body == ANSWER
    alice.hang_up()
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    only_record(network)


def test_a_callers_bye_ends_the_repetition_of_the_200() -> None:
    network, alice, _ = talking()
    network.restart()
    alice.hang_up()
    network.advance(1.0)
    before = len(alice.statuses)
    network.advance(60.0)
    assert len(alice.statuses) == before
    assert only_record(network).ended_by == "caller"


def test_a_callee_whose_ack_died_with_the_process_gets_another() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    network.lose = lambda sent: sent.text == "ACK" and sent.target == "bob"
    alice.call("102")
    network.run()
    assert bob.acks == []
    network.restart()
    network.lose = lambda sent: False
    network.advance(1.0)
    assert len(bob.acks) == 1


def test_a_repeated_invite_after_a_restart_makes_no_second_call() -> None:
    network, alice, bob = talking()
    network.restart()
    invite = [sent for sent in network.sent if sent.text == "INVITE" and sent.source == "alice"][-1]
    network.endpoint.receive_datagram(invite.data, network.phones["192.0.2.20", 5060].flow, network.now)
    network.advance(1.0)
    assert len(bob.ringing) == 1
    alice.hang_up()
    network.advance(1.0)
    only_record(network)


def test_the_talk_time_goes_on_over_the_restart() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.authorisation = Authorisation(60.0)
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(50.0)
    network.restart()
    network.advance(9.9)
    assert network.journal.records == []
    network.advance(0.2)
    assert only_record(network).duration_s == 60.0


def test_time_that_ran_out_while_the_switch_was_down_ends_the_call_at_its_limit() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.authorisation = Authorisation(60.0)
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(1.0)
    network.now += 300.0
    network.restart()
    network.advance(0.1)
    record = only_record(network)
    assert (record.duration_s, record.ended_by) == (60.0, "platform")


def test_the_places_of_restored_calls_are_taken() -> None:
    network, alice, bob = alice_and_bob(calls_max=1)
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(1.0)
    network.restart()
    alice.call("102")
    network.advance(0.1)
    assert alice.statuses[-1] == 486


def test_a_party_that_hung_up_while_the_switch_was_down_is_found_out() -> None:
    network, alice, bob = talking()
    network.advance(10.0)
    bob.is_dead = True
    network.restart()
    network.advance(RESTORED_PROBE_S + 33.0)
    assert "BYE" in [request.method for request in alice.requests]
    assert only_record(network).ended_by == "platform"


def test_a_call_that_is_over_is_not_taken_up() -> None:
    network, alice, _ = talking()
    alice.hang_up()
    network.advance(1.0)
    assert network.restart() == 0
    assert network.switch.open_call_ids() == frozenset()


def test_an_unreadable_state_is_logged_and_the_others_go_on() -> None:
    network, alice, _ = talking()
    network.journal.payloads.insert(0, {"t": "open", "call_id": "x", "state": {"version": 99}})
    assert network.restart() == 1
    alice.hang_up()
    network.advance(1.0)
    assert alice.responses[-1].status == 200


def test_a_second_restart_finds_the_call_again() -> None:
    network, alice, _ = talking()
    network.restart()
    network.advance(5.0)
    network.restart()
    alice.hang_up()
    network.advance(1.0)
    assert only_record(network).duration_s == 7.0


def test_a_200_is_not_repeated_to_callers_who_have_it() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(5.0)
    first = alice.dialog
    alice.call("102")
    network.advance(0.1)
    network.restart()
    network.sent.clear()
    network.advance(3.0)
    alice.hang_up()
    network.advance(20.0)
    assert "200 INVITE" not in network.texts("switch", "alice")
    alice.dialog = first
    alice.hang_up()
    network.advance(1.0)
    assert len(network.journal.records) == 2
    assert network.switch.open_call_ids() == frozenset()


def test_a_callee_that_hangs_up_while_the_callers_200_is_in_doubt_is_answered_and_the_caller_is_told_later() -> None:
    network, alice, bob = talking()
    network.restart()
    bob.hang_up()
    network.advance(1.0)
    assert bob.responses[-1].status == 200
    network.advance(10.0)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert only_record(network).ended_by == "callee"
