"""Cutting a stream into messages, whatever the pieces it comes in."""

from __future__ import annotations

import pytest

from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.framing import StreamFramer
from sip.stack.limits import FRAMER_PINGS_MAX, HEAD_BYTES_MAX
from tests.sip.stack.test_parse import INVITE
from tests.sip.wire import ALICE, BOB, tokens

SHORT = INVITE.replace(b"Content-Length: 4", b"l : 0").removesuffix(b"v=0\n")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_messages_come_out_whole_whatever_the_pieces(size: int) -> None:
    stream = INVITE + SHORT + b"\r\n\r\n" + INVITE + b"\r\n" + SHORT
    framer = StreamFramer()
    out: list[bytes] = []
    for start in range(0, len(stream), size):
        out += framer.feed(stream[start : start + size])
    assert out == [INVITE, SHORT, INVITE, SHORT]


def test_a_ping_is_counted_once_and_a_pong_is_not() -> None:
    framer = StreamFramer()
    assert framer.feed(b"\r\n\r\n") == []
    assert framer.pongs == 1
    framer.pongs = 0
    assert framer.feed(b"\r\n") == []
    assert framer.pongs == 0
    assert framer.feed(INVITE) == [INVITE]


def test_a_ping_in_pieces_is_a_ping() -> None:
    framer = StreamFramer()
    for piece in (b"\r", b"\n\r", b"\n"):
        assert framer.feed(piece) == []
    assert framer.pongs == 1


def test_a_flood_of_pings_earns_a_bounded_number_of_pongs() -> None:
    framer = StreamFramer()
    framer.feed(b"\r\n\r\n" * 10_000)
    assert framer.pongs == FRAMER_PINGS_MAX


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"a" * (HEAD_BYTES_MAX + 1), 513),
        (b"a" * (HEAD_BYTES_MAX + 1) + b"\r\n\r\n", 513),
        (INVITE.replace(b"Content-Length: 4", b"Content-Length: 65535"), 513),
        (INVITE.replace(b"Content-Length: 4", b"Content-Length: 65536"), 400),
        (INVITE.replace(b"Content-Length: 4", b"Content-Length: x"), 400),
        (INVITE.replace(b"Content-Length: 4\r\n", b""), 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ],
)
def test_a_stream_that_cannot_be_cut_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        StreamFramer().feed(data)
    assert caught.value.status == status


def test_a_large_message_in_small_pieces_is_scanned_once() -> None:
    body = b"x" * 60_000
    message = INVITE.replace(b"Content-Length: 4", b"Content-Length: 60000").removesuffix(b"v=0\n") + body
    framer = StreamFramer()
    out: list[bytes] = []
    for start in range(0, len(message), 10):
        out += framer.feed(message[start : start + 10])
    assert out == [message]


def test_messages_before_a_bad_place_come_out_and_then_the_stream_fails_for_good() -> None:
    framer = StreamFramer()
    bad = INVITE.replace(b"Content-Length: 4", b"Content-Length: 65535")
    assert framer.feed(INVITE + bad) == [INVITE]
    assert framer.failure is not None
    for data in (b"", INVITE):
        with pytest.raises(RemoteProtocolError, match="Too Large"):
            framer.feed(data)


def test_what_the_framer_refuses_the_endpoint_answers() -> None:
    framer = StreamFramer()
    endpoint = Endpoint(EndpointConfig(tokens("b")))
    flow = Flow("TCP", BOB, ALICE, 1)
    with pytest.raises(RemoteProtocolError) as caught:
        framer.feed(INVITE.replace(b"Content-Length: 4", b"Content-Length: 65535"))
    endpoint.refuse(caught.value, flow)
    [(target, data)] = endpoint.messages_to_send()
    assert (target, data[:11]) == (flow, b"SIP/2.0 513")
    with pytest.raises(RemoteProtocolError) as hopeless:
        StreamFramer().feed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    endpoint.refuse(hopeless.value, flow)
    assert endpoint.messages_to_send() == []
