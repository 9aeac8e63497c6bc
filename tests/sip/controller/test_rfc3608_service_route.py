"""RFC 3608: the route a phone is told to use, and what becomes of it in the phone's requests (RFC 3261 §16.4)."""

from __future__ import annotations

import pytest

from sip.controller.registration.config import RegistrarConfig
from sip.controller.registration.paths import take_off_routes
from sip.stack.flow import Flow
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import answer, registrar

ROUTE = "<sip:edge.trunkline.test;lr>"
CONFIG = RegistrarConfig(service_route=(ROUTE, "<sip:10.0.0.1;lr>"))


def test_the_route_comes_with_each_200_in_its_order_and_with_no_other_answer() -> None:
    network, alice = registrar(CONFIG)
    alice.register()
    network.run()
    assert [response.status for response in alice.responses] == [401, 200]
    assert alice.responses[0].get("Service-Route") is None
    assert alice.responses[1].get_all("Service-Route") == list(CONFIG.service_route)
    alice.fetch()
    network.run()
    assert alice.responses[-1].get_all("Service-Route") == list(CONFIG.service_route)


def test_without_the_setting_there_is_none() -> None:
    network, alice = registrar()
    assert answer(network, alice).get("Service-Route") is None


def ring_bob(rows: list[str]) -> tuple[Network, Phone, Phone]:
    """Return a call of alice's to bob with these Route rows."""
    network, alice = registrar(CONFIG)
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    alice.call("102", b"", *[("Route", row) for row in rows])
    network.advance(1.0)
    return network, alice, bob


@pytest.mark.parametrize(
    "rows",
    [
        [ROUTE],
        [ROUTE, "<sip:10.0.0.1;lr>"],
        [f"{ROUTE}, <sip:10.0.0.1:5060;transport=tcp;lr>"],
        ["<sip:edge.trunkline.test:5060;lr>"],
        ["<sip:other.example;lr>"],
    ],
)
def test_a_call_through_the_route_rings_and_the_callee_sees_none_of_it(rows: list[str]) -> None:
    _, alice, bob = ring_bob(rows)
    assert alice.statuses == [407, 100, 180]
    assert bob.ringing[0].request.get("Route") is None


def test_routes_that_name_us_are_off_before_anybody_reads_them() -> None:
    network, alice = registrar(CONFIG)
    rows = [("Route", ROUTE), ("Route", "<sip:x.example;lr>")]
    request = alice._request("OPTIONS", "sip:trunkline.test", "alice", rows, b"")
    take_off_routes(network.core, request, Flow("UDP", SWITCH, ("192.0.2.10", 5060)))
    assert request.get_all("Route") == ["<sip:x.example;lr>"]


def test_a_strict_router_that_made_our_route_the_request_uri_is_undone() -> None:
    network, alice = registrar(CONFIG)
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.register()
    network.run()
    strict = alice._request(
        "INVITE", "sip:edge.trunkline.test;lr", "102", [alice.contact, ("Route", "<sip:102@trunkline.test>")], b""
    )
    alice._send(strict)
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180]
    assert bob.ringing[0].request.get("Route") is None
    assert network.policy.screened[-1].dialled == "102"
