"""Peers that send what no phone sends: the switch answers or is silent, and goes on."""

from __future__ import annotations

import random

import pytest

from sip.stack.flow import Flow
from tests.sip.controller.network import SWITCH, Sent, alice_and_bob, only_record, talking
from tests.sip.controller.phone import OFFER

WORDS = [
    b"\r\n",
    b";",
    b"<",
    b">",
    b'"',
    b"\xff",
    b"%00",
    b"sip:",
    b"tag=",
    b",",
    b"999999999999",
    b"",
    b"Contact: *\r\n",
]


def mangle(data: bytes, chance: random.Random) -> bytes:
    """Return the message with a few pieces cut out, doubled or replaced."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.randint(0, 20))
        piece = chance.choice([*WORDS, data[start:end] * 2, data[end : end + 30]])
        data = data[:start] + piece + data[end:]
    return data


@pytest.mark.parametrize("seed", range(16))
def test_mangled_messages_at_any_moment_stop_nothing(seed: int) -> None:
    chance = random.Random(seed)
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    alice.on_invite = (200,)

    def also_mangled(sent: Sent) -> bool:
        if sent.target == "switch":
            source = (alice if sent.source == "alice" else bob).flow.local
            for _ in range(6):
                network.endpoint.receive_datagram(mangle(sent.data, chance), Flow("UDP", SWITCH, source), network.now)
        return False

    network.lose = also_mangled
    for _ in range(4):
        alice.call("102", OFFER, ("Record-Route", "<sip:192.0.2.10:5060;lr>"))
        network.advance(5.0)
        if alice.dialog is not None:
            alice.in_dialog("INVITE", OFFER)
            network.advance(1.0)
            alice.hang_up()
        network.advance(70.0)
    network.lose = lambda sent: False
    network.advance(700.0)
    bob.register()
    network.run()
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 200


@pytest.mark.parametrize(
    "row",
    [
        ("Record-Route", "<sip:broken"),
        ("Contact", "<sip:a@b>, <sip:c@d>"),
        ("Contact", "*"),
        ("P-Asserted-Identity", "<<<"),
    ],
)
def test_an_invite_with_a_bad_row_leaves_no_call_behind(row: tuple[str, str]) -> None:
    network, alice, _ = alice_and_bob()
    alice.call("102", OFFER, row)
    network.advance(2.0)
    assert alice.statuses[-1] in (180, 400)
    if alice.statuses[-1] == 400:
        assert network.switch.open_call_ids() == frozenset()


@pytest.mark.parametrize("row", [("Record-Route", "<sip:broken"), ("Contact", "nonsense <")])
def test_a_callee_whose_200_opens_no_dialog_is_a_bad_gateway(row: tuple[str, str]) -> None:
    network, alice, bob = alice_and_bob()
    bob.dialog = None
    bob.on_invite = (180,)
    alice.call("102")
    network.advance(1.0)
    call = bob.ringing[0]
    response = bob.endpoint.make_response(call.request, 200, "", "tag", [row], b"")
    bob.endpoint.respond(call.tx, response, network.now)
    network.advance(1.0)
    network.advance(70.0)
    assert alice.statuses[-1] in (480, 502)
    assert network.switch.open_call_ids() == frozenset()


def test_a_refresh_with_an_unreadable_contact_keeps_the_old_one() -> None:
    network, alice, bob = talking()
    bob.on_invite = ()
    alice.in_dialog("INVITE", OFFER)
    network.run()
    call = bob.ringing[-1]
    response = bob.endpoint.make_response(call.request, 200, "", "", [("Contact", "<sip:a>, <sip:b>")], b"v=0")
    bob.endpoint.respond(call.tx, response, network.now)
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    alice.hang_up()
    network.advance(1.0)
    assert bob.requests[-1].method == "BYE"
    only_record(network)
