"""RFC 3261 §19.1.4 with the RFC's own examples, RFC 5954 §4.1, RFC 3966 §4."""

from __future__ import annotations

import pytest

from sip.stack.message.uri import Uri
from sip.stack.message.uri_equality import same_host, same_uri


def same(one: str, two: str) -> bool:
    """Compare both ways round: equality is symmetric whatever else it is."""
    first, second = Uri.parse(one), Uri.parse(two)
    assert same_uri(first, second) == same_uri(second, first)
    return same_uri(first, second)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_the_rfcs_equivalent_uris_are_equal(one: str, two: str) -> None:
    assert same(one, two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
    ],
)
def test_the_rfcs_other_uris_are_not(one: str, two: str) -> None:
    assert not same(one, two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("sip:bob@biloxi.com", "sips:bob@biloxi.com"),
        ("sip:biloxi.com", "sip:bob@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:bob:secret@biloxi.com"),
        ("sip:bob:Secret@biloxi.com", "sip:bob:secret@biloxi.com"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;user=ip"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;ttl=1"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;method=INVITE"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;maddr=192.0.2.1"),
        ("sip:bob@biloxi.com;maddr=192.0.2.1", "sip:bob@biloxi.com;maddr=192.0.2.2"),
        ("sip:bob@biloxi.com?a=1", "sip:bob@biloxi.com?a=1&a=1"),
    ],
)
def test_what_must_stand_in_both_tells_two_uris_apart(one: str, two: str) -> None:
    assert not same(one, two)


def test_a_parameter_without_value_is_not_one_with_a_value() -> None:
    assert same("sip:a@h;x", "sip:a@h;X")
    assert not same("sip:a@h;x", "sip:a@h;x=1")


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("2001:db8::9:1", "2001:DB8:0:0:0:0:0009:01", True),
        ("2001:db8::9:1", "2001:db8::9:2", False),
        ("::ffff:192.0.2.4", "::FFFF:c000:204", True),
        ("::ffff:192.0.2.4", "192.0.2.4", False),
        ("Example.COM", "example.com", True),
        ("fe80::x", "FE80::X", True),
    ],
)
def test_rfc_5954_ipv6_addresses_are_equal_by_value(one: str, two: str, expected: bool) -> None:
    assert same_host(one, two) is expected


def test_ipv6_contacts_written_in_two_ways_are_one() -> None:
    assert same("sip:bob@[2001:db8::9:1]:5070", "sip:bob@[2001:DB8:0:0:0:0:9:1]:5070")


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("tel:+1-201-555-0123", "tel:+1(201)555.0123", True),
        ("tel:+12015550123", "tel:12015550123", False),
        ("tel:7042;phone-context=example.com", "tel:7042;phone-context=EXAMPLE.com", True),
        ("tel:7042;phone-context=example.com", "tel:7042", False),
        ("tel:+1;b=1;a=2", "tel:+1;a=2;b=1", True),
    ],
)
def test_rfc_3966_numbers_are_equal_without_their_separators(one: str, two: str, expected: bool) -> None:
    assert same(one, two) is expected


def test_uris_of_other_schemes_are_equal_only_as_written() -> None:
    assert same("mailto:a@b", "mailto:a@b")
    assert not same("mailto:a@b", "mailto:A@b")
