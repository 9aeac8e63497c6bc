"""RFC 3966 and RFC 4694: numbers in tel and SIP URIs."""

from __future__ import annotations

import pytest

from sip.stack.message import Uri
from sip.stack.message.telephone import TelephoneSubscriber, dialled


@pytest.mark.parametrize(
    "text",
    [
        "+12015550123",
        "+12015550123;npdi;rn=+12015550000",
        "+12015550123;npdi",
        "7042;phone-context=example.com",
        "8631234;phone-context=+1-914-555",
        "+18005550123;cic=+16789",
        "+18005550123;cic=6789;cic-context=+1",
        "+12015550123;npdi;rn=5550000;rn-context=+1201",
        "+4930123456;ext=17;isub=9",
        "*21#;phone-context=example.com",
    ],
)
def test_a_number_comes_back_as_written(text: str) -> None:
    assert str(TelephoneSubscriber.parse(text)) == text


def test_visual_separators_mean_nothing() -> None:
    number = TelephoneSubscriber.parse("+1-201.555-0(1)23;npdi;rn=+1-201-555-0000")
    assert (number.number, number.routing_number) == ("+12015550123", "+12015550000")


def test_a_dip_that_was_done_is_told_from_one_that_found_something() -> None:
    ported = TelephoneSubscriber.parse("+12015550123;npdi;rn=+12015550000")
    unported = TelephoneSubscriber.parse("+12015550123;npdi")
    unasked = TelephoneSubscriber.parse("+12015550123")
    assert [n.is_dipped for n in (ported, unported, unasked)] == [True, True, False]
    assert [n.routing_number for n in (ported, unported, unasked)] == ["+12015550000", "", ""]


def test_local_and_global_numbers_are_told_apart() -> None:
    assert TelephoneSubscriber.parse("+4930").is_global
    assert not TelephoneSubscriber.parse("7042;phone-context=example.com").is_global


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no digits"),
        ("+", "no digits"),
        ("-.()", "no digits"),
        ("+49x30", "no digits"),
        ("+49;;npdi", "empty parameter"),
        ("+49;npdi;npdi", "twice"),
        ("+49;rn=", "bad rn"),
        ("+49;rn=+", "bad rn"),
        ("+49;rn=+49g", "bad rn"),
        ("+49;rn=5550000", "rn without rn-context"),
        ("+49;cic=xyz", "bad cic"),
        ("+49;cic=6789", "cic without cic-context"),
        ("+٤٩", "no digits"),
    ],
)
def test_what_is_no_number_is_refused_and_says_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        TelephoneSubscriber.parse(text)


@pytest.mark.parametrize(
    ("uri", "number"),
    [
        ("tel:+1-201-555-0123;npdi;rn=+12015550000", "+12015550123"),
        ("tel:7042;phone-context=example.com", "7042"),
        ("sip:+1-201-555-0123;npdi@example.com", "+12015550123"),
        ("sip:201.555.0123@example.com;user=phone", "2015550123"),
        ("sip:alice-b.c@example.com", "alice-b.c"),
        ("sip:alice;x=1@example.com", "alice;x=1"),
        ("sip:+49x@example.com", "+49x"),
        ("sip:100@example.com", "100"),
    ],
)
def test_a_request_uri_dials(uri: str, number: str) -> None:
    assert dialled(Uri.parse(uri)) == number


def test_a_tel_uri_without_number_dials_nothing() -> None:
    with pytest.raises(ValueError, match="no digits"):
        dialled(Uri.parse("tel:alice"))
