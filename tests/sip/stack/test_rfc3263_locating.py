"""RFC 3263 §4: which questions are asked, and which servers a URI leads to, in order."""

from __future__ import annotations

import pytest

from sip.stack.locating.limits import HOPS_MAX
from sip.stack.locating.records import Answer, Hop, Naptr, Question, Srv
from sip.stack.locating.search import Reach, find_hops
from sip.stack.message.uri import Uri

Zone = dict[Question, Answer]

ALL: Reach = {"UDP": ("A",), "TCP": ("A",), "TLS": ("A",)}


def naptr(order: int, service: str, replacement: str, flags: str = "s", preference: int = 50) -> Naptr:
    return Naptr(order, preference, flags, service, "", replacement)


EXAMPLE: Zone = {
    ("NAPTR", "example.com"): Answer(
        naptrs=(
            naptr(100, "SIP+D2U", "_sip._udp.example.com"),
            naptr(50, "SIPS+D2T", "_sips._tcp.example.com"),
            naptr(90, "SIP+D2T", "_sip._tcp.example.com"),
        )
    ),
    ("SRV", "_sips._tcp.example.com"): Answer(srvs=(Srv(0, 1, 5061, "server1.example.com"),)),
    ("SRV", "_sip._tcp.example.com"): Answer(
        srvs=(Srv(0, 1, 5060, "server1.example.com"), Srv(1, 2, 5060, "server2.example.com"))
    ),
    ("SRV", "_sip._udp.example.com"): Answer(srvs=(Srv(0, 1, 5080, "server1.example.com"),)),
    ("A", "server1.example.com"): Answer(addresses=("192.0.2.1",)),
    ("A", "server2.example.com"): Answer(addresses=("192.0.2.2", "192.0.2.3")),
    ("A", "example.com"): Answer(addresses=("192.0.2.9",)),
}
"""The example of RFC 3263 §4.1, with addresses."""


def find(uri: str, zone: Zone, reach: Reach = ALL) -> tuple[list[tuple[str, str, int]], list[Question]]:
    """Return the hops and everything that was asked; what the zone has not is answered with nothing."""
    asked: list[Question] = []

    def known(question: Question) -> Answer | None:
        asked.append(question) if question not in asked else None
        return zone.get(question, Answer())

    hops, missing = find_hops(Uri.parse(uri), reach, known, lambda most: 0)
    assert missing == []
    return [(hop.transport, *hop.remote) for hop in hops], asked


@pytest.mark.parametrize(
    ("uri", "hop"),
    [
        ("sip:192.0.2.7", ("UDP", "192.0.2.7", 5060)),
        ("sip:192.0.2.7:5090", ("UDP", "192.0.2.7", 5090)),
        ("sip:192.0.2.7;transport=tcp", ("TCP", "192.0.2.7", 5060)),
        ("sip:192.0.2.7;transport=tls", ("TLS", "192.0.2.7", 5061)),
        ("sips:192.0.2.7", ("TLS", "192.0.2.7", 5061)),
        ("sips:192.0.2.7;transport=tcp", ("TLS", "192.0.2.7", 5061)),
        ("sip:example.com;maddr=192.0.2.8", ("UDP", "192.0.2.8", 5060)),
    ],
)
def test_an_address_is_its_own_server_and_nobody_is_asked(uri: str, hop: tuple[str, str, int]) -> None:
    assert find(uri, {}) == ([hop], [])


def test_an_ipv6_address_needs_a_socket_of_its_family() -> None:
    assert find("sip:[2001:db8::1]", {}) == ([], [])
    assert find("sip:[2001:db8::1]", {}, {"UDP": ("AAAA",)})[0] == [("UDP", "2001:db8::1", 5060)]


def test_the_first_question_is_naptr_and_nothing_is_guessed_before_its_answer() -> None:
    hops, missing = find_hops(Uri.parse("sip:alice@Example.COM."), ALL, lambda question: None, lambda most: 0)
    assert (hops, missing) == ([], [("NAPTR", "example.com")])


def test_naptr_order_decides_and_higher_orders_are_not_looked_at() -> None:
    hops, asked = find("sip:example.com", EXAMPLE)
    assert hops == [("TLS", "192.0.2.1", 5061)]
    assert asked == [
        ("NAPTR", "example.com"),
        ("SRV", "_sips._tcp.example.com"),
        ("A", "server1.example.com"),
    ]


def test_a_service_of_a_transport_we_have_not_is_discarded() -> None:
    hops, asked = find("sip:example.com", EXAMPLE, {"UDP": ("A",), "TCP": ("A",)})
    assert hops == [("TCP", "192.0.2.1", 5060), ("TCP", "192.0.2.2", 5060), ("TCP", "192.0.2.3", 5060)]
    assert ("SRV", "_sips._tcp.example.com") not in asked


def test_rules_of_the_same_order_follow_each_other_by_preference() -> None:
    zone = EXAMPLE | {
        ("NAPTR", "example.com"): Answer(
            naptrs=(
                naptr(10, "SIP+D2T", "_sip._tcp.example.com", preference=20),
                naptr(10, "SIP+D2U", "_sip._udp.example.com", preference=10),
            )
        )
    }
    assert [hop[0] for hop in find("sip:example.com", zone)[0]] == ["UDP", "TCP", "TCP", "TCP"]


