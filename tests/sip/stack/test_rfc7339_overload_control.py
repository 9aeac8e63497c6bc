"""RFC 7339, loss-based overload control: what we tell peers that offer it, and what we heed of servers that ask."""

from __future__ import annotations

import pytest

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.events import RequestReceived
from sip.stack.flow import Flow
from sip.stack.guard.limits import FEEDBACK_PEERS_MAX, FEEDBACK_VALIDITY_MS, FEEDBACK_VALIDITY_S_MAX
from sip.stack.message import Request, Response, Via, parse_message
from sip.stack.overload_control import OFFER, Restraint, Wish, offers_loss
from tests.sip.wire import ALICE, BOB, request, tokens

FROM_ALICE = Flow("UDP", BOB, ALICE)
TO_CARRIER = Flow("UDP", ("192.0.2.1", 5060), ("203.0.113.9", 5060))
TO_OTHER_PORT = Flow("UDP", ("192.0.2.1", 5060), ("203.0.113.9", 5070))


def offering(params: str = ';oc;oc-algo="loss"') -> bytes:
    made = request()
    made.prepend("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;rport{params}")
    return bytes(made)


def answered(endpoint: Endpoint, data: bytes, status: int = 486) -> Via:
    """Return the topmost Via of the answer to a request."""
    endpoint.receive_datagram(data, FROM_ALICE, 0.0)
    event = endpoint.next_event()
    assert isinstance(event, RequestReceived)
    endpoint.respond(event.tx, endpoint.make_response(event.request, status), 0.0)
    return parse_message(endpoint.messages_to_send()[-1][1]).via


def parameters(via: Via) -> dict[str, str | None]:
    return {name: value for name, value in via.params if name.startswith("oc")}


def server() -> Endpoint:
    return Endpoint(EndpointConfig(tokens("b")))


def told(params: str) -> Response:
    """Return a carrier's response with these parameters in our Via."""
    return Response(200, "OK", [("Via", f"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx{params}")])


def watching(params: str = "", now: float = 0.0) -> Restraint:
    restraint = Restraint()
    restraint.watch(TO_CARRIER)
    if params:
        restraint.learn(TO_CARRIER, told(params), now)
    return restraint


def kept_back(restraint: Restraint, count: int = 100, now: float = 0.0, flow: Flow = TO_CARRIER) -> int:
    return sum(restraint.keeps_back(flow, now) for _ in range(count))


def test_5_1_without_overload_a_peer_that_offers_is_told_zero_and_no_validity() -> None:
    endpoint = server()
    endpoint.wish.change(0, 1_282_321_615.782)
    via = answered(endpoint, offering())
    assert parameters(via) == {"oc": "0", "oc-algo": "loss", "oc-validity": "0", "oc-seq": "1282321615.782"}
    assert via.param("rport") == "5060"


def test_5_1_a_peer_that_offers_nothing_is_told_nothing() -> None:
    endpoint = server()
    endpoint.wish.change(50, 1.0)
    assert parameters(answered(endpoint, offering(""))) == {}


@pytest.mark.parametrize("algorithms", ['"A"', '"rate"', '""', '"losses"'])
def test_5_1_a_peer_that_knows_no_algorithm_of_ours_gets_its_via_back_unchanged(algorithms: str) -> None:
    via = answered(server(), offering(f";oc;oc-algo={algorithms}"))
    assert via.param("oc") == ""


@pytest.mark.parametrize("algorithms", ['"loss,A"', '"A, loss"', "loss", '"LOSS"'])
def test_5_1_of_several_algorithms_one_is_chosen(algorithms: str) -> None:
    via = answered(server(), offering(f";oc;oc-algo={algorithms}"))
    assert via.param("oc-algo") == "loss"


def test_5_2_in_overload_the_share_its_validity_and_a_sequence_are_told() -> None:
    endpoint = server()
    endpoint.wish.change(20, 1_282_321_615.782)
    endpoint.receive_datagram(offering(), FROM_ALICE, 0.0)
    event = endpoint.next_event()
    assert isinstance(event, RequestReceived)
    endpoint.respond(event.tx, endpoint.make_response(event.request, 180), 0.0)
    data = endpoint.messages_to_send()[-1][1]
    assert f';oc=20;oc-algo="loss";oc-validity={FEEDBACK_VALIDITY_MS};oc-seq=1282321615.782'.encode() in data


