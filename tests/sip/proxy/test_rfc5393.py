"""RFC 5393: loops are told from spirals, and forks have a breadth."""

from __future__ import annotations

import pytest

from sip.proxy.forwarding import breadth_of, loop_mark, share_breadth
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Request
from tests.sip.controller.phone import Phone
from tests.sip.proxy.world import World, three_phones, two_phones


def send_back(world: World, alice: Phone, copy: Request, *changes: tuple[str, str]) -> list[str]:
    """Have a copy the proxy sent come back to it, as a next hop that knows no better would; return what it says."""
    again = Request(copy.method, "sip:bob@trunkline.test", copy.headers, copy.body)
    again.remove("Record-Route")
    for name, value in changes:
        again.set(name, value)
    again.prepend("Via", "SIP/2.0/UDP 198.51.100.5;branch=z9hG4bKback;rport")
    before = len(world.sent)
    hop = world.phone("198.51.100.5")
    world.receive(bytes(again), hop.flow.__class__("UDP", hop.flow.remote, hop.flow.local), world.now)
    world.run()
    return [sent.text for sent in world.sent[before:] if sent.target == hop.name]


def called() -> tuple[World, Phone, Request]:
    """Return a call from alice as the proxy sent it to bob."""
    world, alice, bob = two_phones()
    bob.on_invite = ()
    alice._send(alice._request("INVITE", "sip:bob@trunkline.test", "bob", [alice.contact], b""))
    world.advance(0.1)
    return world, alice, world.request_to("bob", "INVITE")


def test_4_2_2_a_request_that_comes_back_unchanged_has_looped() -> None:
    world, alice, copy = called()
    assert send_back(world, alice, copy) == ["482 INVITE"]


@pytest.mark.parametrize("change", [("Route", "<sip:192.0.2.20;lr>"), ("CSeq", "9 INVITE")])
def test_4_2_2_one_whose_way_has_changed_is_a_spiral(change: tuple[str, str]) -> None:
    world, alice, copy = called()
    assert send_back(world, alice, copy, change) != ["482 INVITE"]


def test_4_2_2_a_mark_like_ours_in_somebody_elses_via_is_no_loop() -> None:
    world, alice, copy = called()
    foreign = copy.values("Via")[0].replace("10.0.0.1:5060", "203.0.113.77:5060")
    assert send_back(world, alice, copy, ("Via", foreign)) == ["407 INVITE"]


def test_4_2_1_the_mark_does_not_depend_on_the_method() -> None:
    _, _, copy = called()
    ack = Request("ACK", copy.uri, copy.headers)
    ack.set("CSeq", f"{copy.cseq.number} ACK")
    assert loop_mark(ack) == loop_mark(copy)
    other = Request(copy.method, "sip:carol@trunkline.test", copy.headers)
    assert loop_mark(other) != loop_mark(copy)


def test_5_3_3_a_fork_shares_the_breadth_it_was_given() -> None:
    for given, expected in (("", ["30", "30"]), ("5", ["3", "2"]), ("600", ["30", "30"])):
        world, alice, desk, mobile = three_phones()
        rows = [("Max-Breadth", given)] if given else []
        alice._send(alice._request("INVITE", "sip:bob@trunkline.test", "bob", [alice.contact, *rows], b""))
        world.advance(1.0)
        assert [phone.requests[0].get("Max-Breadth") for phone in (desk, mobile)] == expected


def test_5_3_3_with_a_breadth_of_one_the_phones_ring_one_after_the_other() -> None:
    world, alice, desk, mobile = three_phones()
    alice._send(alice._request("INVITE", "sip:bob@trunkline.test", "bob", [alice.contact, ("Max-Breadth", "1")], b""))
    world.advance(1.0)
    assert (len(desk.ringing), len(mobile.ringing)) == (1, 0)
    desk.respond(486)
    world.advance(1.0)
    assert (len(mobile.ringing), mobile.requests[0].get("Max-Breadth")) == (1, "1")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "1" * 10, "٣"])
def test_a_breadth_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="Max-Breadth"):
        breadth_of(Request("INVITE", "sip:x", [("Max-Breadth", text)]))


def test_shares_add_up_and_nobody_goes_without() -> None:
    for breadth in range(1, 61):
        for count in range(1, breadth + 1):
            shares = share_breadth(breadth, count)
            assert (sum(shares), min(shares) >= 1, len(shares)) == (breadth, True, count)
