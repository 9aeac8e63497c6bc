"""The endpoint's own decisions: matching, refusals, failures of transport, restart."""

from __future__ import annotations

import pytest

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.errors import LocalProtocolError
from sip.stack.events import (
    AckReceived,
    CancelReceived,
    FlowFailed,
    RequestReceived,
    ResponseReceived,
    StrayAnswer,
    TransportFailed,
)
from sip.stack.flow import Flow
from sip.stack.listeners import single_zone
from sip.stack.message import Message, Response, parse_message
from sip.stack.transaction.machine import State
from tests.sip.stack.test_calls import CONTACT, acknowledge, answer_with, statuses
from tests.sip.wire import ALICE, BOB, Wire, request, response_of, tokens, without_connection

FROM_ALICE = Flow("UDP", BOB, ALICE)


def bare(transactions_max: int = 1000) -> Endpoint:
    return Endpoint(EndpointConfig(tokens("b"), server_name="Trunkline", transactions_max=transactions_max))


def incoming(method: str = "INVITE", via: str = "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx", **rows: str) -> bytes:
    made = request(method, 1, **rows)
    made.prepend("Via", via)
    return bytes(made)


def replies(endpoint: Endpoint) -> list[tuple[Flow, Message]]:
    return [(flow, parse_message(data)) for flow, data in endpoint.messages_to_send()]


def codes(endpoint: Endpoint) -> list[int]:
    return [int(data[8:11]) for _, data in endpoint.messages_to_send()]


def events(endpoint: Endpoint) -> list[object]:
    found: list[object] = []
    event = endpoint.next_event()
    while event is not None:
        found.append(event)
        event = endpoint.next_event()
    return found


def take(endpoint: Endpoint, data: bytes, flow: Flow = FROM_ALICE) -> RequestReceived:
    endpoint.receive_datagram(data, flow, 0.0)
    event = endpoint.next_event()
    assert isinstance(event, RequestReceived)
    return event


def test_a_response_copies_what_it_must_and_gets_a_tag_of_its_own() -> None:
    endpoint = bare()
    event = take(endpoint, incoming(Record_Route="<sip:p;lr>", Timestamp="54"))
    made = endpoint.make_response(event.request, 180, headers=CONTACT)
    names = [name for name, _ in made.headers]
    assert names == ["Via", "From", "To", "Call-ID", "CSeq", "Record-Route", "Contact", "Server"]
    assert (made.reason, made.to_tag) == ("Ringing", "b1")
    trying = endpoint.make_response(event.request, 100)
    assert (trying.to_tag, trying.get("Timestamp"), trying.get("Record-Route")) == ("", "54", None)
    assert endpoint.make_response(event.request, 486, to_tag="mine").to_tag == "mine"
    assert endpoint.make_response(event.request, 486).get("Record-Route") is None
    assert endpoint.make_response(event.request, 299).reason == "Unknown"


def test_a_tag_that_is_there_is_not_given_again() -> None:
    endpoint = bare()
    event = take(endpoint, incoming("BYE", To="<sip:bob@example.com>;tag=old"))
    assert endpoint.make_response(event.request, 200, to_tag="new").get("To") == "<sip:bob@example.com>;tag=old"


@pytest.mark.parametrize(
    ("via", "source", "target"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx", ("192.0.2.1", 5060), ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx", ("192.0.2.1", 41000), ("192.0.2.1", 5060)),
        ("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx", ("192.0.2.1", 41000), ("192.0.2.1", 5070)),
        ("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKx", ("192.0.2.1", 41000), ("192.0.2.1", 41000)),
        ("SIP/2.0/UDP 192.0.2.1;maddr=203.0.113.9;branch=z9hG4bKx", ("192.0.2.1", 5060), ("192.0.2.1", 5060)),
    ],
)
def test_responses_go_where_rfc_3581_sends_them(via: str, source: tuple[str, int], target: tuple[str, int]) -> None:
    endpoint = bare()
    event = take(endpoint, incoming("OPTIONS", via), Flow("UDP", BOB, source))
    assert event.flow.remote == source
    endpoint.respond(event.tx, endpoint.make_response(event.request, 200), 0.0)
    [(flow, _)] = replies(endpoint)
    assert flow == Flow("UDP", BOB, target)


def test_received_and_rport_are_written_into_the_top_via_only() -> None:
    endpoint = bare()
    via = "SIP/2.0/UDP 10.0.0.1;rport;branch=z9hG4bKx, SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKy"
    event = take(endpoint, incoming("OPTIONS", via), Flow("UDP", BOB, ("192.0.2.1", 4444)))
    assert event.request.values("Via") == [
        "SIP/2.0/UDP 10.0.0.1;rport=4444;branch=z9hG4bKx;received=192.0.2.1",
        "SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKy",
    ]
    assert event.request.via.param("received") == "192.0.2.1"