def test_5_2_only_the_topmost_via_is_written_to() -> None:
    endpoint = server()
    made = request()
    made.prepend("Via", 'SIP/2.0/UDP further;branch=z9hG4bKy;oc;oc-algo="loss"')
    made.prepend("Via", 'SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKx;oc;oc-algo="loss"')
    endpoint.receive_datagram(bytes(made), FROM_ALICE, 0.0)
    event = endpoint.next_event()
    assert isinstance(event, RequestReceived)
    rows = event.request.get_all("Via")
    assert "oc-seq" in rows[0]
    assert rows[1] == 'SIP/2.0/UDP further;branch=z9hG4bKy;oc;oc-algo="loss"'


def test_4_3_and_4_4_what_only_a_response_may_hold_is_taken_out_of_a_request() -> None:
    endpoint = server()
    endpoint.wish.change(0, 7.0)
    via = answered(endpoint, offering(';oc;oc-algo="loss";oc-validity=9999;oc-seq=3'))
    assert parameters(via) == {"oc": "0", "oc-algo": "loss", "oc-validity": "0", "oc-seq": "7.000"}


def test_5_11_the_100_of_the_stack_has_it_and_so_has_the_next_response() -> None:
    endpoint = server()
    endpoint.wish.change(40, 1.0)
    endpoint.receive_datagram(offering(), FROM_ALICE, 0.0)
    event = endpoint.next_event()
    assert isinstance(event, RequestReceived)
    endpoint.handle_timer(0.3)
    endpoint.respond(event.tx, endpoint.make_response(event.request, 180), 0.5)
    for _, data in endpoint.messages_to_send():
        assert parse_message(data).via.param("oc") == "40"


def test_4_4_the_sequence_grows_with_each_change_though_the_clock_goes_back() -> None:
    wish = Wish()
    seen = []
    for wall in (100.0, 100.0, 50.0, 200.0):
        wish.change(10, wall)
        seen.append(wish.sequence)
    assert seen == sorted(set(seen))


def test_a_repeated_request_finds_its_transaction_though_its_via_was_written_to() -> None:
    endpoint = server()
    endpoint.wish.change(40, 1.0)
    endpoint.receive_datagram(offering(), FROM_ALICE, 0.0)
    endpoint.receive_datagram(offering(), FROM_ALICE, 0.1)
    assert endpoint.transactions == 1


def test_4_1_and_4_2_a_request_to_a_server_that_is_watched_offers_feedback_and_others_do_not() -> None:
    endpoint = server()
    endpoint.restraint.watch(TO_CARRIER)
    for flow in (TO_CARRIER, FROM_ALICE):
        endpoint.send_request(request(), flow, 0.0)
    first, second = (data for _, data in endpoint.messages_to_send())
    assert OFFER.encode() in first.split(b"\r\n")[1]
    assert b"oc" not in second.split(b"\r\n")[1]
    sent = parse_message(first)
    assert isinstance(sent, Request)
    assert (sent.via.param("oc"), offers_loss(sent.via), sent.via.param("oc-validity")) == ("", True, None)


def test_5_4_a_response_to_such_a_request_is_learnt_from() -> None:
    endpoint = server()
    endpoint.restraint.watch(TO_CARRIER)
    tx = endpoint.send_request(request(), TO_CARRIER, 0.0)
    response = endpoint.make_response(tx.request, 100)
    response.set("Via", str(tx.request.via) + ";oc=100;oc-validity=1000;oc-seq=1")
    response.set("Via", (response.get("Via") or "").replace(";oc;oc-algo=loss", ';oc-algo="loss"'))
    endpoint.receive_datagram(bytes(response), Flow("UDP", TO_CARRIER.local, TO_CARRIER.remote), 0.0)
    assert endpoint.restraint.keeps_back(TO_CARRIER, 0.5)
    assert not endpoint.restraint.keeps_back(TO_CARRIER, 1.0)


@pytest.mark.parametrize(("percent", "expected"), [(0, 0), (10, 10), (25, 25), (50, 50), (99, 99), (100, 100)])
def test_7_2_of_new_requests_alone_that_share_is_kept_back(percent: int, expected: int) -> None:
    restraint = watching(f';oc={percent};oc-algo="loss";oc-validity=1000;oc-seq=1')
    assert kept_back(restraint) == expected


