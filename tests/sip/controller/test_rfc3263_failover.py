"""RFC 3263 §4.3: a request to a URI goes to the next server on silence, a broken transport and 503; who sent it hears
of one end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sip.controller import sending
from sip.controller.core import Core
from sip.controller.outbound.limits import HOPS_KEPT_MAX, HOPS_TRIED_MAX, PENALTY_S, RETRY_AFTER_S_MAX
from sip.controller.outbound.quarantine import Quarantine, retry_after_s
from sip.controller.users import CLIENTS, ClientUser
from sip.stack.flow import Flow
from sip.stack.locating.records import Hop
from sip.stack.message.message import Request, Response
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ClientTransaction
from tests.sip.controller.business import directory
from tests.sip.controller.names import Names
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone

ONE, TWO = "198.51.100.1", "198.51.100.2"


class Errand:
    """Who sends, and what it heard."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def response(self, core: Core, tx: ClientTransaction, response: Response) -> None:
        assert tx.request.method == response.cseq.method
        self.heard.append(str(response.status))

    def failure(self, core: Core, tx: ClientTransaction, status: int) -> None:
        self.heard.append(f"failed {status} {tx.request.method}")


@pytest.fixture(autouse=True)
def row() -> Iterator[None]:
    CLIENTS[Errand] = ClientUser(
        lambda core, errand, tx, response: errand.response(core, tx, response),
        lambda core, errand, tx, status: errand.failure(core, tx, status),
    )
    yield
    del CLIENTS[Errand]


def request(method: str = "OPTIONS") -> Request:
    rows = [
        ("Max-Forwards", "70"),
        ("From", "<sip:switch@trunkline.test>;tag=1"),
        ("To", "<sip:peer.example>"),
        ("Call-ID", "errand"),
        ("CSeq", f"1 {method}"),
    ]
    return Request(method, "sip:peer.example", rows)


def two_servers() -> tuple[Network, Names, Phone, Phone]:
    names = Names(peer_example=(ONE, TWO))
    network = Network(directory(), locator=names)
    return network, names, network.phone(ONE), network.phone(TWO)


def send(network: Network, method: str = "OPTIONS", uri: str = "sip:peer.example") -> tuple[Errand, sending.Sending]:
    errand = Errand()
    with_contact = method == "INVITE"
    made = sending.send_to(network.core, request(method), Uri.parse(uri), errand, with_contact=with_contact)
    network.run()
    return errand, made


def test_the_first_server_answers_and_the_second_hears_nothing() -> None:
    network, _, first, second = two_servers()
    errand, _ = send(network)
    assert errand.heard == ["200"]
    assert (len(first.requests), second.requests) == (1, [])


def test_a_503_goes_to_the_next_with_a_new_branch_and_is_not_told() -> None:
    network, _, first, second = two_servers()
    first.on_request = 503
    errand, _ = send(network)
    assert errand.heard == ["200"]
    [one], [two] = first.requests, second.requests
    assert one.via.param("branch") != two.via.param("branch")
    assert [row for row in one.headers if row[0] != "Via"] == [row for row in two.headers if row[0] != "Via"]


@pytest.mark.parametrize("status", [302, 404, 486, 500, 504, 603])
def test_any_other_failure_is_an_answer(status: int) -> None:
    network, _, first, second = two_servers()
    first.on_request = status
    errand, _ = send(network)
    assert (errand.heard, second.requests) == ([str(status)], [])


def test_silence_goes_to_the_next_after_timer_f() -> None:
    network, _, first, second = two_servers()
    first.is_dead = True
    errand, _ = send(network)
    network.advance(31.9)
    assert (errand.heard, second.requests) == ([], [])
    network.advance(0.2)
    assert errand.heard == ["200"]


def test_a_broken_transport_goes_to_the_next_at_once() -> None:
    network, _, first, _ = two_servers()
    first.is_dead = True
    errand, _ = send(network)
    network.endpoint.transport_failed(Flow("UDP", SWITCH, (ONE, 5060)), network.now)
    network.run()
    assert errand.heard == ["200"]


def test_when_all_fail_the_last_failure_is_told_once() -> None:
    network, _, first, second = two_servers()
    first.is_dead = second.is_dead = True
    errand, _ = send(network)
    network.advance(70.0)
    assert errand.heard == ["failed 408 OPTIONS"]


def test_a_503_of_the_last_is_told_as_it_is() -> None:
    network, _, first, second = two_servers()
    first.on_request = second.on_request = 503
    errand, _ = send(network)
    assert errand.heard == ["503"]


def test_a_name_that_leads_nowhere_is_a_failure_told_after_send_to_returned() -> None:
    network = Network(directory(), locator=Names())
    errand = Errand()
    sending.send_to(network.core, request(), Uri.parse("sip:nowhere.example"), errand)
    assert errand.heard == []
    network.run()
    assert errand.heard == ["failed 503 OPTIONS"]
    assert network.sent == []


def test_a_transport_we_have_no_socket_for_is_passed_over() -> None:
    network, _, first, _ = two_servers()
    errand, _ = send(network, uri="sip:peer.example;transport=tls")
    assert (errand.heard, first.requests) == (["failed 503 OPTIONS"], [])


