"""The proxy and what its registrar knows of phones: GRUUs, several flows, edges on the way."""

from __future__ import annotations

import pytest

from tests.sip.controller.phone import Phone
from tests.sip.proxy.world import Kind, World, two_phones

DESK, CAR = '"<urn:uuid:00000000-0000-1000-8000-000000000001>"', '"<urn:uuid:00000000-0000-1000-8000-000000000002>"'


def call(world: World, alice: Phone, uri: str = "sip:bob@trunkline.test") -> None:
    """Have alice call."""
    alice.dialog = None
    alice._send(alice._request("INVITE", uri, "bob", [alice.contact], b""))
    world.advance(0.5)


def test_a_gruu_reaches_the_one_phone_it_names() -> None:
    world, alice, bob = two_phones()
    car = world.phone("192.0.2.29", "bob", "pw-bob")
    bob.register(0)
    for phone, instance in ((bob, DESK), (car, CAR)):
        contact = f"<sip:bob@{phone.flow.local[0]}:5060>;+sip.instance={instance}"
        phone.register(600, ("Contact", contact), ("Supported", "gruu"))
        world.run()
    call(world, alice, "sip:bob@trunkline.test;gr=urn:uuid:00000000-0000-1000-8000-000000000002")
    assert (len(bob.ringing), len(car.ringing)) == (0, 1)
    call(world, alice, "sip:bob@trunkline.test;gr=urn:uuid:00000000-0000-1000-8000-00000000000f")
    assert alice.statuses[-1] == 480
    call(world, alice, "sip:tgruu.forged@trunkline.test;gr")
    assert alice.statuses[-1] == 404


@pytest.mark.parametrize("status", [430, 503])
def test_a_second_flow_of_a_phone_is_tried_when_the_first_has_failed(status: int) -> None:
    world, alice, bob = two_phones()
    bob.register(0)
    edges = [world.phone("198.51.100.1"), world.phone("198.51.100.2")]
    for number, edge in enumerate(edges, 1):
        contact = f"<sip:bob@192.0.2.20:5060>;+sip.instance={DESK};reg-id={number}"
        path = ("Path", f"<sip:edge{number}@{edge.flow.local[0]};lr;ob>")
        edge.username, edge.password = "bob", "pw-bob"
        edge.register(600, ("Contact", contact), path, ("Supported", "path, outbound"))
        world.run()
    # The latest registered way first.
    edges[1].on_invite = (status,)
    edges[0].on_invite = (180, 200)
    call(world, alice)
    assert [[request.method for request in edge.requests] for edge in edges] == [["INVITE"], ["INVITE"]]
    assert alice.statuses[-2:] == [180, 200]
    assert edges[0].requests[0].get_all("Route") == ["<sip:edge1@198.51.100.1;lr;ob>"]
    assert edges[0].requests[0].uri == "sip:bob@192.0.2.20:5060"


def test_a_phone_that_has_spoken_itself_is_not_tried_a_second_way() -> None:
    world, alice, bob = two_phones()
    bob.register(0)
    other = world.phone("192.0.2.20", "bob", "pw-bob", port=5062)
    for number, phone in ((1, other), (2, bob)):
        contact = f"<sip:bob@192.0.2.20:{phone.flow.local[1]}>;+sip.instance={DESK};reg-id={number}"
        phone.register(600, ("Contact", contact), ("Supported", "outbound"))
        world.run()
    bob.on_invite = (486,)
    call(world, alice)
    assert (alice.statuses[-1], other.requests) == (486, [])


@pytest.mark.parametrize("kind", ["proxy", "redirect", "registrar"])
def test_every_role_but_the_stateless_one_keeps_registrations(kind: Kind) -> None:
    world, _, bob = two_phones(kind)
    assert [binding.uri for binding in world.switch.locations.bindings("bob", world.wall)] == [
        "sip:bob@192.0.2.20:5060"
    ]
    bob.register(0)
    world.run()
    assert world.switch.locations.bindings("bob", world.wall) == ()
