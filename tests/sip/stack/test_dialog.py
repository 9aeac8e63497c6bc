"""Dialogs: tags, numbers, routes and targets on both sides, and over a restart."""

from __future__ import annotations

import json

import pytest

from sip.stack.dialog import Dialog
from sip.stack.errors import LocalProtocolError, RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message import Request, Response
from sip.stack.transaction.responses import make_response
from tests.sip.wire import ALICE, BOB, request

FLOW = Flow("UDP", ALICE, BOB)
ROUTES = [("Record-Route", "<sip:p2.example.com;lr>, <sip:p1.example.com;lr>")]


def invite(*rows: tuple[str, str]) -> Request:
    made = request()
    made.prepend("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1")
    made.headers.extend(rows)
    return made


def ok(to: Request, contact: str = "<sip:bob@192.0.2.2:5060>", status: int = 200) -> Response:
    return make_response(to, status, to_tag="bob-tag", headers=[("Contact", contact)])


def both(*rows: tuple[str, str]) -> tuple[Dialog, Dialog]:
    """Return the dialog as alice, who called, and as bob sees it."""
    made = invite(*rows)
    response = ok(made)
    return Dialog.as_client(made, response, FLOW), Dialog.as_server(made, response, FLOW)


def test_both_sides_see_one_dialog_from_their_ends() -> None:
    alice, bob = both()
    assert alice.key == ("call-1@192.0.2.1", "alice-tag", "bob-tag")
    assert bob.key == ("call-1@192.0.2.1", "bob-tag", "alice-tag")
    assert (alice.remote_target, bob.remote_target) == ("sip:bob@192.0.2.2:5060", "sip:alice@192.0.2.1:5060")
    assert (alice.local_cseq, alice.remote_cseq, bob.local_cseq, bob.remote_cseq) == (1, -1, 0, 1)


def test_a_request_in_the_dialog_carries_tags_and_the_next_number() -> None:
    alice, _ = both()
    bye = alice.request("BYE", [("Reason", "Q.850;cause=16")])
    assert (bye.method, bye.uri, bye.get("Via")) == ("BYE", "sip:bob@192.0.2.2:5060", None)
    assert (bye.from_tag, bye.to_tag, str(bye.cseq)) == ("alice-tag", "bob-tag", "2 BYE")
    assert (bye.max_forwards, bye.get("Reason"), bye.get("Contact")) == (70, "Q.850;cause=16", None)
    assert bye.from_.display_name == "Alice"


def test_numbers_go_up_by_one_and_the_ack_repeats_its_invites() -> None:
    alice, _ = both()
    methods = ["ACK", "INFO", "INVITE", "OPTIONS", "ACK"]
    assert [str(alice.request(method).cseq) for method in methods] == [
        "1 ACK",
        "2 INFO",
        "3 INVITE",
        "4 OPTIONS",
        "3 ACK",
    ]


def test_a_re_invite_carries_our_contact_unless_another_is_given() -> None:
    alice, bob = both()
    assert alice.request("INVITE").get("Contact") == "<sip:alice@192.0.2.1:5060>"
    assert bob.request("UPDATE").get("Contact") == "<sip:bob@192.0.2.2:5060>"
    assert alice.request("INVITE", [("Contact", "<sip:x@y>")]).get_all("Contact") == ["<sip:x@y>"]
    assert alice.request("INFO", [("Max-Forwards", "5")]).get_all("Max-Forwards") == ["5"]


def test_routes_are_kept_in_the_order_each_side_needs() -> None:
    alice, bob = both(*ROUTES)
    assert alice.request("BYE").get_all("Route") == ["<sip:p1.example.com;lr>", "<sip:p2.example.com;lr>"]
    assert bob.request("BYE").get_all("Route") == ["<sip:p2.example.com;lr>", "<sip:p1.example.com;lr>"]
    assert (alice.request("BYE").uri, str(alice.next_hop)) == ("sip:bob@192.0.2.2:5060", "sip:p1.example.com;lr")
    assert str(both()[0].next_hop) == "sip:bob@192.0.2.2:5060"


