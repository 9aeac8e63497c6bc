"""Via, CSeq and addresses: text to value to text, and what is wrong when it is wrong."""

from __future__ import annotations

import pytest

from sip.stack.message import CSeq, NameAddr, Uri, Via
from sip.stack.message.grammar import split_outside
from sip.stack.message.name_addr import tag_of


@pytest.mark.parametrize(
    "text",
    [
        "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK87asdks7",
        "SIP/2.0/TCP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3-111",
        "SIP/2.0/UDP first.example.com:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1",
        "SIP/2.0/TLS erlang.bell-telephone.com;rport;branch=z9hG4bK87a",
        'SIP/2.0/UDP host;x="a b;c"',
    ],
)
def test_a_via_comes_back_as_written(text: str) -> None:
    assert str(Via.parse(text)) == text


def test_a_via_with_blanks_everywhere_is_read() -> None:
    via = Via.parse("SIP / 2.0 / udp  Host.Example : 5061 ; branch = z9hG4bKx ;rport")
    assert via == Via("UDP", "Host.Example", 5061, (("branch", "z9hG4bKx"), ("rport", None)))
    assert (via.branch, via.sent_by) == ("z9hG4bKx", "host.example:5061")


@pytest.mark.parametrize(
    ("text", "stamped"),
    [
        ("SIP/2.0/UDP 192.0.2.1;branch=x", "SIP/2.0/UDP 192.0.2.1;branch=x"),
        ("SIP/2.0/UDP 10.0.0.1;branch=x", "SIP/2.0/UDP 10.0.0.1;branch=x;received=192.0.2.1"),
        ("SIP/2.0/UDP 10.0.0.1;rport;branch=x", "SIP/2.0/UDP 10.0.0.1;rport=4444;branch=x;received=192.0.2.1"),
        ("SIP/2.0/UDP host;received=6.6.6.6;rport", "SIP/2.0/UDP host;rport=4444;received=192.0.2.1"),
    ],
)
def test_a_via_learns_where_the_request_came_from(text: str, stamped: str) -> None:
    assert str(Via.parse(text).with_source("192.0.2.1", 4444)) == stamped


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SIP/2.0/UDP ", "Via: no host in 'SIP/2.0/UDP '"),
        ("SIP/2.0/UDP", "no host"),
        ("SIP/3.0/UDP host", "not SIP/2.0"),
        ("HTTP/2.0/UDP host", "not SIP/2.0"),
        ("SIP/2.0/ host", "no transport|no host"),
        ("SIP/2.0/UDP ho~st", "no host"),
        ("SIP/2.0/UDP host:99999", "number too large"),
        ("SIP/2.0/UDP host;branch=a;branch=b", "parameter given twice"),
        ("SIP/2.0/UDP host;=b", "bad parameter"),
        ('SIP/2.0/UDP host;a="b', "unclosed quote"),
    ],
)
def test_a_bad_via_says_why(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Via.parse(text)


def test_a_cseq_comes_back_as_written() -> None:
    assert str(CSeq.parse("4711 INVITE")) == "4711 INVITE"
    assert CSeq.parse("0009  INVITE") == CSeq(9, "INVITE")
    assert CSeq.parse("2147483647 BYE").number == 2**31 - 1


@pytest.mark.parametrize("text", ["", "INVITE", "1", "1 INVITE x", "-1 INVITE", "2147483648 BYE", "1 IN/VITE", "١ BYE"])
def test_a_bad_cseq_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"CSeq|number"):
        CSeq.parse(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("<sip:a@b>;tag=x", NameAddr(Uri("sip", "a", "b"), "", (("tag", "x"),))),
        ("sip:a@b;tag=x", NameAddr(Uri("sip", "a", "b"), "", (("tag", "x"),))),
        ("<sip:a@b;lr>", NameAddr(Uri("sip", "a", "b", None, (("lr", None),)))),
        ("Alice Smith <sip:a@b>", NameAddr(Uri("sip", "a", "b"), "Alice Smith")),
        ('"A \\"B\\" <C>" <sip:a@b> ; q=0.5', NameAddr(Uri("sip", "a", "b"), 'A "B" <C>', (("q", "0.5"),))),
        ('"" <sip:a@b>', NameAddr(Uri("sip", "a", "b"))),
        ("*99 <sip:a@b>", NameAddr(Uri("sip", "a", "b"), "*99")),
        ('"back\\\\slash"<sip:a@b>', NameAddr(Uri("sip", "a", "b"), "back\\slash")),
    ],
)
def test_an_address_is_read_and_written(text: str, value: NameAddr) -> None:
    assert NameAddr.parse(text) == value
    assert NameAddr.parse(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        '"Alice <sip:a@b>',
        "<sip:a@b",
        "Alice, Bob <sip:a@b>",
        '"A" sip:a@b',
        "<sip:a@b>x",
        "<>",
        "",
        "<sip:a@b>;tag=a b",
    ],
)
def test_a_bad_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        NameAddr.parse(text)


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("<sip:a@b>;tag=x", "x"),
        ("sip:a@b;TAG = y", "y"),
        ('"x;tag=no" <sip:a@b;tag=no>', ""),
        ('<sip:a@b>;x="y;tag=no";tag=yes', "yes"),
        ("<sip:a@b>", ""),
        ("<sip:a@b>;stage=1", ""),
    ],
)
def test_a_tag_is_found_without_reading_the_rest(text: str, tag: str) -> None:
    assert tag_of(text) == tag
    assert NameAddr.parse(text).tag == tag


def test_a_parameter_is_found_by_its_name() -> None:
    address = NameAddr.parse("<sip:a@b>;tag=x;q=1")
    assert (address.param("q"), address.param("expires")) == ("1", None)


def test_lists_are_split_outside_quotes_and_brackets_only() -> None:
    row = '"a,b" <sip:x@y;p=1,2>;q="3,4" , sip:c@d'
    assert split_outside(row, ",") == ['"a,b" <sip:x@y;p=1,2>;q="3,4"', "sip:c@d"]


@pytest.mark.parametrize(
    "text", [",", '"' * 999 + ",", "<" * 999 + ",", '<,"' * 999, '"a",' * 513, "," * 30_000, '"",' * 2_000]
)
def test_splitting_hostile_text_ends(text: str) -> None:
    try:
        parts = split_outside(text, ",")
    except ValueError:
        return
    assert len(parts) <= 513


def test_a_quote_within_brackets_and_a_bracket_within_quotes_hide_nothing() -> None:
    assert split_outside('<sip:a"b>,"c<d",e', ",") == ['<sip:a"b>', '"c<d"', "e"]
