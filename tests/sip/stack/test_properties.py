"""For any message: written and read again it is the same; for any bytes: an answer or silence, nothing else."""

from __future__ import annotations

import string
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.framing import StreamFramer
from sip.stack.message import CSeq, NameAddr, Request, Response, Uri, Via, parse_message
from tests.sip.stack.test_parse import INVITE
from tests.sip.wire import ALICE, BOB, tokens

TOKEN = st.text(string.ascii_letters + string.digits + "-.!%*_+`'~", min_size=1, max_size=12)
HOST = st.sampled_from(["example.com", "192.0.2.1", "2001:db8::1", "a-b.c"])
PORT = st.none() | st.integers(1, 65535)
TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20)
VALUE = TEXT.map(str.strip)
PARAMS = st.lists(st.tuples(TOKEN.map(str.lower), st.none() | TEXT), max_size=4, unique_by=lambda pair: pair[0]).map(
    tuple
)
URIS = st.builds(
    Uri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=TEXT,
    host=HOST,
    port=PORT,
    params=st.lists(st.tuples(TOKEN.map(str.lower), st.none() | TEXT), max_size=3).map(tuple),
    headers=st.lists(st.tuples(TOKEN, TEXT), max_size=2).map(tuple),
)
ROWS = st.lists(st.tuples(st.sampled_from(["Subject", "X-Own", "Contact", "Route"]), VALUE), max_size=5)
NEEDED = [
    ("Via", "SIP/2.0/UDP h;branch=z9hG4bKx"),
    ("From", "<sip:a@b>;tag=1"),
    ("To", "<sip:c@d>"),
    ("Call-ID", "1"),
]


@given(URIS)
def test_any_uri_survives(uri: Uri) -> None:
    assert Uri.parse(str(uri)) == uri


@given(st.builds(NameAddr, uri=URIS, display_name=TEXT, params=PARAMS))
def test_any_address_survives(address: NameAddr) -> None:
    assert NameAddr.parse(str(address)) == address


@given(st.builds(Via, transport=st.sampled_from(["UDP", "TCP", "WSS"]), host=HOST, port=PORT, params=PARAMS))
def test_any_via_survives(via: Via) -> None:
    assert Via.parse(str(via)) == via


@given(st.builds(CSeq, number=st.integers(0, 2**31 - 1), method=TOKEN))
def test_any_cseq_survives(cseq: CSeq) -> None:
    assert CSeq.parse(str(cseq)) == cseq


@given(TOKEN.filter(lambda name: not name.upper().startswith("SIP")), URIS, ROWS, st.binary(max_size=50))
def test_any_request_survives(method: str, uri: Uri, rows: list[tuple[str, str]], body: bytes) -> None:
    request = Request(method, str(uri), [*NEEDED, ("CSeq", f"1 {method}"), *rows], body)
    read = parse_message(bytes(request))
    read.remove("Content-Length")
    assert read == request


@given(st.integers(100, 699), VALUE, ROWS, st.binary(max_size=50))
def test_any_response_survives(status: int, reason: str, rows: list[tuple[str, str]], body: bytes) -> None:
    response = Response(status, reason, [*NEEDED, ("CSeq", "1 INVITE"), *rows], body)
    read = parse_message(bytes(response))
    read.remove("Content-Length")
    assert read == response


def feed(data: bytes) -> None:
    """Give bytes to everything that takes bytes from a peer."""
    with suppress(RemoteProtocolError):
        parse_message(data)
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    endpoint.receive_datagram(data, Flow("UDP", BOB, ALICE), 0.0)
    endpoint.receive_message(data, Flow("TCP", BOB, ALICE, 1), 0.0)
    framer = StreamFramer()
    with suppress(RemoteProtocolError):
        for message in framer.feed(data):
            endpoint.receive_message(message, Flow("TCP", BOB, ALICE, 1), 0.0)


@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_remote_protocol_error(data: bytes) -> None:
    feed(data)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, len(INVITE) - 1), st.integers(0, 3), st.binary(max_size=3)), max_size=6))
def test_a_damaged_invite_raises_nothing_but_remote_protocol_error(cuts: list[tuple[int, int, bytes]]) -> None:
    data = INVITE
    for at, length, put in cuts:
        data = data[:at] + put + data[at + length :]
    feed(data)


@given(
    st.sampled_from(["Via", "From", "To", "Contact", "Route", "Record-Route", "CSeq", "Expires", "Max-Forwards"]), TEXT
)
def test_any_text_in_any_row_raises_nothing_but_remote_protocol_error(name: str, text: str) -> None:
    feed(INVITE.replace(b"Contact:", f"{name}: {text}\r\nContact:".encode()))
    rows = [row for row in INVITE.split(b"\r\n") if not row.startswith(name.encode() + b":")]
    feed(b"\r\n".join([rows[0], f"{name}: {text}".encode(), *rows[1:]]))