def test_a_strict_router_gets_the_request_uri_and_the_target_goes_last() -> None:
    _, bob = both(("Record-Route", "<sip:strict.example.com?x=y>"), ("Record-Route", "<sip:p1.example.com;lr>"))
    bye = bob.request("BYE")
    assert bye.uri == "sip:strict.example.com"
    assert bye.get_all("Route") == ["<sip:p1.example.com;lr>", "<sip:alice@192.0.2.1:5060>"]


def test_a_number_that_goes_back_is_refused_with_500() -> None:
    _, bob = both()
    bob.receive(request("INFO", 5))
    with pytest.raises(RemoteProtocolError) as caught:
        bob.receive(request("INFO", 4))
    assert caught.value.status == 500
    bob.receive(request("ACK", 1))
    bob.receive(request("INFO", 9))
    assert bob.remote_cseq == 9


def test_a_re_invite_moves_the_target_and_other_requests_do_not() -> None:
    _, bob = both()
    bob.receive(request("INVITE", 2, Contact="<sip:alice@192.0.2.99>"))
    bob.receive(request("INFO", 3, Contact="<sip:mallory@192.0.2.66>"))
    assert bob.remote_target == "sip:alice@192.0.2.99"
    with pytest.raises(RemoteProtocolError):
        bob.receive(request("UPDATE", 4, Contact="<sip:a>, <sip:b>"))
    assert (bob.remote_target, bob.remote_cseq) == ("sip:alice@192.0.2.99", 3)


def test_the_2xx_of_a_re_invite_moves_the_target_and_a_failure_does_not() -> None:
    alice, _ = both()
    again = alice.request("INVITE")
    again.prepend("Via", "SIP/2.0/UDP h;branch=z9hG4bKx")
    alice.receive_response(ok(again, "<sip:bob@192.0.2.98>", 488))
    assert alice.remote_target == "sip:bob@192.0.2.2:5060"
    alice.receive_response(ok(again, "<sip:bob@192.0.2.98>"))
    assert alice.remote_target == "sip:bob@192.0.2.98"


def test_an_early_dialog_takes_routes_and_target_anew_when_confirmed() -> None:
    made = invite(*ROUTES)
    alice = Dialog.as_client(made, ok(made, status=180), FLOW)
    made.set("Record-Route", "<sip:other.example.com;lr>")
    alice.confirm(ok(made, "<sip:bob@192.0.2.97>"))
    assert alice.route_set == ("<sip:other.example.com;lr>",)
    assert alice.remote_target == "sip:bob@192.0.2.97"


def test_a_dialog_goes_on_after_a_restart() -> None:
    alice, _ = both(*ROUTES)
    alice.request("INVITE")
    text = json.dumps(alice.to_json())
    again = Dialog.from_json(json.loads(text))
    assert json.dumps(again.to_json()) == text
    assert again.flow == FLOW
    assert bytes_of(again.request("BYE")) == bytes_of(alice.request("BYE"))


def test_the_connection_of_a_flow_is_not_kept_over_a_restart() -> None:
    made = invite()
    dialog = Dialog.as_client(made, ok(made), Flow("TCP", ALICE, BOB, 7))
    assert Dialog.from_json(dialog.to_json()).flow == Flow("TCP", ALICE, BOB, 0)


def test_a_response_that_cannot_open_a_dialog_is_refused() -> None:
    made = invite()
    with pytest.raises(RemoteProtocolError, match="no tag"):
        Dialog.as_client(made, make_response(made, 200), FLOW)
    with pytest.raises(RemoteProtocolError, match="Contact"):
        Dialog.as_client(made, make_response(made, 200, to_tag="x"), FLOW)
    with pytest.raises(LocalProtocolError):
        Dialog.as_server(made, make_response(made, 200), FLOW)


def test_cancel_is_no_request_of_a_dialog() -> None:
    with pytest.raises(LocalProtocolError):
        both()[0].request("CANCEL")


def bytes_of(made: Request) -> bytes:
    return bytes(made)
