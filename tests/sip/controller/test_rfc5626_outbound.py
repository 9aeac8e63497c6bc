"""RFC 5626: flows that a phone opens, and that its calls come back over."""

from __future__ import annotations

import pytest

from sip.controller.location import Binding
from sip.controller.registration.config import RegistrarConfig
from sip.stack.flow import Flow
from sip.stack.message.message import Response
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import INSTANCE, UUID, answer, bindings, refused, registrar

OUTBOUND = ("Supported", "path, outbound")
CONTACT = "<sip:alice@192.168.1.5;ob>"


def contact(reg_id: object, uri: str = CONTACT, more: str = "") -> tuple[str, str]:
    return ("Contact", f"{uri}{INSTANCE};reg-id={reg_id}{more}")


def flows(network: Network) -> list[tuple[int, Flow]]:
    return [(binding.reg_id, binding.flow) for binding in bindings(network)]


def stream(network: Network, port: int) -> Phone:
    """Return another connection of alice's phone."""
    return network.phone("203.0.113.9", "alice", "pw-alice", port, transport="TCP")


def two_flows(network: Network) -> tuple[Phone, Phone]:
    """Register one phone over two connections."""
    first, second = stream(network, 40_001), stream(network, 40_002)
    answer(network, first, OUTBOUND, contact(1))
    answer(network, second, OUTBOUND, contact(2))
    return first, second


SECOND_VIA = b"Via: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bKphone\r\n"


def by_proxy(network: Network, alice: Phone, *rows: tuple[str, str]) -> Response:
    """Register through a proxy: at the registrar there is a second Via."""
    network.alter = lambda sent: (
        sent.data.replace(b"Max-Forwards", SECOND_VIA + b"Max-Forwards", 1)
        if sent.target == "switch"
        else sent.data.replace(SECOND_VIA, b"")
    )
    return answer(network, alice, *rows)


def test_a_flow_is_confirmed_with_require_and_its_keep_alive_time() -> None:
    network, _ = registrar()
    alice = stream(network, 40_001)
    response = answer(network, alice, OUTBOUND, contact(1))
    assert (response.get("Require"), response.get("Flow-Timer")) == ("outbound", "120")
    assert response.get("Contact") == f"{CONTACT};expires=600{INSTANCE};reg-id=1"
    assert flows(network) == [(1, Flow("TCP", SWITCH, ("203.0.113.9", 40_001), 40_001))]


def test_no_time_is_told_where_the_operator_wants_none() -> None:
    network, alice = registrar(RegistrarConfig(flow_timer_s=0))
    response = answer(network, alice, OUTBOUND, contact(1))
    assert (response.get("Require"), response.get("Flow-Timer")) == ("outbound", None)


def test_a_phone_that_does_not_say_outbound_gets_its_flow_but_no_require() -> None:
    network, alice = registrar()
    response = answer(network, alice, contact(1))
    assert (response.status, response.get("Require"), response.get("Flow-Timer")) == (200, None, None)
    assert [binding.reg_id for binding in bindings(network)] == [1]


@pytest.mark.parametrize("reg_id", ["0", "x", "2147483648", "99999999999"])
def test_a_number_that_is_none_is_ignored(reg_id: str) -> None:
    network, alice = registrar()
    response = answer(network, alice, OUTBOUND, contact(reg_id))
    assert (response.status, response.get("Require")) == (200, None)
    assert [binding.reg_id for binding in bindings(network)] == [0]


def test_a_number_without_an_instance_is_ignored() -> None:
    network, alice = registrar()
    response = answer(network, alice, OUTBOUND, ("Contact", f"{CONTACT};reg-id=1"))
    assert (response.status, response.get("Require")) == (200, None)


def test_two_flows_of_one_phone_are_kept_though_their_contacts_are_equal() -> None:
    network, _ = registrar(contacts_max=1)
    two_flows(network)
    assert [reg_id for reg_id, _ in flows(network)] == [1, 2]


def test_the_same_flow_from_elsewhere_replaces_itself_whatever_its_contact() -> None:
    network, _ = registrar()
    two_flows(network)
    again = stream(network, 40_003)
    answer(network, again, OUTBOUND, contact(1, "<sip:alice@192.168.1.77;ob>"))
    assert flows(network) == [
        (2, Flow("TCP", SWITCH, ("203.0.113.9", 40_002), 40_002)),
        (1, Flow("TCP", SWITCH, ("203.0.113.9", 40_003), 40_003)),
    ]


def test_a_flow_is_taken_back_alone() -> None:
    network, _ = registrar()
    first, _ = two_flows(network)
    answer(network, first, OUTBOUND, contact(1), expires_s=0)
    assert [reg_id for reg_id, _ in flows(network)] == [2]


def test_a_phone_that_gave_outbound_up_leaves_no_flow_behind() -> None:
    network, alice = registrar()
    two_flows(network)
    answer(network, alice, ("Contact", f"<sip:alice@192.0.2.10>{INSTANCE}"))
    assert [reg_id for reg_id, _ in flows(network)] == [0]


def test_beyond_four_flows_of_one_phone_the_oldest_goes() -> None:
    network, _ = registrar()
    for number in range(1, 6):
        answer(network, stream(network, 40_000 + number), OUTBOUND, contact(number))
    assert [reg_id for reg_id, _ in flows(network)] == [2, 3, 4, 5]


def test_one_register_opens_one_flow() -> None:
    network, alice = registrar()
    rows = contact(1), ("Contact", "<sip:alice@192.0.2.10:5070>")
    assert refused(network, alice, OUTBOUND, *rows) == 400
    gone = ("Contact", "<sip:alice@192.0.2.10:5070>;expires=0")
    assert answer(network, alice, OUTBOUND, contact(1), gone).status == 200


