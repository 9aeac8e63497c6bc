"""Which of our sockets a request leaves by, and how it is named towards the far end."""

from __future__ import annotations

from sip.stack.flow import Flow
from sip.stack.listeners import Listener, Listeners, single_zone

INSIDE = ("10.0.0.1", 5060)
OUTSIDE = ("192.0.2.1", 5060)
SIX = ("2001:db8::1", 5060)
PUBLIC = ("203.0.113.9", 5060)
FAR = ("198.51.100.7", 5060)
BORDER = Listeners(
    [
        Listener("UDP", INSIDE, INSIDE, "internal"),
        Listener("UDP", OUTSIDE, PUBLIC, "carrier"),
        Listener("UDP", SIX, SIX, "carrier"),
        Listener("TCP", OUTSIDE, ("sip.example.com", 5060), "carrier"),
    ]
)


def test_each_listener_has_its_own_name_even_on_one_address() -> None:
    assert BORDER.advertised(Flow("UDP", INSIDE, FAR)) == INSIDE
    assert BORDER.advertised(Flow("UDP", OUTSIDE, FAR)) == PUBLIC
    assert BORDER.advertised(Flow("TCP", OUTSIDE, FAR)) == ("sip.example.com", 5060)


def test_a_listener_that_is_gone_is_named_by_the_first_of_its_transport() -> None:
    assert BORDER.advertised(Flow("TCP", ("192.0.2.99", 5060), FAR)) == ("sip.example.com", 5060)
    assert BORDER.advertised(Flow("TLS", OUTSIDE, FAR)) == OUTSIDE


def test_the_zone_the_transport_and_the_family_choose_the_socket() -> None:
    assert BORDER.local("UDP") == INSIDE
    assert BORDER.local("UDP", FAR[0], "internal") == INSIDE
    assert BORDER.local("UDP", FAR[0], "carrier") == OUTSIDE
    assert BORDER.local("UDP", "2001:db8::7", "carrier") == SIX
    assert BORDER.local("TCP", "", "carrier") == OUTSIDE


def test_what_the_zone_has_not_is_not_reached_through_another_zone() -> None:
    assert BORDER.local("TCP") is None
    assert BORDER.local("UDP", "2001:db8::7") is None
    assert BORDER.local("TCP", "2001:db8::7", "carrier") is None
    assert BORDER.local("UDP", FAR[0], "internet") is None


def test_a_flow_tells_its_zone() -> None:
    assert BORDER.zone_of(Flow("UDP", SIX, FAR)) == "carrier"
    assert BORDER.zone_of(Flow("TCP", INSIDE, FAR)) == ""


def test_without_zones_there_is_one_socket_a_transport() -> None:
    listeners = single_zone({"UDP": INSIDE, "TCP": INSIDE}, "203.0.113.9")
    assert listeners.local("TCP") == INSIDE
    assert listeners.advertised(Flow("TCP", INSIDE, FAR)) == PUBLIC
    assert Listeners().local("UDP") is None