def test_a_sips_uri_keeps_only_sips_services() -> None:
    zone = EXAMPLE | {("NAPTR", "example.com"): Answer(naptrs=(naptr(1, "SIP+D2T", "_sip._tcp.example.com"),))}
    hops, asked = find("sips:example.com", zone)
    assert ("SRV", "_sip._tcp.example.com") not in asked
    assert hops == [("TLS", "192.0.2.1", 5061)]


@pytest.mark.parametrize("uri", ["sips:example.com;transport=udp", "sips:192.0.2.1;transport=udp"])
def test_sips_over_udp_leads_nowhere(uri: str) -> None:
    assert find(uri, EXAMPLE) == ([], [])


def test_a_rule_of_another_application_or_flag_is_no_rule() -> None:
    rules = (naptr(1, "E2U+sip", "x.example.com", "u"), naptr(1, "SIP+D2U", "x.example.com", "p"))
    zone = EXAMPLE | {("NAPTR", "example.com"): Answer(naptrs=rules)}
    assert find("sip:example.com", zone)[0][0] == ("UDP", "192.0.2.1", 5080)


def test_a_rule_with_flag_a_skips_srv() -> None:
    rules = (naptr(1, "SIP+D2T", "server2.example.com", "A"),)
    hops, asked = find("sip:example.com", EXAMPLE | {("NAPTR", "example.com"): Answer(naptrs=rules)})
    assert hops == [("TCP", "192.0.2.2", 5060), ("TCP", "192.0.2.3", 5060)]
    assert asked == [("NAPTR", "example.com"), ("A", "server2.example.com")]


def test_without_naptr_srv_is_asked_for_every_transport_at_once() -> None:
    zone = {key: value for key, value in EXAMPLE.items() if key[0] != "NAPTR"}
    asked: list[Question] = []
    for _ in range(2):
        known = {question: zone.get(question, Answer()) for question in asked}
        _, missing = find_hops(Uri.parse("sip:example.com"), ALL, known.get, lambda most: 0)
        asked += missing
    assert asked[1:] == [
        ("SRV", "_sip._udp.example.com"),
        ("SRV", "_sip._tcp.example.com"),
        ("SRV", "_sips._tcp.example.com"),
    ]


def test_without_srv_the_default_transport_and_port_are_taken() -> None:
    zone: Zone = {("A", "example.com"): Answer(addresses=("192.0.2.9",))}
    assert find("sip:example.com", zone)[0] == [("UDP", "192.0.2.9", 5060)]
    assert find("sips:example.com", zone)[0] == [("TLS", "192.0.2.9", 5061)]


def test_a_port_in_the_uri_asks_for_addresses_only() -> None:
    hops, asked = find("sip:example.com:5070", EXAMPLE)
    assert (hops, asked) == ([("UDP", "192.0.2.9", 5070)], [("A", "example.com")])


def test_a_named_transport_asks_for_its_srv_and_never_for_naptr() -> None:
    hops, asked = find("sip:example.com;transport=tcp", EXAMPLE)
    assert hops[0] == ("TCP", "192.0.2.1", 5060)
    assert asked[0] == ("SRV", "_sip._tcp.example.com")
    assert not any(kind == "NAPTR" for kind, _ in asked)


def test_a_target_of_a_dot_says_the_service_is_not_there() -> None:
    zone: Zone = {
        ("SRV", "_sip._udp.example.com"): Answer(srvs=(Srv(0, 0, 0, ""),)),
        ("A", "example.com"): Answer(addresses=("192.0.2.9",)),
    }
    assert find("sip:example.com;transport=udp", zone) == ([], [("SRV", "_sip._udp.example.com")])


def test_addresses_of_both_families_are_tried_the_better_first() -> None:
    zone: Zone = {
        ("A", "example.com"): Answer(addresses=("192.0.2.9",)),
        ("AAAA", "example.com"): Answer(addresses=("2001:db8::9",)),
    }
    hops, _ = find("sip:example.com:5060", zone, {"UDP": ("AAAA", "A")})
    assert hops == [("UDP", "2001:db8::9", 5060), ("UDP", "192.0.2.9", 5060)]


def test_the_name_asked_for_is_what_the_certificate_must_carry() -> None:
    hops, _ = find_hops(Uri.parse("sips:example.com"), ALL, EXAMPLE.get, lambda most: 0)
    assert hops == [Hop("TLS", ("192.0.2.1", 5061), "example.com")]


def test_a_zone_full_of_servers_gives_a_bounded_number_of_hops() -> None:
    srvs = tuple(Srv(0, 0, 5060, f"s{number}.example.com") for number in range(100))
    zone: Zone = {("SRV", "_sip._udp.example.com"): Answer(srvs=srvs)}
    for number in range(100):
        addresses = tuple(f"10.{number}.0.{last}" for last in range(50))
        zone["A", f"s{number}.example.com"] = Answer(addresses=addresses)
    assert len(find("sip:example.com;transport=udp", zone)[0]) == HOPS_MAX


@pytest.mark.parametrize("uri", ["tel:+442071838750", "sip:example.com;transport=ws", f"sip:{'a' * 254}.example"])
def test_what_has_no_server_leads_nowhere_and_asks_nobody(uri: str) -> None:
    assert find(uri, EXAMPLE) == ([], [])