def test_our_via_names_the_configured_host_or_the_flows_own() -> None:
    config = EndpointConfig(tokens("a"), listeners=single_zone({"UDP": ALICE}, "sip.example.com"))
    endpoint = Endpoint(config)
    udp = endpoint.send_request(request("OPTIONS"), Flow("UDP", ALICE, BOB), 0.0)
    tcp = endpoint.send_request(request("OPTIONS"), Flow("TCP", ALICE, BOB, 3), 0.0)
    assert udp.request.get("Via") == "SIP/2.0/UDP sip.example.com:5060;branch=z9hG4bKa1;rport"
    assert tcp.request.get("Via") == "SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bKa2;rport"


def test_a_repeated_request_is_absorbed_and_one_with_another_sent_by_is_new() -> None:
    endpoint = bare()
    for via in ("192.0.2.1:5060", "192.0.2.1:5060", "192.0.2.1:5061"):
        endpoint.receive_datagram(incoming(via=f"SIP/2.0/UDP {via};branch=z9hG4bKx"), FROM_ALICE, 0.0)
    assert len(events(endpoint)) == 2


def test_requests_of_rfc_2543_are_matched_by_their_headers() -> None:
    endpoint = bare()
    via = "SIP/2.0/UDP 192.0.2.1:5060"
    first = take(endpoint, incoming(via=via))
    endpoint.receive_datagram(incoming(via=via), FROM_ALICE, 0.1)
    assert events(endpoint) == []
    endpoint.receive_datagram(incoming("CANCEL", via=via), FROM_ALICE, 0.2)
    assert events(endpoint) == [CancelReceived(first.tx)]
    endpoint.respond(first.tx, endpoint.make_response(first.request, 487, to_tag="t"), 0.3)
    endpoint.receive_datagram(incoming("ACK", via=via, To="<sip:bob@example.com>;tag=t"), FROM_ALICE, 0.4)
    assert (events(endpoint), first.tx.state) == ([], State.CONFIRMED)
    endpoint.receive_datagram(incoming(via=via, Call_ID="other"), FROM_ALICE, 0.5)
    assert len(events(endpoint)) == 1


def test_a_cancel_of_nothing_gets_481() -> None:
    endpoint = bare()
    endpoint.receive_datagram(incoming("CANCEL"), FROM_ALICE, 0.0)
    endpoint.receive_datagram(incoming("CANCEL"), FROM_ALICE, 0.5)
    assert (codes(endpoint), events(endpoint)) == ([481, 481], [])


def test_the_200_of_a_cancel_has_the_to_tag_the_invite_was_given() -> None:
    endpoint = bare()
    event = take(endpoint, incoming())
    endpoint.respond(event.tx, endpoint.make_response(event.request, 180, to_tag="mine"), 0.0)
    endpoint.receive_datagram(incoming("CANCEL"), FROM_ALICE, 0.1)
    last = parse_message(endpoint.messages_to_send()[-1][1])
    assert isinstance(last, Response)
    assert (last.status, last.cseq.method, last.to_tag) == (200, "CANCEL", "mine")


def test_a_cancel_after_the_final_response_is_answered_and_not_told() -> None:
    endpoint = bare()
    event = take(endpoint, incoming())
    endpoint.respond(event.tx, endpoint.make_response(event.request, 200, headers=CONTACT), 0.0)
    endpoint.receive_datagram(incoming("CANCEL"), FROM_ALICE, 0.1)
    assert (codes(endpoint), events(endpoint)) == ([200, 200], [])


def test_an_ack_with_the_branch_of_its_invite_acknowledges_a_2xx_too() -> None:
    endpoint = bare()
    event = take(endpoint, incoming())
    endpoint.respond(event.tx, endpoint.make_response(event.request, 200, to_tag="t", headers=CONTACT), 0.0)
    endpoint.receive_datagram(incoming("ACK"), FROM_ALICE, 0.1)
    [told] = events(endpoint)
    assert isinstance(told, AckReceived)
    assert told.tx is event.tx


def test_an_ack_that_belongs_to_nothing_is_told_without_transaction() -> None:
    endpoint = bare()
    endpoint.receive_datagram(incoming("ACK"), FROM_ALICE, 0.0)
    [told] = events(endpoint)
    assert isinstance(told, AckReceived)
    assert (told.tx, codes(endpoint)) == (None, [])