@pytest.mark.parametrize("path", [[], [("Path", "<sip:edge.example;lr>")]])
def test_behind_a_proxy_that_keeps_no_flows_outbound_is_refused_with_439(path: list[tuple[str, str]]) -> None:
    network, alice = registrar()
    response = by_proxy(network, alice, OUTBOUND, contact(1), *path)
    assert (response.status, response.reason) == (439, "First Hop Lacks Outbound Support")
    assert bindings(network) == ()


def test_behind_it_the_number_of_a_phone_that_does_not_say_outbound_is_ignored() -> None:
    network, alice = registrar()
    response = by_proxy(network, alice, contact(1))
    assert (response.status, response.get("Require")) == (200, None)
    assert [binding.reg_id for binding in bindings(network)] == [0]


def test_a_proxy_next_to_the_phone_that_keeps_flows_makes_it_outbound() -> None:
    network, alice = registrar()
    path = ("Path", "<sip:192.0.2.33;lr>, <sip:flow-token@edge.example;lr;ob>")
    response = by_proxy(network, alice, OUTBOUND, contact(1), path)
    assert (response.status, response.get("Require")) == (200, "outbound")
    assert flows(network) == [(1, Flow("UDP", SWITCH, ("192.0.2.33", 5060)))]


def call_alice(network: Network) -> Phone:
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.call("101")
    network.advance(1.0)
    return bob


def test_a_call_comes_over_one_flow_of_the_phone_the_latest() -> None:
    network, _ = registrar()
    first, second = two_flows(network)
    call_alice(network)
    assert (len(first.ringing), len(second.ringing)) == (0, 1)


def test_a_call_rings_another_phone_of_the_line_beside_it() -> None:
    network, alice = registrar()
    answer(network, alice)
    first, second = two_flows(network)
    call_alice(network)
    assert (len(alice.ringing), len(first.ringing), len(second.ringing)) == (1, 0, 1)


def test_a_flow_that_failed_is_replaced_by_the_phones_next_one() -> None:
    network, _ = registrar()
    first, second = two_flows(network)
    second.on_invite = (430,)
    bob = call_alice(network)
    assert (len(first.ringing), len(second.ringing)) == (1, 1)
    first.pick_up()
    network.advance(1.0)
    assert bob.statuses == [407, 100, 180, 200]


def test_a_flow_that_stays_silent_is_replaced_after_its_time() -> None:
    network, _ = registrar()
    first = network.phone("203.0.113.9", "alice", "pw-alice", 40_001)
    second = network.phone("203.0.113.9", "alice", "pw-alice", 40_002)
    answer(network, first, OUTBOUND, contact(1))
    answer(network, second, OUTBOUND, contact(2))
    second.is_dead = True
    call_alice(network)
    assert first.ringing == []
    network.advance(32.0)
    assert len(first.ringing) == 1


@pytest.mark.parametrize("status", [486, 404, 500, 503])
def test_a_phone_that_answered_is_not_asked_again_over_another_flow(status: int) -> None:
    network, _ = registrar()
    first, second = two_flows(network)
    second.on_invite = (status,)
    bob = call_alice(network)
    assert (first.ringing, bob.statuses[-1]) == ([], status)


def test_when_every_flow_failed_the_caller_hears_that_nobody_is_there() -> None:
    network, _ = registrar()
    first, second = two_flows(network)
    first.on_invite = second.on_invite = (430,)
    assert call_alice(network).statuses[-1] == 480


def test_a_closed_connection_takes_its_contact_with_it() -> None:
    network, _ = registrar()
    heard: list[tuple[int, int, str]] = []
    first, second = two_flows(network)
    network.switch.locations.subscribe(
        lambda name, before, after, wall, reason: heard.append((len(before), len(after), reason))
    )
    network.disconnect(second)
    assert ([reg_id for reg_id, _ in flows(network)], heard) == ([1], [(2, 1, "deactivated")])
    call_alice(network)
    assert len(first.ringing) == 1


def test_a_connection_that_closes_while_it_rings_moves_the_call_to_the_other_flow() -> None:
    network, _ = registrar()
    first, second = two_flows(network)
    second.on_invite = ()
    bob = call_alice(network)
    assert (len(first.ringing), bob.statuses) == (0, [407, 100])
    network.disconnect(second)
    network.advance(0.1)
    assert (len(first.ringing), bob.statuses) == (1, [407, 100, 180])


def test_in_the_call_requests_come_over_the_flow_though_the_contact_names_another_address() -> None:
    network, alice = registrar()
    other = network.phone("192.0.2.77")
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    network.run()
    bob.on_invite = (180, 200)
    row = ("Contact", "<sip:alice@192.0.2.77;ob>")
    alice._send(alice._request("INVITE", "sip:102@trunkline.test", "102", [row], b""))
    network.advance(1.0)
    bob.hang_up()
    network.advance(1.0)
    assert ([request.method for request in alice.requests], other.requests) == (["BYE"], [])


def test_flows_of_a_connection_do_not_outlive_a_restart() -> None:
    network, _ = registrar()
    two_flows(network)
    network.restart()
    assert bindings(network) == ()


def test_uuids_in_either_case_are_one_phone() -> None:
    network, alice = registrar()
    answer(network, alice, ("Contact", f'<sip:a@192.0.2.10>;+sip.instance="<{UUID.upper()}>"'))
    answer(network, alice, ("Contact", f"<sip:b@192.0.2.10>{INSTANCE}"))
    found: list[Binding] = list(bindings(network))
    assert [binding.instance for binding in found] == [f"<{UUID}>"]
