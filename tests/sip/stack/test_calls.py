"""Whole exchanges between two endpoints on a wire without loss."""

from __future__ import annotations

from sip.stack.dialog import Dialog
from sip.stack.events import (
    AckReceived,
    CancelReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
)
from sip.stack.transaction.machine import State
from tests.sip.wire import Peer, Wire, request

CONTACT = [("Contact", "<sip:bob@192.0.2.2:5060>")]


def answer_with(wire: Wire, *statuses: int) -> None:
    """Let bob give these responses to each request at once."""

    def on_event(event: Event, now: float) -> None:
        if isinstance(event, RequestReceived):
            for status in statuses:
                made = wire.bob.endpoint.make_response(event.request, status, to_tag="bob-tag", headers=CONTACT)
                wire.bob.endpoint.respond(event.tx, made, now)

    wire.bob.on_event = on_event


def acknowledge(wire: Wire) -> list[Dialog]:
    """Let alice acknowledge each 2xx; return the dialogs she opens."""
    dialogs: list[Dialog] = []

    def on_event(event: Event, now: float) -> None:
        if isinstance(event, ResponseReceived) and event.response.status == 200 and event.tx.method == "INVITE":
            dialog = Dialog.as_client(event.tx.request, event.response, event.tx.flow)
            dialogs.append(dialog)
            wire.alice.endpoint.send_ack(dialog.request("ACK"), wire.to_bob, now)

    wire.alice.on_event = on_event
    return dialogs


def statuses(peer: Peer) -> list[int]:
    return [event.response.status for event in peer.events(ResponseReceived)]


def test_a_call_is_set_up_acknowledged_and_ended() -> None:
    wire = Wire()
    answer_with(wire, 180, 200)
    dialogs = acknowledge(wire)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(1.0)
    assert statuses(wire.alice) == [180, 200]
    assert len(wire.bob.events(AckReceived)) == 1
    assert wire.bob.events(AckReceived)[0].tx is wire.bob.events(RequestReceived)[0].tx
    answer_with(wire, 200)
    wire.alice.endpoint.send_request(dialogs[0].request("BYE"), wire.to_bob, wire.now)
    wire.advance(1.0)
    assert wire.texts() == ["INVITE", "180 INVITE", "200 INVITE", "ACK", "BYE", "200 BYE"]
    assert statuses(wire.alice) == [180, 200, 200]


def test_a_finished_call_leaves_no_transaction_and_no_timer() -> None:
    wire = Wire()
    answer_with(wire, 200)
    acknowledge(wire)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(31.9)
    assert (wire.alice.endpoint.transactions, wire.bob.endpoint.transactions) == (1, 1)
    wire.advance(0.2)
    assert (wire.alice.endpoint.transactions, wire.bob.endpoint.transactions) == (0, 0)
    assert wire.alice.endpoint.get_timer() is None
    assert wire.bob.endpoint.get_timer() is None
    assert wire.bob.events(TransactionTimedOut) == []


def test_a_ringing_call_is_cancelled_and_ends_with_487() -> None:
    wire = Wire()
    answer_with(wire, 180)
    invite = wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(2.0)
    wire.alice.endpoint.cancel(invite, 2.0)
    wire.advance(0.0)
    cancelled = wire.bob.events(CancelReceived)
    assert [event.tx.request.method for event in cancelled] == ["INVITE"]
    made = wire.bob.endpoint.make_response(cancelled[0].tx.request, 487, to_tag="bob-tag")
    wire.bob.endpoint.respond(cancelled[0].tx, made, wire.now)
    wire.advance(1.0)
    assert wire.texts() == ["INVITE", "180 INVITE", "CANCEL", "200 CANCEL", "487 INVITE", "ACK"]
    assert statuses(wire.alice) == [180, 487]
    assert cancelled[0].tx.state is State.CONFIRMED


def test_a_cancel_before_any_response_waits_for_one() -> None:
    wire = Wire()
    invite = wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.alice.endpoint.cancel(invite, 0.0)
    wire.advance(0.1)
    assert wire.texts() == ["INVITE"]
    wire.advance(0.2)
    assert wire.texts() == ["INVITE", "100 INVITE", "CANCEL", "200 CANCEL"]
    assert wire.times("100 INVITE") == [0.2]


def test_a_cancel_of_an_answered_call_changes_nothing() -> None:
    wire = Wire()
    answer_with(wire, 200)
    acknowledge(wire)
    invite = wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.1)
    wire.alice.endpoint.cancel(invite, wire.now)
    wire.advance(0.1)
    assert "CANCEL" not in wire.texts()


def test_a_register_is_answered() -> None:
    wire = Wire()
    answer_with(wire, 200)
    wire.alice.endpoint.send_request(request("REGISTER"), wire.to_bob, 0.0)
    wire.advance(40.0)
    assert wire.texts() == ["REGISTER", "200 REGISTER"]
    assert statuses(wire.alice) == [200]