def test_responses_that_match_nothing_or_are_malformed_are_dropped() -> None:
    wire = Wire()
    answer_with(wire, 180)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.1)
    good = response_of(wire.sent[1])
    for change in (
        ("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother"),
        ("Via", f"{good.get('Via')}, SIP/2.0/UDP second"),
        ("Contact", "<sip:"),
        ("CSeq", "1 OPTIONS"),
        ("To", '"unclosed'),
    ):
        bad = response_of(wire.sent[1])
        bad.set(*change)
        wire.alice.endpoint.receive_datagram(bytes(bad), wire.to_bob, 0.2)
    untagged = response_of(wire.sent[1])
    untagged.status = 200
    untagged.set("To", "<sip:bob@example.com>")
    wire.alice.endpoint.receive_datagram(bytes(untagged), wire.to_bob, 0.2)
    assert (events(wire.alice.endpoint), statuses(wire.alice)) == ([], [180])


def test_a_2xx_of_an_invite_nobody_remembers_is_told_and_other_strays_are_not() -> None:
    wire = Wire()
    answer_with(wire, 200)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.1)
    restarted = bare()
    stray = response_of(wire.sent[1])
    restarted.receive_datagram(bytes(stray), wire.to_bob, 0.2)
    assert [event.response for event in events(restarted) if isinstance(event, StrayAnswer)] == [stray]
    for status, cseq in ((180, "1 INVITE"), (486, "1 INVITE"), (200, "1 BYE")):
        stray.status = status
        stray.set("CSeq", cseq)
        restarted.receive_datagram(bytes(stray), wire.to_bob, 0.3)
    assert (events(restarted), restarted.messages_to_send()) == ([], [])


def test_an_over_long_message_gets_513() -> None:
    endpoint = bare()
    endpoint.receive_message(incoming() + b"x" * 65_536, Flow("TCP", BOB, ALICE, 1), 0.0)
    assert (codes(endpoint), endpoint.transactions) == ([513], 0)


def test_one_transaction_too_many_gets_503() -> None:
    endpoint = bare(transactions_max=2)
    for number in range(3):
        host = f"192.0.2.{10 + number}"
        via = f"SIP/2.0/UDP {host}:5060;branch=z9hG4bK{number}"
        endpoint.receive_datagram(incoming("OPTIONS", via), Flow("UDP", BOB, (host, 5060)), 0.0)
    assert (codes(endpoint), endpoint.transactions, len(events(endpoint))) == ([503], 2, 2)


def test_one_source_alone_gets_half_of_all_transactions_and_another_still_finds_room() -> None:
    endpoint = bare(transactions_max=100)
    for number in range(200):
        via = f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK{number}"
        endpoint.receive_datagram(incoming("OPTIONS", via), FROM_ALICE, 0.0)
    assert (codes(endpoint), endpoint.transactions) == ([503] * 150, 50)
    for number in range(100):
        via = f"SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKother{number}"
        endpoint.receive_datagram(incoming("OPTIONS", via), Flow("UDP", BOB, ("192.0.2.77", 5060)), 0.0)
    assert endpoint.transactions == 75
    for event in events(endpoint):
        assert isinstance(event, RequestReceived)
        endpoint.respond(event.tx, endpoint.make_response(event.request, 200), 0.0)
    endpoint.handle_timer(100.0)
    assert endpoint.transactions == 0
    assert endpoint._layer.by_source == {}


def test_a_keep_alive_is_no_message() -> None:
    endpoint = bare()
    for data in (b"", b"\r\n", b"\r\n\r\n", b"\0\0\0\0", b"\0"):
        endpoint.receive_datagram(data, FROM_ALICE, 0.0)
    assert (events(endpoint), endpoint.messages_to_send()) == ([], [])


def test_a_connection_that_fails_ends_the_transactions_on_it_alone() -> None:
    endpoint = bare()
    mine, other = Flow("TCP", ALICE, BOB, 1), Flow("TCP", ALICE, BOB, 2)
    tx = endpoint.send_request(request(), mine, 0.0)
    endpoint.send_request(request(), other, 0.0)
    endpoint.receive_message(incoming("OPTIONS", "SIP/2.0/TCP 192.0.2.2;branch=z9hG4bKo"), mine, 0.0)
    event = endpoint.next_event()
    assert isinstance(event, RequestReceived)
    endpoint.transport_failed(mine, 1.0)
    assert events(endpoint) == [FlowFailed(mine), TransportFailed(tx), TransportFailed(event.tx)]
    assert endpoint.transactions == 1
    endpoint.respond(event.tx, endpoint.make_response(event.request, 200), 1.0)
    assert all(data.startswith(b"INVITE") for _, data in endpoint.messages_to_send())


