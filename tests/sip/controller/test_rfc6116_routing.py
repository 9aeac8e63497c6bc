"""RFC 6116 as a source of routes: calls go where the DNS says, and on to the next trunk when it says nothing."""

from __future__ import annotations

from typing import Any

import pytest

from sip.controller.outbound.limits import URIS_TRIED_MAX
from sip.stack.locating.enum import NumberAnswer
from sip.stack.message.uri import Uri
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.names import Names
from tests.sip.controller.network import Network, only_record
from tests.sip.controller.phone import Phone

PEER, CARRIER = "198.51.100.1", "198.51.100.9"
NUMBER = "+442071838750"


def world(*uris: str, suffix: str = "enum.example", **ported: Any) -> tuple[Network, Names, Phone, Phone, Phone]:
    """Return alice, the peer her number has in ENUM, and the carrier behind it."""
    names = Names(peer_example=(PEER,))
    names.numbers[NUMBER] = NumberAnswer(tuple(Uri.parse(uri) for uri in uris), **ported)
    enum = trunk(1, "", port=None, source_addresses=(), enum_suffix=suffix, transport="")
    network = Network(directory(line(1, "alice"), enum, trunk(2, CARRIER)), FakePolicy((1, 2)), locator=names)
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    peer, carrier = network.phone(PEER), network.phone(CARRIER)
    peer.on_invite = carrier.on_invite = (180, 200)
    return network, names, alice, peer, carrier


def call(network: Network, alice: Phone, number: str = NUMBER) -> int:
    alice.call(number)
    network.advance(1.0)
    return alice.statuses[-1]


def rows(network: Network, alice: Phone) -> list[tuple[int | None, int]]:
    alice.hang_up()
    network.advance(1.0)
    return [(row.trunk_id, row.sip_status) for row in only_record(network).attempts]


def test_a_number_in_enum_is_called_at_its_own_uri() -> None:
    network, names, alice, peer, carrier = world("sip:info@peer.example")
    assert call(network, alice) == 200
    assert names.asked == [f"{NUMBER} enum.example", "sip:info@peer.example"]
    assert (peer.requests[0].uri, carrier.requests) == ("sip:info@peer.example", [])
    assert rows(network, alice) == [(1, 200)]


def test_a_number_that_is_not_in_enum_goes_to_the_next_trunk() -> None:
    network, _, alice, peer, carrier = world()
    assert call(network, alice) == 200
    assert (peer.requests, carrier.requests[0].uri) == ([], f"sip:{NUMBER}@{CARRIER}:5060")
    assert rows(network, alice) == [(1, 404), (2, 200)]


def test_the_second_uri_is_tried_when_the_first_has_no_server_or_fails() -> None:
    network, _, alice, peer, carrier = world("sip:a@nowhere.example", "sip:b@peer.example")
    assert call(network, alice) == 200
    assert (peer.requests[0].uri, carrier.requests) == ("sip:b@peer.example", [])


def test_a_peer_that_says_503_gives_way_to_the_numbers_next_uri() -> None:
    network, names, alice, peer, _ = world("sip:a@peer.example", "sip:b@second.example")
    names.hosts["second.example"] = ("198.51.100.2",)
    second = network.phone("198.51.100.2")
    peer.on_invite, second.on_invite = (503,), (180, 200)
    assert call(network, alice) == 200
    assert second.requests[0].uri == "sip:b@second.example"
    assert rows(network, alice) == [(1, 200)]


def test_a_number_with_many_uris_costs_a_bounded_number_of_tries() -> None:
    network, names, alice, _, _ = world(*(f"sip:a@nowhere{number}.example" for number in range(20)))
    assert call(network, alice) == 200
    assert len(names.asked) == 1 + URIS_TRIED_MAX


def test_an_answer_that_comes_late_is_waited_for() -> None:
    network, names, alice, peer, _ = world("sip:info@peer.example")
    names.waiting = []
    assert call(network, alice) == 100
    for _ in range(2):
        names.answer()
        network.advance(0.1)
    assert alice.statuses[-1] == 200
    assert len(peer.requests) == 1


def test_what_comes_too_late_for_the_call_is_dropped() -> None:
    network, names, alice, peer, _ = world("sip:info@peer.example")
    names.waiting = []
    call(network, alice)
    alice.cancel()
    network.advance(1.0)
    names.answer()
    network.advance(1.0)
    assert (alice.statuses[-1], peer.requests) == (487, [])
    assert names.waiting == []


def test_a_ported_number_goes_on_with_its_routing_number() -> None:
    network, _, alice, _, carrier = world(routing_number="+442079460000", is_dipped=True)
    assert call(network, alice) == 200
    assert carrier.requests[0].uri == f"sip:{NUMBER};npdi;rn=+442079460000@{CARRIER}:5060;user=phone"
    assert str(carrier.requests[0].to.uri) == f"sip:{NUMBER}@{CARRIER}"


def test_a_number_that_was_asked_for_and_is_not_ported_goes_on_with_npdi() -> None:
    network, _, alice, _, carrier = world(is_dipped=True)
    assert call(network, alice) == 200
    assert carrier.requests[0].uri == f"sip:{NUMBER};npdi@{CARRIER}:5060;user=phone"


def test_what_is_no_e164_number_is_never_asked_for() -> None:
    network, names, alice, _, carrier = world()
    network.policy.is_emergency = True
    network.policy.targets = tuple(network.policy._target("trunk", number, _Dialled("112")) for number in (1, 2))  # type: ignore[arg-type]
    assert call(network, alice, "112") == 200
    assert (names.asked, len(carrier.requests)) == ([], 1)


class _Dialled:
    caller = "alice"

    def __init__(self, dialled: str) -> None:
        self.dialled = dialled


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "192.168.1.1", "169.254.1.1", "100.64.0.1"])
def test_public_enum_never_leads_into_networks_of_ours(address: str) -> None:
    network, _, alice, _, carrier = world(f"sip:x@{address}", suffix="e164.arpa")
    network.phone(address).on_invite = (180, 200)
    assert call(network, alice) == 200
    assert network.phones[address, 5060].requests == []
    assert len(carrier.requests) == 1


def test_private_enum_may_lead_anywhere() -> None:
    network, _, alice, _, _ = world("sip:x@10.0.0.7")
    gateway = network.phone("10.0.0.7")
    gateway.on_invite = (180, 200)
    assert call(network, alice) == 200
    assert [request.method for request in gateway.requests] == ["INVITE"]
