"""RFC 3327: the proxies between a phone and its registrar."""

from __future__ import annotations

import pytest

from sip.controller.registration.config import RegistrarConfig
from sip.stack.flow import Flow
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import answer, bindings, refused, registrar

P1 = "<sip:p1.visited.example;lr>"
P3 = "<sip:192.0.2.33;lr>"
SUPPORTED = ("Supported", "path")


def test_a_path_the_phone_knows_nothing_of_is_refused_with_420() -> None:
    network, alice = registrar()
    assert refused(network, alice, ("Path", P1)) == 420
    assert alice.responses[-1].get("Unsupported") == "path"


def test_it_is_taken_where_the_operator_says_so_but_not_told_to_the_phone() -> None:
    network, alice = registrar(RegistrarConfig(path_support="assumed"))
    response = answer(network, alice, ("Path", P1))
    assert (response.status, response.get("Path")) == (200, None)
    assert [binding.path for binding in bindings(network)] == [(P1,)]


@pytest.mark.parametrize("option", [("Supported", "timer, path"), ("k", "PATH"), ("Require", "path")])
def test_the_path_is_kept_in_its_order_and_comes_back_in_the_200(option: tuple[str, str]) -> None:
    network, alice = registrar()
    response = answer(network, alice, option, ("Path", f"{P3},{P1}"))
    assert response.get_all("Path") == [f"{P3},{P1}"]
    assert [binding.path for binding in bindings(network)] == [(P3, P1)]


@pytest.mark.parametrize(
    "path",
    [
        "<sip:p1.example>", "sip:p1.example;lr", "<tel:+1;lr>", "<sip:p1.example;lr", "junk", ",".join([P1] * 9),
        f"<sip:{'x' * 2100}.example;lr>",
    ],
)  # fmt: skip
def test_a_path_that_is_none_is_refused(path: str) -> None:
    network, alice = registrar()
    assert refused(network, alice, SUPPORTED, ("Path", path)) == 400


def test_a_renewal_by_another_way_replaces_the_path() -> None:
    network, alice = registrar()
    answer(network, alice, SUPPORTED, ("Path", P3))
    answer(network, alice, SUPPORTED, ("Path", P1))
    assert [binding.path for binding in bindings(network)] == [(P1,)]
    answer(network, alice)
    assert [binding.path for binding in bindings(network)] == [()]


def test_what_names_ourselves_at_the_top_is_no_hop() -> None:
    network, alice = registrar()
    answer(network, alice, SUPPORTED, ("Path", f"<sip:10.0.0.1;lr>, {P1}"))
    assert [binding.path for binding in bindings(network)] == [(P1,)]


@pytest.mark.parametrize(
    ("top", "reached"),
    [
        ("<sip:p1.example;lr>", Flow("UDP", SWITCH, ("192.0.2.10", 5060))),
        ("<sip:192.0.2.33;lr>", Flow("UDP", SWITCH, ("192.0.2.33", 5060))),
        ("<sip:192.0.2.33:5080;transport=tcp;lr>", Flow("TCP", SWITCH, ("192.0.2.33", 5080))),
        ("<sips:192.0.2.33;lr>", Flow("TLS", (SWITCH[0], 5061), ("192.0.2.33", 5061))),
        ("<sip:192.0.2.33;transport=sctp;lr>", Flow("UDP", SWITCH, ("192.0.2.10", 5060))),
    ],
)
def test_the_first_proxy_is_called_at_its_address_or_where_the_register_came_from(top: str, reached: Flow) -> None:
    network, alice = registrar()
    answer(network, alice, SUPPORTED, ("Path", f"{top}, {P1}"))
    assert [binding.flow for binding in bindings(network)] == [reached]


def call_through_proxy() -> tuple[Network, Phone, Phone]:
    """Return a call of bob's to alice, who registered through a proxy at 192.0.2.33."""
    network, alice = registrar()
    proxy = network.phone("192.0.2.33")
    answer(network, alice, SUPPORTED, ("Path", f"{P3}, {P1}"))
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    bob.call("101")
    network.advance(1.0)
    return network, alice, proxy


def test_a_call_goes_to_the_first_proxy_with_the_path_as_its_route_and_the_contact_as_its_target() -> None:
    network, alice, proxy = call_through_proxy()
    assert alice.requests == []
    [ringing] = proxy.ringing
    assert ringing.request.uri == "sip:alice@192.0.2.10:5060"
    assert ringing.request.get_all("Route") == [P3, P1]
    assert network.texts("switch", "192.0.2.33") == ["INVITE"]


def test_requests_within_the_call_follow_the_record_route_not_the_path() -> None:
    network, _, proxy = call_through_proxy()
    route = "<sip:192.0.2.33:5060;lr>"
    proxy.reply_headers = (("Record-Route", route),)
    proxy.pick_up()
    network.advance(1.0)
    assert proxy.acks[0].get_all("Route") == [route]
    assert proxy.acks[0].uri == "sip:192.0.2.33@192.0.2.33:5060"


def test_the_path_survives_a_restart() -> None:
    network, alice = registrar()
    answer(network, alice, SUPPORTED, ("Path", f"{P3}, {P1}"))
    before = bindings(network)
    network.restart()
    assert bindings(network) == before
