"""RFC 5118, message by message: IPv6 references in URIs, Via and session descriptions. The texts are our own."""

from __future__ import annotations

import pytest

from sip.stack.errors import RemoteProtocolError
from sip.stack.message import NameAddr, Request, Uri, Via, parse_message
from sip.stack.message.validate import check_new_request


def read(first: str, *rows: str, via: str = "[2001:db8::9:1]", body: str = "") -> Request:
    """Return a request with ``rows`` besides what each has."""
    lines = [
        f"{first} SIP/2.0",
        f"Via: SIP/2.0/UDP {via};branch=z9hG4bKv6",
        "From: sip:user@example.com;tag=81x2",
        "To: sip:user@example.com",
        "Call-ID: torture-v6",
        f"CSeq: 7 {first.partition(' ')[0]}",
        "Max-Forwards: 70",
        *rows,
        f"Content-Length: {len(body)}",
    ]
    message = parse_message("\r\n".join([*lines, "", body]).encode())
    assert isinstance(message, Request)
    check_new_request(message)
    return message


def test_4_1_a_reference_in_request_uri_via_and_contact() -> None:
    request = read("REGISTER sip:[2001:db8::10]", 'Contact: "Caller" <sip:caller@[2001:db8::1]>')
    assert Uri.parse(request.uri).host == "2001:db8::10"
    assert (request.via.host, request.via.port) == ("2001:db8::9:1", None)
    assert (request.contacts[0].uri.host, str(request.contacts[0].uri)) == ("2001:db8::1", "sip:caller@[2001:db8::1]")


def test_4_2_an_address_without_brackets_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="Request-URI") as caught:
        read("REGISTER sip:2001:db8::10")
    assert caught.value.status == 400


def test_4_3_a_port_inside_the_brackets_is_part_of_the_address() -> None:
    uri = Uri.parse("sip:[2001:db8::10:5070]")
    assert (uri.host, uri.port) == ("2001:db8::10:5070", None)


def test_4_4_a_port_outside_the_brackets_is_a_port() -> None:
    uri = Uri.parse("sip:[2001:db8::10]:5070")
    assert (uri.host, uri.port, str(uri)) == ("2001:db8::10", 5070, "sip:[2001:db8::10]:5070")


@pytest.mark.parametrize("received", ["[2001:db8::9:255]", "2001:db8::9:255"])
def test_4_5_received_is_read_with_brackets_and_without(received: str) -> None:
    via = read("OPTIONS sip:[2001:db8::10]", via=f"[2001:db8::9:1];received={received}").via
    assert via.received == "2001:db8::9:255"
    assert via.branch == "z9hG4bKv6"


def test_4_5_received_is_written_without_brackets() -> None:
    via = Via.parse("SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKv6").with_source("2001:db8::9:255", 5060)
    assert str(via) == "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKv6;received=2001:db8::9:255"


def test_4_6_and_4_8_addresses_in_a_session_description_stay_as_they_are() -> None:
    body = "v=0\r\ns=\r\nt=0 0\r\nm=audio 1 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nc=IN IP6 2001:db8::1\r\n"
    request = read("INVITE sip:u@[2001:db8::10]", "Contact: <sip:c@[2001:db8::20]>", body=body)
    assert request.body == body.encode()


def test_4_7_a_list_of_via_mixes_both_kinds() -> None:
    request = read(
        "BYE sip:user@host.example.net",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKb",
        "Via: SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bKc;received=192.0.2.200",
        via="[2001:db8::9:1]:6050",
    )
    vias = [Via.parse(text) for text in request.values("Via")]
    assert [(via.host, via.port) for via in vias] == [
        ("2001:db8::9:1", 6050),
        ("192.0.2.1", None),
        ("2001:db8::9:255", None),
    ]
    assert vias[2].received == "192.0.2.200"


def test_4_9_an_ipv4_address_mapped_into_ipv6() -> None:
    request = read(
        "INVITE sip:user@example.com",
        'Contact: "T. desk phone" <sip:ted@[::ffff:192.0.2.2]>',
        via="[::ffff:192.0.2.10]:19823",
    )
    assert (request.via.host, request.via.port) == ("::ffff:192.0.2.10", 19823)
    assert request.contacts == [NameAddr.parse('"T. desk phone" <sip:ted@[::ffff:192.0.2.2]>')]


def test_4_10_the_colon_too_many_of_the_old_grammar_is_passed_over() -> None:
    assert str(Uri.parse("sip:user@[2001:db8:::192.0.2.1]")) == "sip:user@[2001:db8::192.0.2.1]"
    assert str(Uri.parse("sip:user@[2001:db8::192.0.2.1]")) == "sip:user@[2001:db8::192.0.2.1]"


@pytest.mark.parametrize("host", ["[::::1]", "[1:2:3]", "[]", "[::1", "[fe80::1%eth0]", "[1::2::3]", "[12345::]"])
def test_what_is_no_address_between_the_brackets_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="IPv6"):
        Uri.parse(f"sip:user@{host}")
