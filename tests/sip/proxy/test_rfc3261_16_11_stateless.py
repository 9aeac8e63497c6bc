"""RFC 3261 §16.11: the stateless proxy in front of two nodes."""

from __future__ import annotations

import pytest

from sip.proxy.config import ProxyConfig
from sip.stack.message.message import Request
from tests.sip.controller.business import directory
from tests.sip.controller.network import SWITCH
from tests.sip.controller.phone import Phone
from tests.sip.proxy.world import World

NODES = ProxyConfig(next_hops=("sip:10.1.0.1", "sip:10.1.0.2"))


def balanced() -> tuple[World, Phone, Phone, Phone]:
    """Return a world with a caller and two nodes behind the proxy."""
    world = World(directory(), "stateless", NODES)
    alice = world.phone("192.0.2.10", "alice")
    first, second = world.phone("10.1.0.1"), world.phone("10.1.0.2")
    first.on_invite = second.on_invite = (180, 200)
    return world, alice, first, second


def call(world: World, alice: Phone) -> Request:
    """Have alice make one call."""
    alice.dialog = None
    request = alice._request("INVITE", "sip:+4930@trunkline.test", "bob", [alice.contact], b"")
    alice._send(request)
    world.advance(1.0)
    return request


def test_a_call_goes_through_to_its_end_and_nothing_is_remembered() -> None:
    world, alice, first, second = balanced()
    call(world, alice)
    assert alice.statuses == [180, 200]
    assert world.endpoint.transactions == 0
    alice.hang_up()
    world.advance(1.0)
    node = first if first.requests else second
    assert [request.method for request in node.requests] == ["INVITE", "BYE"]
    assert (len(node.acks), alice.responses[-1].status) == (1, 200)


def test_all_of_one_call_goes_to_one_node_and_the_calls_are_shared_out() -> None:
    world, alice, first, second = balanced()
    for _ in range(40):
        call(world, alice)
        alice.hang_up()
        world.advance(1.0)
    counts = [[request.method for request in node.requests] for node in (first, second)]
    assert [methods.count("INVITE") for methods in counts] == [methods.count("BYE") for methods in counts]
    assert sum(map(len, counts)) == 80
    assert min(map(len, counts)) >= 20


def test_a_repeated_request_is_the_same_copy_with_the_same_branch() -> None:
    world, alice, first, second = balanced()
    first.is_dead = second.is_dead = True
    call(world, alice)
    copies = {sent.data for sent in world.sent if sent.source == "switch" and sent.text == "INVITE"}
    assert len(world.texts("alice", "switch")) == 2
    assert len(copies) == 1


def test_cancel_and_the_ack_of_a_failure_have_the_branch_of_their_invite() -> None:
    world, alice, first, second = balanced()
    first.on_invite = second.on_invite = (180,)
    call(world, alice)
    alice.cancel()
    world.advance(1.0)
    assert alice.statuses == [180, 487]
    node = "10.1.0.1" if first.requests else "10.1.0.2"
    branches = {world.request_to(node, method).via.branch for method in ("INVITE", "CANCEL", "ACK")}
    assert len(branches) == 1


def test_it_sends_strangers_messages_nowhere_but_to_its_nodes() -> None:
    world, alice, first, second = balanced()
    victim = world.phone("198.51.100.9")
    alice._send(alice._request("INVITE", "sip:x@198.51.100.9", "x", [alice.contact], b""))
    world.advance(0.1)
    alice._send(
        alice._request("INVITE", "sip:x@trunkline.test", "x", [alice.contact, ("Route", "<sip:198.51.100.9;lr>")], b"")
    )
    world.advance(0.1)
    assert alice.statuses == [403, 403]
    assert victim.requests == first.requests == second.requests == []


@pytest.mark.parametrize(("row", "status"), [(("Max-Forwards", "0"), 483), (("Proxy-Require", "x"), 420)])
def test_what_may_not_go_on_is_refused_the_same_way_each_time(row: tuple[str, str], status: int) -> None:
    world, alice, first, second = balanced()
    alice._send(alice._request("MESSAGE", "sip:x@trunkline.test", "x", [row], b""))
    world.lose = lambda sent: sent.source == "switch"
    world.advance(1.0)
    replies = {sent.data for sent in world.sent if sent.source == "switch"}
    assert [data[8:11] for data in replies] == [str(status).encode()]
    assert first.requests == second.requests == []


def test_a_response_that_is_not_ours_goes_nowhere() -> None:
    world, alice, _, _ = balanced()
    rows = [("Via", "SIP/2.0/UDP 203.0.113.1;branch=z9hG4bK1"), ("Via", "SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK2")]
    rows += [("From", "<sip:a@b>;tag=1"), ("To", "<sip:c@d>"), ("Call-ID", "x"), ("CSeq", "1 OPTIONS")]
    text = "".join(f"{name}: {value}\r\n" for name, value in rows)
    world.receive(f"SIP/2.0 200 OK\r\n{text}\r\n".encode(), alice.flow.__class__("UDP", SWITCH, ("9.9.9.9", 5060)), 0.0)
    world.run()
    assert world.sent == []


def test_it_needs_somewhere_to_send_to() -> None:
    with pytest.raises(ValueError, match="next hops"):
        World(directory(), "stateless", ProxyConfig())


def test_rfc_3327_a_phone_that_registers_through_it_is_reached_through_it() -> None:
    world, alice, first, second = balanced()
    alice._send(alice._request("REGISTER", "sip:trunkline.test", "alice", [alice.contact], b""))
    world.advance(0.1)
    node = first if first.requests else second
    [path] = node.requests[0].get_all("Path")
    assert ";lr;ob;tl=" in path
    invite = node._request("INVITE", "sip:alice@192.168.1.5:5060", "alice", [node.contact, ("Route", path)], b"")
    node._send(invite)
    world.advance(0.1)
    assert [(request.method, request.uri) for request in alice.requests] == [("INVITE", "sip:alice@192.168.1.5:5060")]
    assert alice.requests[0].get("Route") is None


def test_a_path_that_was_changed_leads_nowhere() -> None:
    world, alice, first, second = balanced()
    alice._send(alice._request("REGISTER", "sip:trunkline.test", "alice", [alice.contact], b""))
    world.advance(0.1)
    node = first if first.requests else second
    [path] = node.requests[0].get_all("Path")
    victim = world.phone("192.0.2.99")
    forged = ("Route", path.replace("192.0.2.10", "192.0.2.99"))
    node._send(node._request("INVITE", "sip:x@192.0.2.99", "x", [node.contact, forged], b""))
    world.advance(0.1)
    assert (node.statuses[-1], victim.requests) == (403, [])