def test_a_connection_that_was_to_be_opened_and_could_not_ends_its_transaction() -> None:
    endpoint = bare()
    flow = without_connection(Flow("TCP", ALICE, BOB, 1))
    tx = endpoint.send_request(request(), flow, 0.0)
    endpoint.transport_failed(flow, 0.0)
    assert events(endpoint) == [TransportFailed(tx)]


def test_an_address_that_cannot_be_reached_over_udp_ends_the_transactions_to_it() -> None:
    endpoint = bare()
    tx = endpoint.send_request(request("OPTIONS"), Flow("UDP", BOB, ALICE), 0.0)
    endpoint.send_request(request("OPTIONS"), Flow("UDP", BOB, ("192.0.2.77", 5060)), 0.0)
    endpoint.transport_failed(Flow("UDP", BOB, ALICE), 0.0)
    assert (events(endpoint), endpoint.transactions) == ([TransportFailed(tx)], 1)


def test_after_a_restart_the_invite_is_absorbed_and_the_2xx_repeated_until_its_ack() -> None:
    wire = Wire()
    answer_with(wire, 200)
    acknowledge(wire)
    wire.is_dead = False
    wire.drop = {2}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.1)
    before = wire.bob.events(RequestReceived)[0]
    wire.bob.endpoint = Endpoint(EndpointConfig(tokens("c")))
    restored = wire.bob.endpoint.restore_invite_server(
        bytes(before.request), bytes(response_of(wire.sent[1])), before.tx.flow, wire.now
    )
    wire.advance(10.0)
    assert wire.texts() == ["INVITE", "200 INVITE", "INVITE", "200 INVITE", "ACK"]
    assert wire.times("200 INVITE") == [0.0, 0.6]
    assert len(wire.bob.events(RequestReceived)) == 1
    assert [event.tx for event in wire.bob.events(AckReceived)] == [restored]


def test_after_a_restart_a_call_that_was_acknowledged_is_not_answered_again() -> None:
    endpoint = bare()
    event = take(endpoint, incoming())
    made = endpoint.make_response(event.request, 200, to_tag="t", headers=CONTACT)
    again = bare()
    tx = again.restore_invite_server(bytes(event.request), bytes(made), event.tx.flow, 0.0)
    again.ack_received(tx, 0.0)
    again.handle_timer(10.0)
    assert (again.messages_to_send(), events(again)) == ([], [])
    again.handle_timer(33.0)
    assert (again.transactions, events(again)) == (0, [])


def test_only_an_invite_and_its_response_can_be_restored() -> None:
    endpoint = bare()
    with pytest.raises(LocalProtocolError):
        endpoint.restore_invite_server(incoming("OPTIONS"), incoming("OPTIONS"), FROM_ALICE, 0.0)


def test_what_sip_forbids_us_is_our_mistake() -> None:
    endpoint = bare()
    for method in ("ACK", "CANCEL"):
        with pytest.raises(LocalProtocolError):
            endpoint.send_request(request(method), FROM_ALICE, 0.0)
    with pytest.raises(LocalProtocolError):
        endpoint.cancel(endpoint.send_request(request("OPTIONS"), FROM_ALICE, 0.0), 0.0)


def test_a_second_final_response_is_not_sent() -> None:
    endpoint = bare()
    event = take(endpoint, incoming())
    for status in (486, 200, 180):
        endpoint.respond(event.tx, endpoint.make_response(event.request, status), 0.0)
    assert codes(endpoint) == [486]


def test_forked_2xx_of_one_invite_are_all_told() -> None:
    wire = Wire()
    answer_with(wire, 200)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.1)
    fork = response_of(wire.sent[1])
    fork.set("To", "<sip:bob@example.com>;tag=fork")
    wire.alice.endpoint.receive_datagram(bytes(fork), wire.to_bob, 0.2)
    wire.advance(0.1)
    tags = [event.response.to_tag for event in wire.alice.events(ResponseReceived)]
    assert tags == ["bob-tag", "fork"]


def test_whatever_order_and_number_copies_arrive_in_the_user_hears_each_request_once() -> None:
    wire = Wire()
    answer_with(wire, 180, 200)
    acknowledge(wire)
    wire.duplicate = set(range(1, 20))
    wire.delay = {2: 0.05, 3: 0.02}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(60.0)
    assert len(wire.bob.events(RequestReceived)) == 1
    assert len(wire.bob.events(AckReceived)) == 1
    assert (wire.alice.endpoint.transactions, wire.bob.endpoint.transactions) == (0, 0)
