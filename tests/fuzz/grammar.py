"""Hypothesis strategies after RFC 3261 §25: messages that are valid, in all the spellings that the grammar allows."""

from __future__ import annotations

import string
from dataclasses import dataclass

from hypothesis import strategies as st

TOKEN = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=10)
METHOD = TOKEN.filter(lambda name: not name.upper().startswith("SIP"))
WORD = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~()<>:\\\"/[]?{}", min_size=1, max_size=12)
HOST = st.sampled_from(["example.com", "a-b.c.example", "192.0.2.1", "[2001:db8::1]", "localhost"])
PORT = st.sampled_from(["", ":5060", ":1", ":65535"])
USER = st.text(string.ascii_letters + string.digits + "-_.!~*'()&=+$,;?/", min_size=1, max_size=10)
BLANK = st.sampled_from(["", " ", "  ", "\t", "\r\n ", " \r\n\t"])
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20).map(str.strip)
QUOTED = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12).map(
    lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
)
GENERIC = st.builds(lambda name, value: f";{name}{value}", TOKEN, st.one_of(st.just(""), TOKEN.map("={}".format)))
GENERICS = st.lists(GENERIC, max_size=3, unique_by=lambda text: text[1:].partition("=")[0].lower()).map("".join)
_RESERVED = {"tag", "branch", "rport", "received", "maddr", "ttl", "expires", "q", "lr", "oc", "alias"}
PARAMS = GENERICS.filter(
    lambda text: _RESERVED.isdisjoint(part.partition("=")[0].lower() for part in text.split(";") if part)
)


@st.composite
def uris(draw: st.DrawFn) -> str:
    """A SIP or SIPS URI."""
    scheme = draw(st.sampled_from(["sip", "sips", "SIP"]))
    user = draw(st.one_of(st.just(""), USER.map("{}@".format)))
    return f"{scheme}:{user}{draw(HOST)}{draw(PORT)}{draw(PARAMS)}"


@st.composite
def addresses(draw: st.DrawFn, tag: str = "") -> str:
    """A name-addr, with a display name of either kind or none."""
    display = draw(st.one_of(st.just(""), TOKEN.map("{} ".format), QUOTED.map("{} ".format), QUOTED))
    mark = f"{draw(BLANK)};{draw(BLANK)}tag={tag}" if tag else ""
    return f"{display}<{draw(uris())}>{mark}{draw(PARAMS)}"


@st.composite
def vias(draw: st.DrawFn) -> str:
    """A Via value."""
    protocol = draw(st.sampled_from(["SIP/2.0/UDP", "SIP/2.0/TCP", "SIP / 2.0 / TLS", "sip/2.0/WSS", "SIP/2.0/SCTP"]))
    return f"{protocol} {draw(HOST)}{draw(PORT)};branch=z9hG4bK{draw(TOKEN)}{draw(PARAMS)}"


@dataclass(frozen=True)
class Made:
    """A valid message, and what a reader must find in it."""

    data: bytes
    first: str
    call_id: str
    number: int
    method: str
    from_tag: str
    to_tag: str
    vias: int
    body: bytes


_NAMES = {
    "Via": ["Via", "v", "VIA", "via"],
    "From": ["From", "f", "FROM"],
    "To": ["To", "t", "TO"],
    "Call-ID": ["Call-ID", "i", "call-id"],
    "CSeq": ["CSeq", "CSEQ", "cseq"],
    "Contact": ["Contact", "m"],
    "Content-Length": ["Content-Length", "l", "CONTENT-LENGTH"],
    "Max-Forwards": ["Max-Forwards", "max-forwards"],
}


@st.composite
def messages(draw: st.DrawFn, *, stream: bool = False) -> Made:
    """A request or response with its rows in any order; ``stream`` wants a Content-Length."""
    method = draw(st.one_of(st.sampled_from(["INVITE", "BYE", "OPTIONS", "REGISTER", "MESSAGE"]), METHOD))
    number, call_id = draw(st.integers(0, 2**31 - 1)), draw(WORD)
    from_tag, to_tag = draw(TOKEN), draw(st.one_of(st.just(""), TOKEN))
    body = draw(st.binary(max_size=40))
    via_rows = draw(st.lists(st.lists(vias(), min_size=1, max_size=2), min_size=1, max_size=3))
    rows = [
        ("From", draw(addresses(from_tag))),
        ("To", draw(addresses(to_tag))),
        ("Call-ID", call_id),
        ("CSeq", f"{number}{draw(st.sampled_from([' ', '  ', chr(9)]))}{method}"),
        ("Contact", draw(addresses())),
        *[("Via", ", ".join(row)) for row in via_rows],
        *draw(st.lists(st.tuples(st.sampled_from(["Subject", "X-Own", "Organization"]), TEXT), max_size=3)),
    ]
    if stream or draw(st.booleans()):
        rows.append(("Content-Length", str(len(body))))
    order = draw(st.permutations(range(len(rows))))
    first = f"{method} {draw(uris())} SIP/2.0"
    if draw(st.booleans()):
        first = f"SIP/2.0 {draw(st.integers(100, 699))} {draw(TEXT)}"
    lines = [first]
    for at in order:
        name, value = rows[at]
        spelt = draw(st.sampled_from(_NAMES.get(name, [name])))
        lines.append(f"{spelt}{draw(st.sampled_from(['', ' ', chr(9)]))}:{draw(BLANK)}{value}")
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return Made(data, first, call_id, number, method, from_tag, to_tag, sum(map(len, via_rows)), body)
