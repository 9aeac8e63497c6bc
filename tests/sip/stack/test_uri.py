"""URIs: text to value to text."""

from __future__ import annotations

import pytest

from sip.stack.message import Uri


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice@atlanta.com",
        "sip:alice:secretword@atlanta.com;transport=tcp",
        "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:+1-212-555-1212:1234@gateway.com;user=phone",
        "sips:1212@gateway.com",
        "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
        "sip:alice;day=tuesday@atlanta.com",
        "sip:[2001:db8::10]:5070;lr",
        "sip:+4930123;npdi;rn=+4930@example.com",
        "sip:bob@192.0.2.4:65535",
        "tel:+4930123456",
        "tel:1234;phone-context=example.com",
        "urn:service:sos",
    ],
)
def test_a_uri_comes_back_as_written(text: str) -> None:
    assert str(Uri.parse(text)) == text


def test_a_uri_is_taken_apart() -> None:
    uri = Uri.parse("SIP:+49%2030:pw@Example.COM:5070;Transport=UDP;lr?Subject=a%20b")
    assert uri == Uri(
        "sip", "+49 30", "Example.COM", 5070, (("transport", "UDP"), ("lr", None)), (("Subject", "a b"),), "pw"
    )
    assert (uri.param("lr"), uri.param("transport"), uri.param("maddr")) == ("", "UDP", None)


def test_an_escaped_user_is_the_same_user() -> None:
    assert Uri.parse("sip:%61lice@example.com") == Uri.parse("sip:alice@example.com")


def test_bytes_that_are_no_utf8_survive_escaping() -> None:
    assert str(Uri.parse("sip:%FFx@example.com")) == "sip:%FFx@example.com"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("alice@example.com", "no scheme"),
        ("", "no scheme"),
        ("sip:", "no scheme"),
        (":x", "no scheme"),
        ("sip:@example.com", "no user before @"),
        ("sip:a@b@c", "two @"),
        ("sip:alice@", "no host"),
        ("sip:alice@exa mple.com", "character not allowed"),
        ("sip:<alice>@example.com", "character not allowed"),
        ("sip:alice@example.com:0", "bad port"),
        ("sip:alice@example.com:65536", "number too large"),
        ("sip:alice@example.com:", "not a number"),
        ("sip:alice@example.com:５060", "not a number"),
        ("sip:alice@[2001:db8::1", "bad IPv6"),
        ("sip:alice@[::1]x", "unexpected 'x'"),
        ("sip:alice@example.com?novalue", "bad header"),
    ],
)
def test_a_bad_uri_is_refused_and_says_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Uri.parse(text)
