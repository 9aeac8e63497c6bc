"""Requests inside a call: passed on both ways, answered here, or refused."""

from __future__ import annotations

import pytest

from sip.stack.message.message import Request
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, only_record, talking
from tests.sip.controller.phone import ANSWER, OFFER, Phone

HOLD = OFFER.replace(b"c=IN IP4 192.0.2.10", b"c=IN IP4 0.0.0.0")


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests]


def test_a_reinvite_passes_to_the_callee_and_its_answer_back() -> None:
    network, alice, bob = talking()
    alice.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    assert bob.ringing[-1].request.body == HOLD
    assert alice.statuses == [407, 100, 180, 200, 200]
    assert alice.responses[-1].body == ANSWER
    assert len(bob.acks) == 2
    assert bob.ringing[-1].request.cseq.number == 2


def test_a_reinvite_of_the_callee_passes_to_the_caller() -> None:
    network, alice, bob = talking()
    alice.on_invite = (200,)
    bob.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    assert methods(alice) == ["INVITE"]
    assert alice.requests[0].body == HOLD
    assert bob.statuses == [200]


def test_a_reinvite_without_offer_is_answered_in_its_ack() -> None:
    network, alice, bob = talking()
    bob.reply_body, alice.ack_body = OFFER, ANSWER
    alice.in_dialog("INVITE")
    network.advance(1.0)
    assert alice.responses[-1].body == OFFER
    assert bob.acks[-1].body == ANSWER


def test_a_reinvite_the_other_side_refuses_leaves_the_call_up() -> None:
    network, alice, bob = talking()
    bob.on_invite = (488,)
    alice.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    assert alice.statuses[-1] == 488
    assert network.journal.records == []
    alice.hang_up()
    network.advance(1.0)
    assert only_record(network).ended_by == "caller"


def test_two_reinvites_that_meet_are_both_refused_with_491_at_least_once() -> None:
    network, alice, bob = talking()
    bob.on_invite = ()
    alice.in_dialog("INVITE", HOLD)
    network.run()
    bob.in_dialog("INVITE", HOLD)
    network.run()
    assert bob.statuses[-1] == 491
    assert "INVITE" not in methods(alice)
    bob.respond(200, -1)
    network.advance(1.0)
    assert alice.statuses[-1] == 200


def test_a_second_reinvite_before_the_first_is_answered_gets_500() -> None:
    network, alice, bob = talking()
    bob.on_invite = ()
    alice.in_dialog("INVITE", HOLD)
    network.run()
    alice.in_dialog("INVITE", HOLD)
    network.run()
    assert alice.statuses[-1] == 500
    assert alice.responses[-1].get("Retry-After") == "1"


def test_a_reinvite_taken_back_is_taken_back_over_there() -> None:
    network, alice, bob = talking()
    bob.on_invite = (180,)
    alice.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    alice.cancel()
    network.advance(1.0)
    assert bob.cancelled == 1
    assert alice.statuses[-1] == 487
    assert network.journal.records == []


@pytest.mark.parametrize("body", [HOLD, b""])
def test_an_update_passes_with_its_session_description(body: bytes) -> None:
    network, alice, bob = talking()
    bob.in_dialog("UPDATE", body)
    network.advance(1.0)
    assert methods(alice) == ["UPDATE"]
    assert alice.requests[0].body == body
    assert bob.responses[-1].status == 200


def test_an_info_passes_with_its_body_and_type() -> None:
    network, alice, bob = talking()
    assert alice.dialog is not None
    rows = [("Content-Type", "application/dtmf-relay"), ("Info-Package", "infoDtmf"), ("X-Secret", "no")]
    alice.send(alice.dialog.request("INFO", rows, b"Signal=5"))
    network.advance(1.0)
    info = bob.requests[-1]
    assert (info.method, info.body, info.get("Content-Type")) == ("INFO", b"Signal=5", "application/dtmf-relay")
    assert (info.get("Info-Package"), info.get("X-Secret")) == ("infoDtmf", None)
    assert alice.responses[-1].status == 200


def test_options_in_a_call_are_answered_here() -> None:
    network, alice, bob = talking()
    alice.in_dialog("OPTIONS")
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    assert methods(bob) == ["INVITE"]


def test_a_request_of_an_unknown_dialog_gets_481() -> None:
    network, alice, _ = talking()
    assert alice.dialog is not None
    alice.dialog.remote_tag = "someone-else"
    for method in ("BYE", "INFO", "OPTIONS", "INVITE"):
        alice.in_dialog(method)
        network.advance(0.1)
        assert alice.responses[-1].status == 481
    assert network.journal.records == []


def test_a_number_that_goes_back_gets_500() -> None:
    network, alice, bob = talking()
    alice.in_dialog("INFO", b"x")
    network.advance(0.1)
    assert alice.dialog is not None
    alice.dialog.local_cseq -= 2
    alice.in_dialog("INFO", b"x")
    network.advance(0.1)
    assert alice.responses[-1].status == 500
    assert methods(bob) == ["INVITE", "INFO"]


def test_a_transfer_is_not_allowed_in_a_call() -> None:
    network, alice, bob = talking()
    alice.in_dialog("REFER")
    network.advance(0.1)
    assert alice.responses[-1].status == 405
    assert methods(bob) == ["INVITE"]


def test_a_request_after_the_call_gets_481() -> None:
    network, alice, bob = talking()
    alice.hang_up()
    network.advance(1.0)
    bob.in_dialog("INFO", b"x")
    network.advance(1.0)
    assert bob.responses[-1].status == 481


def test_a_party_that_knows_no_such_call_ends_it() -> None:
    network, alice, bob = talking()
    bob.on_request = 481
    alice.in_dialog("INFO", b"x")
    network.advance(1.0)
    assert alice.responses[-1].status == 481
    assert methods(alice) == ["BYE"]
    assert only_record(network).ended_by == "platform"


def test_a_bye_during_a_reinvite_ends_both() -> None:
    network, alice, bob = talking()
    bob.on_invite = ()
    alice.in_dialog("INVITE", HOLD)
    network.run()
    bob.hang_up()
    network.advance(1.0)
    assert alice.statuses[-1] == 487
    assert methods(alice) == ["BYE"]
    assert only_record(network).ended_by == "callee"


def test_a_party_that_moved_is_followed() -> None:
    network, alice, bob = talking()
    moved = network.phone("192.0.2.77", "moved")
    assert bob.dialog is not None
    bob.dialog.local_contact = "<sip:bob@192.0.2.77:5060>"
    alice.on_invite = (200,)
    bob.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    alice.hang_up()
    network.advance(1.0)
    assert [request.method for request in moved.requests] == ["BYE"]


def test_a_request_with_record_routes_comes_back_through_them() -> None:
    network = Network(directory(line(1, "alice"), trunk(1, "198.51.100.1")), FakePolicy((1,)))
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    carrier, proxy = network.phone("198.51.100.1"), network.phone("198.51.100.9")
    carrier.reply_headers = (("Record-Route", "<sip:198.51.100.9:5060;lr>"),)
    carrier.on_invite = (200,)
    alice.call("+442071838750")
    network.advance(1.0)
    alice.hang_up()
    network.advance(1.0)
    [bye] = [request for request in proxy.requests if request.method == "BYE"]
    assert isinstance(bye, Request)
    assert bye.get("Route") == "<sip:198.51.100.9:5060;lr>"