def test_7_2_with_requests_that_cannot_be_kept_back_more_of_the_others_are() -> None:
    restraint = watching(';oc=20;oc-algo="loss";oc-validity=1000;oc-seq=1')
    for number in range(100):
        restraint.sent(TO_CARRIER, number < 40)
    assert kept_back(restraint, 2) == 1  # 20 of 40 percent: every second.


def test_5_10_1_what_is_not_asked_for_is_not_kept_back() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=1000;oc-seq=1')
    restraint.sent(TO_CARRIER, False)
    assert restraint.keeps_back(TO_CARRIER, 0.0)


def test_4_3_without_validity_it_is_half_a_second() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-seq=1')
    assert restraint.keeps_back(TO_CARRIER, 0.49)
    assert not restraint.keeps_back(TO_CARRIER, 0.5)


def test_4_3_a_validity_without_share_means_nothing() -> None:
    assert kept_back(watching(';oc-algo="loss";oc-validity=1000;oc-seq=1')) == 0


def test_5_7_a_validity_of_zero_ends_it_whatever_the_share_says() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=10000;oc-seq=1')
    restraint.learn(TO_CARRIER, told(';oc=100;oc-algo="loss";oc-validity=0;oc-seq=2'), 0.1)
    assert kept_back(restraint, now=0.1) == 0


def test_5_4_an_older_wish_that_comes_late_changes_nothing() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=1000;oc-seq=1282321615.782')
    restraint.learn(TO_CARRIER, told(';oc=0;oc-algo="loss";oc-validity=0;oc-seq=1282321615.700'), 0.1)
    assert kept_back(restraint, now=0.1) == 100


def test_5_4_the_same_wish_again_does_not_last_longer() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=1000;oc-seq=5')
    restraint.learn(TO_CARRIER, told(';oc=100;oc-algo="loss";oc-validity=1000;oc-seq=5'), 0.9)
    assert kept_back(restraint, now=1.1) == 0


def test_4_4_a_sequence_that_began_anew_is_taken() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=1000;oc-seq=4294967295')
    restraint.learn(TO_CARRIER, told(';oc=0;oc-algo="loss";oc-validity=0;oc-seq=1'), 0.1)
    assert kept_back(restraint, now=0.1) == 0


def test_5_4_servers_are_told_apart_by_address_and_port() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=1000;oc-seq=1')
    restraint.watch(TO_OTHER_PORT)
    assert kept_back(restraint, flow=TO_OTHER_PORT) == 0
    assert kept_back(restraint) == 100


@pytest.mark.parametrize(
    "params",
    [
        "",
        ";oc",
        ';oc;oc-algo="loss"',
        ';oc=101;oc-algo="loss"',
        ';oc=-1;oc-algo="loss"',
        ';oc=x;oc-algo="loss"',
        ';oc=1e2;oc-algo="loss"',
        ';oc=99999999999999999999999999;oc-algo="loss"',
        ';oc=100;oc-algo="rate"',
        ";oc=100",
    ],
)
def test_what_a_server_may_not_say_is_passed_over(params: str) -> None:
    assert kept_back(watching(params)) == 0


def test_a_server_that_asks_for_a_day_is_heeded_for_a_minute() -> None:
    restraint = watching(';oc=100;oc-algo="loss";oc-validity=86400000;oc-seq=1')
    assert restraint.keeps_back(TO_CARRIER, FEEDBACK_VALIDITY_S_MAX - 1)
    assert not restraint.keeps_back(TO_CARRIER, FEEDBACK_VALIDITY_S_MAX)


def test_a_server_that_is_not_watched_is_not_heeded_and_no_more_are_watched_than_the_bound() -> None:
    restraint = Restraint()
    restraint.learn(TO_CARRIER, told(';oc=100;oc-algo="loss";oc-seq=1'), 0.0)
    assert kept_back(restraint) == 0
    for number in range(FEEDBACK_PEERS_MAX + 10):
        restraint.watch(Flow("UDP", ALICE, (f"10.0.{number >> 8}.{number & 255}", 5060)))
    assert len(restraint) == FEEDBACK_PEERS_MAX
