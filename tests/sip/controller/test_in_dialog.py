"""Requests inside a call: passed on both ways, answered here, or refused."""

from __future__ import annotations

import pytest

from sip.controller.headers import Passing
from sip.stack.message.message import Request
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, alice_and_bob, only_record, talking
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
    assert alice.responses[-1].get("Retry-After") == "5"


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


@pytest.mark.parametrize("method", ["MESSAGE", "INFO", "FLY"])
def test_requests_that_nobody_knows_pass_whole_with_what_is_end_to_end(method: str) -> None:
    network, alice, bob = talking()
    assert alice.dialog is not None
    body = b"--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/x\r\n\r\n\0\xff\r\n--x--"
    rows = [("Content-Type", 'multipart/mixed;boundary="x"'), ("MIME-Version", "1.0"), ("X-Secret", "no")]
    alice.send(alice.dialog.request(method, rows, body))
    network.advance(1.0)
    passed = bob.requests[-1]
    assert (passed.method, passed.body) == (method, body)
    assert (passed.get("Content-Type"), passed.get("MIME-Version")) == ('multipart/mixed;boundary="x"', "1.0")
    assert passed.get("X-Secret") is None
    assert alice.responses[-1].status == 200


@pytest.mark.parametrize("status", [405, 415, 469, 500, 501, 603])
def test_a_refusal_of_a_passed_request_comes_back_as_it_is(status: int) -> None:
    network, alice, bob = talking()
    bob.on_request, bob.reply_headers = status, (("Retry-After", "7"), ("Warning", '399 bob.internal "x"'))
    alice.in_dialog("FLY")
    network.advance(1.0)
    answer = alice.responses[-1]
    assert (answer.status, answer.get("Retry-After"), answer.get("Warning")) == (status, "7", None)
    assert network.journal.records == []


@pytest.mark.parametrize("method", ["PUBLISH", "REGISTER"])
def test_methods_without_meaning_in_a_call_get_405(method: str) -> None:
    network, alice, bob = talking()
    alice.in_dialog(method)
    network.advance(0.1)
    assert alice.responses[-1].status == 405
    assert methods(bob) == ["INVITE"]


def test_unknown_rows_cross_by_setting_only_and_never_those_of_one_leg() -> None:
    passing = Passing(["x-*", "P-Early-Media", "Via", "Route", "Session-Expires"])
    network, alice, bob = alice_and_bob(switch={"passed_headers": passing})
    rows = [("X-Color", "red"), ("P-Early-Media", "supported"), ("P-Secret", "no"), ("Route", "<sip:10.0.0.1;lr>")]
    bob.on_invite, bob.reply_headers = (183, 200), (("X-Answer", "yes"), ("P-Early-Media", "sendrecv"))
    alice.call("102", OFFER, *rows)
    network.advance(1.0)
    invite = bob.requests[0]
    assert (invite.get("X-Color"), invite.get("P-Early-Media")) == ("red", "supported")
    assert (invite.get("P-Secret"), invite.get("Route")) == (None, None)
    assert len(invite.get_all("Session-Expires")) == 1
    assert [(item.status, item.get("X-Answer"), item.get("P-Early-Media")) for item in alice.responses[-2:]] == [
        (183, "yes", "sendrecv"),
        (200, "yes", "sendrecv"),
    ]


def test_a_reinvite_that_fails_moves_no_target() -> None:
    """RFC 6141 §4.6."""
    network, alice, bob = talking()
    moved = network.phone("192.0.2.77", "moved")
    assert bob.dialog is not None
    bob.dialog.local_contact = "<sip:bob@192.0.2.77:5060>"
    alice.on_invite = (488,)
    bob.in_dialog("INVITE", HOLD)
    network.advance(1.0)
    assert bob.statuses[-1] == 488
    alice.hang_up()
    network.advance(1.0)
    assert methods(bob)[-1] == "BYE"
    assert moved.requests == []


def test_an_update_without_offer_may_cross_a_reinvite() -> None:
    """RFC 3311 §5.2: only offers are one at a time."""
    network, alice, bob = talking()
    bob.on_invite = ()
    alice.in_dialog("INVITE", HOLD)
    network.run()
    bob.in_dialog("UPDATE")
    alice.in_dialog("UPDATE")
    network.run()
    assert [methods(alice)[-1], methods(bob)[-1]] == ["UPDATE", "UPDATE"]
    assert (alice.responses[-1].status, bob.responses[-1].status) == (200, 200)
    bob.respond(200, -1)
    network.advance(1.0)
    assert alice.statuses[-1] == 200


def test_an_update_with_offer_that_crosses_a_reinvite_gets_491_or_500_by_who_sent_it() -> None:
    network, alice, bob = talking()
    bob.on_invite = ()
    alice.in_dialog("INVITE", HOLD)
    network.run()
    bob.in_dialog("UPDATE", HOLD)
    alice.in_dialog("UPDATE", HOLD)
    network.run()
    assert (alice.responses[-1].status, bob.responses[-1].status) == (500, 491)
    assert alice.responses[-1].get("Retry-After") == "5"
    assert "UPDATE" not in methods(alice) + methods(bob)