def test_an_answer_of_the_dns_that_comes_late_is_taken_in_the_next_turn() -> None:
    network, names, first, _ = two_servers()
    names.waiting = []
    errand, _ = send(network)
    assert first.requests == []
    names.answer()
    assert network.endpoint.messages_to_send() == []
    network.run()
    assert errand.heard == ["200"]


def test_who_has_said_100_is_slow_and_not_failed() -> None:
    network, _, first, second = two_servers()
    first.on_invite = (100,)
    errand, made = send(network, "INVITE")
    assert made.tx is not None
    network.core.failed(made.tx, 408)
    assert errand.heard == ["100", "failed 408 INVITE"]
    assert second.requests == []


def test_an_invite_taken_back_is_not_tried_elsewhere() -> None:
    network, _, first, second = two_servers()
    first.on_invite = (180,)
    errand, made = send(network, "INVITE")
    sending.cancel(network.core, made)
    network.run()
    assert (errand.heard, second.requests) == (["180", "487"], [])


def test_an_invite_taken_back_before_its_name_is_known_is_never_sent() -> None:
    network, names, first, _ = two_servers()
    names.waiting = []
    errand, made = send(network, "INVITE")
    sending.cancel(network.core, made)
    names.answer()
    network.run()
    assert (errand.heard, first.requests) == (["failed 503 INVITE"], [])


def test_our_contact_is_added_when_asked_for() -> None:
    network, _, first, _ = two_servers()
    sending.send_to(network.core, request(), Uri.parse("sip:peer.example"), Errand(), with_contact=True)
    network.run()
    assert first.requests[0].get("Contact") == "<sip:10.0.0.1:5060>"


def test_a_silent_server_is_tried_last_for_a_while() -> None:
    network, _, first, second = two_servers()
    first.is_dead = True
    send(network)
    network.advance(33.0)
    first.is_dead = False
    send(network)
    assert (len(first.requests), len(second.requests)) == (0, 2)
    network.advance(PENALTY_S)
    send(network)
    assert len(first.requests) == 1


def test_retry_after_keeps_a_server_from_being_asked() -> None:
    names = Names(peer_example=(ONE,))
    network = Network(directory(), locator=names)
    first = network.phone(ONE)
    first.on_request, first.on_request_rows = 503, [("Retry-After", "20 (busy)")]
    assert send(network)[0].heard == ["503"]
    assert send(network)[0].heard == ["failed 503 OPTIONS"]
    assert len(first.requests) == 1
    network.advance(20.0)
    first.on_request = 200
    assert send(network)[0].heard == ["200"]


def test_a_503_without_retry_after_is_not_remembered() -> None:
    network, _, first, _ = two_servers()
    first.on_request = 503
    send(network)
    send(network)
    assert len(first.requests) == 2
    assert len(network.core.quarantine) == 0


def test_a_name_with_many_dead_servers_costs_a_bounded_number_of_tries() -> None:
    addresses = [f"198.51.100.{last}" for last in range(1, 30)]
    network = Network(directory(), locator=Names(peer_example=addresses))
    for address in addresses:
        network.phone(address).on_request = 503
    errand, _ = send(network)
    assert errand.heard == ["503"]
    assert network.texts("switch").count("OPTIONS") == HOPS_TRIED_MAX


HOP = Hop("UDP", (ONE, 5060))
OTHER = Hop("UDP", (TWO, 5060))


def test_who_wants_to_be_left_alone_is_left_out_or_last_of_all() -> None:
    quarantine = Quarantine()
    quarantine.avoid(HOP, 60, 0.0)
    quarantine.failed(OTHER, 0.0)
    assert quarantine.arrange([HOP, OTHER], 1.0) == [OTHER]
    assert quarantine.arrange([HOP, OTHER], 1.0, even_avoided=True) == [OTHER, HOP]
    assert quarantine.arrange([HOP, OTHER], 60.0) == [HOP, OTHER]


def test_a_long_retry_after_is_cut() -> None:
    quarantine = Quarantine()
    quarantine.avoid(HOP, 1e9, 0.0)
    assert quarantine.arrange([HOP], RETRY_AFTER_S_MAX - 1) == []
    assert quarantine.arrange([HOP], RETRY_AFTER_S_MAX) == [HOP]


def test_the_memory_of_failed_hops_is_bounded() -> None:
    quarantine = Quarantine()
    for number in range(3 * HOPS_KEPT_MAX):
        quarantine.failed(Hop("UDP", (ONE, number)), 0.0)
        assert len(quarantine) <= HOPS_KEPT_MAX + 1


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("120", 120), ("18000;duration=3600", 18000), (" 5 (I'm in a meeting)", 5), ("", None), ("soon", None),
     ("9" * 12, None), ("-1", None)],
)  # fmt: skip
def test_retry_after_is_read(text: str, seconds: int | None) -> None:
    assert retry_after_s(Response(503, "x", [("Retry-After", text)])) == seconds
