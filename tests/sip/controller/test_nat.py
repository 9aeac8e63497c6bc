"""Phones behind NAT: told by what they say of themselves, reached where they were heard (RFC 3581, 5626)."""

from __future__ import annotations

import pytest

from sip.controller.registration.nat import is_nobody, is_private
from sip.stack.flow import Flow
from sip.stack.listeners import single_zone
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import answer, bindings, registrar

HOME = ("203.0.113.9", 31_000)
"""What the router at alice's makes of her phone."""


def at_home(via_host: str) -> tuple[Network, Phone]:
    """Return alice's phone behind a router, naming this host in Via."""
    network, _ = registrar()
    phone = network.phone(HOME[0], "alice", "pw-alice", HOME[1])
    phone.endpoint.config = type(phone.endpoint.config)(phone.token, single_zone({"UDP": (via_host, 5060)}))
    return network, phone


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("10.0.0.1", True), ("172.31.255.255", True), ("172.32.0.1", False), ("192.168.1.1", True),
        ("100.64.0.1", True), ("100.128.0.1", False), ("127.0.0.1", True), ("169.254.1.1", True),
        ("192.0.2.1", False), ("fd00::1", True), ("fe80::1", True), ("2001:db8::1", False), ("phone.local", False),
    ],
)  # fmt: skip
def test_inner_addresses_are_those_of_the_rfcs(host: str, expected: bool) -> None:
    assert is_private(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [("0.0.0.0", True), ("::", True), ("239.1.1.1", True), ("ff02::1", True), ("255.255.255.255", True),
     ("192.0.2.1", False), ("phone.example", False)],
)  # fmt: skip
def test_addresses_of_nobody(host: str, expected: bool) -> None:
    assert is_nobody(host) is expected


@pytest.mark.parametrize(
    ("via_host", "contact", "reached", "behind_nat"),
    [
        ("192.168.1.5", "<sip:alice@192.168.1.5:5060>", HOME, True),
        ("203.0.113.9", "<sip:alice@192.168.1.5:5060>", HOME, True),
        ("203.0.113.9", "<sip:alice@203.0.113.9:5062>", (HOME[0], 5062), False),
        ("203.0.113.9", "<sip:alice@192.0.2.50:5062>", ("192.0.2.50", 5062), False),
        ("203.0.113.9", "<sip:alice@phone.example>", HOME, False),
        ("phone.local", "<sip:alice@203.0.113.9:5062>", HOME, True),
    ],
)
def test_a_contact_is_reached_where_its_phone_was_heard_unless_its_own_word_is_good(
    via_host: str, contact: str, reached: tuple[str, int], behind_nat: bool
) -> None:
    network, phone = at_home(via_host)
    answer(network, phone, ("Contact", contact))
    [binding] = bindings(network)
    assert (binding.flow, binding.behind_nat) == (Flow("UDP", SWITCH, reached), behind_nat)


def test_the_contact_itself_is_neither_changed_nor_shown_otherwise() -> None:
    network, phone = at_home("192.168.1.5")
    shown = answer(network, phone, ("Contact", "<sip:alice@192.168.1.5:5060>")).get("Contact")
    assert shown == "<sip:alice@192.168.1.5:5060>;expires=600"


def test_a_call_to_it_and_all_within_the_call_goes_through_its_router() -> None:
    network, phone = at_home("192.168.1.5")
    answer(network, phone, ("Contact", "<sip:alice@192.168.1.5:5060>"))
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    phone.on_invite = (180, 200)
    bob.call("101")
    network.advance(1.0)
    bob.hang_up()
    network.advance(1.0)
    assert [request.method for request in phone.requests] == ["INVITE", "BYE"]
    assert (bob.statuses[-1], len(phone.acks)) == (200, 1)
    assert {sent.target for sent in network.sent if sent.source == "switch"} == {"alice", "bob"}


@pytest.mark.parametrize("via_host", ["192.168.1.5", "203.0.113.9"])
def test_a_call_from_it_is_answered_and_ended_through_its_router(via_host: str) -> None:
    network, phone = at_home(via_host)
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    network.run()
    bob.on_invite = (180, 200)
    row = ("Contact", "<sip:alice@192.168.1.5:5060>")
    phone._send(phone._request("INVITE", "sip:102@trunkline.test", "102", [row], b""))
    network.advance(1.0)
    bob.hang_up()
    network.advance(1.0)
    assert ([request.method for request in phone.requests], phone.statuses[-1]) == (["BYE"], 200)


def test_what_it_says_about_its_media_crosses_as_it_is() -> None:
    network, phone = at_home("192.168.1.5")
    answer(network, phone, ("Contact", "<sip:alice@192.168.1.5:5060>"))
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    body = b"v=0\r\nc=IN IP4 192.168.77.7\r\n"
    bob.call("101", body)
    network.advance(1.0)
    assert phone.ringing[0].request.body == body


def test_a_renewal_through_a_new_mapping_moves_the_contact() -> None:
    network, phone = at_home("192.168.1.5")
    row = ("Contact", "<sip:alice@192.168.1.5:5060>")
    answer(network, phone, row)
    moved = network.phone(HOME[0], "alice", "pw-alice", 31_500)
    moved.endpoint.config = phone.endpoint.config
    answer(network, moved, row)
    assert [binding.flow.remote for binding in bindings(network)] == [(HOME[0], 31_500)]


def test_a_websocket_phone_without_any_address_is_reached_over_its_connection() -> None:
    network, _ = registrar()
    browser = network.phone("203.0.113.9", "alice", "pw-alice", 41_000, (SWITCH[0], 8080), "WS")
    answer(network, browser, ("Contact", "<sip:alice@df7jal23ls0d.invalid;transport=ws>"))
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.call("101")
    network.advance(1.0)
    assert len(browser.ringing) == 1
    network.disconnect(browser)
    assert bindings(network) == ()
