"""Messages that two readers could read differently, or that carry more than they show: refused, or read one way only.

What is refused is answered 400 where an answer has somewhere to go; nothing of it reaches the transaction user.
"""

from __future__ import annotations

import pytest

from sip.stack.addresses import is_sendable
from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.events import RequestReceived
from sip.stack.flow import Flow
from sip.stack.framing import StreamFramer
from sip.stack.limits import HEAD_BYTES_MAX, HEADERS_MAX, MESSAGE_BYTES_MAX, SEPARATORS_MAX, VALUES_MAX
from sip.stack.message import Request, parse_message
from tests.sip.wire import ALICE, BOB, tokens

INVITE = (
    b"INVITE sip:bob@192.0.2.2 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: x@y\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def changed(old: bytes, new: bytes) -> bytes:
    assert INVITE.count(old) == 1
    return INVITE.replace(old, new)


def with_row(row: bytes) -> bytes:
    return changed(b"Contact:", row + b"\r\nContact:")


def taken(data: bytes) -> tuple[list[Request], list[int]]:
    """Return the requests told and the statuses sent for one datagram."""
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    endpoint.receive_datagram(data, Flow("UDP", BOB, ALICE), 0.0)
    told: list[Request] = []
    event = endpoint.next_event()
    while event is not None:
        if isinstance(event, RequestReceived):
            told.append(event.request)
        event = endpoint.next_event()
    return told, [int(reply[8:11]) for _, reply in endpoint.messages_to_send()]


def cut(data: bytes) -> tuple[list[bytes], int]:
    """Return the messages a stream gives, and the status it ends on, 0 when it goes on."""
    framer = StreamFramer()
    try:
        messages = framer.feed(data)
    except RemoteProtocolError:
        messages = []
    return messages, framer.failure.status if framer.failure is not None else 0


REFUSED = {
    "two Content-Lengths that differ": changed(b"Content-Length: 4", b"Content-Length: 4\r\nContent-Length: 0"),
    "two Content-Lengths that agree": changed(b"Content-Length: 4", b"Content-Length: 4\r\nContent-Length: 4"),
    "Content-Length long and short": changed(b"Content-Length: 4", b"Content-Length: 4\r\nl: 0"),
    "Content-Length with a sign": changed(b"Content-Length: 4", b"Content-Length: +4"),
    "Content-Length below nothing": changed(b"Content-Length: 4", b"Content-Length: -1"),
    "Content-Length in hexadecimal": changed(b"Content-Length: 4", b"Content-Length: 0x4"),
    "Content-Length as a list": changed(b"Content-Length: 4", b"Content-Length: 4, 4"),
    "Content-Length in other digits": changed(b"Content-Length: 4", "Content-Length: ٤".encode()),
    "Content-Length with a blank inside": changed(b"Content-Length: 4", b"Content-Length: 0 4"),
    "Content-Length too large for a number": changed(b"Content-Length: 4", b"Content-Length: " + b"9" * 30),
    "Content-Length of more than came": changed(b"Content-Length: 4", b"Content-Length: 5"),
    "NUL in a value": with_row(b"Subject: a\0b"),
    "NUL in a name": with_row(b"Sub\0ject: a"),
    "NUL in the first line": changed(b"sip:bob@192.0.2.2 ", b"sip:bob\0@192.0.2.2 "),
    "bare CR in a value": with_row(b"Subject: a\rX-Smuggled: b"),
    "bare LF in a value": with_row(b"Subject: a\nX-Smuggled: b"),
    "LF instead of CRLF everywhere": INVITE.replace(b"\r\n", b"\n"),
    "CR before CRLF": with_row(b"Subject: a\r"),
    "no colon": with_row(b"Subject a"),
    "no name": with_row(b": a"),
    "a name of blanks": with_row(b"\x0b: a"),
    "a name with a blank inside": with_row(b"Sub ject: a"),
    "a name with bytes beyond ASCII": with_row("Sübject: a".encode()),
    "two From": with_row(b"From: <sip:mallory@example.com>;tag=1"),
    "two From, one short": with_row(b"f: <sip:mallory@example.com>;tag=1"),
    "two To": with_row(b"To: <sip:mallory@example.com>"),
    "two Call-ID": with_row(b"i: another"),
    "two CSeq": with_row(b"CSeq: 2 INVITE"),
    "two Max-Forwards": with_row(b"Max-Forwards: 70"),
    "CSeq of another method": changed(b"CSeq: 1 INVITE", b"CSeq: 1 BYE"),
    "CSeq beyond 2**31": changed(b"CSeq: 1 ", b"CSeq: 2147483648 "),
    "CSeq beyond 2**32": changed(b"CSeq: 1 ", b"CSeq: 4294967297 "),
    "CSeq below nothing": changed(b"CSeq: 1 ", b"CSeq: -1 "),
    "CSeq of 300 digits": changed(b"CSeq: 1 ", b"CSeq: " + b"1" * 300 + b" "),
    "Max-Forwards beyond 255": changed(b"Max-Forwards: 70", b"Max-Forwards: 256"),
    "Max-Forwards of 300 digits": changed(b"Max-Forwards: 70", b"Max-Forwards: " + b"7" * 300),
    "Expires of 300 digits": with_row(b"Expires: " + b"7" * 300),
    "a port beyond 65535": changed(b"192.0.2.1:5060;branch", b"192.0.2.1:65536;branch"),
    "port 0": changed(b"192.0.2.1:5060;branch", b"192.0.2.1:0;branch"),
    "a quote left open": changed(b"From: <", b'From: "Alice <'),
    "a bracket left open": changed(b"From: <sip:alice@example.com>", b"From: <sip:alice@example.com"),
    "two tags in From": changed(b";tag=1", b";tag=1;tag=2"),
    "an address in an address": changed(b"<sip:alice@example.com>", b"<sip:alice@example.com<sip:mallory@b>>"),
    "a Request-URI in brackets": changed(b"INVITE sip:bob@192.0.2.2 ", b"INVITE <sip:bob@192.0.2.2> "),
    "blanks in the Request-URI": changed(b"INVITE sip:bob@192.0.2.2 ", b"INVITE sip:bob@192.0.2.2 x "),
    "a first line without version": changed(b" SIP/2.0\r\nVia", b"\r\nVia"),
    "a line break in an escaped URI header": changed(b"<sip:alice@192.0.2.1>", b"<sip:alice@192.0.2.1\r>"),
    "two Contacts in an INVITE": changed(b"Contact: <", b"Contact: <sip:c@d>, <"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_be_read_two_ways_is_refused_and_reaches_nobody(name: str) -> None:
    told, statuses = taken(REFUSED[name])
    assert told == []
    assert statuses in ([400], [])


@pytest.mark.parametrize("name", [name for name in REFUSED if name.startswith("Content-Length")])
def test_over_a_stream_a_length_that_is_no_number_ends_it(name: str) -> None:
    if name == "Content-Length of more than came":
        return  # Over a stream the rest is still to come.
    messages, status = cut(REFUSED[name])
    assert (messages, status) == ([], 400)


@pytest.mark.parametrize("name", ["two Content-Lengths that differ", "Content-Length long and short"])
def test_over_a_stream_two_lengths_that_differ_end_it_before_a_second_message_can_be_smuggled(name: str) -> None:
    messages, status = cut(REFUSED[name] + INVITE)
    assert (messages, status) == ([], 400)


def test_the_version_is_another_sip() -> None:
    told, statuses = taken(changed(b" SIP/2.0\r\nVia", b" SIP/3.0\r\nVia"))
    assert (told, statuses) == ([], [505])


READ_ONE_WAY = {
    "a blank before the colon": (with_row(b"Subject : a"), "Subject", "a"),
    "a tab before the colon": (with_row(b"Subject\t: a"), "Subject", "a"),
    "a folded row": (with_row(b"Subject: a\r\n b"), "Subject", "a b"),
    "a folded row with a tab": (with_row(b"Subject: a\r\n\tb"), "Subject", "a b"),
    "a folded row that looks like a row": (with_row(b"Subject: a\r\n X-Smuggled: b"), "X-Smuggled", None),
    "a row that looks like the end of another": (with_row(b"X-One: a\\r\\nX-Smuggled: b"), "X-Smuggled", None),
    "an escaped line break in a URI": (with_row(b"X-One: <sip:a@b?X-Smuggled=%0d%0a>"), "X-Smuggled", None),
    "a name in other letters": (with_row(b"sUBJECT: a"), "Subject", "a"),
    "bytes that are no UTF-8": (with_row(b"Subject: \xff\xfe"), "Subject", "\udcff\udcfe"),
    "an overlong NUL": (with_row(b"Subject: a\xc0\x80b"), "Subject", "a\udcc0\udc80b"),
    "half a surrogate pair": (with_row(b"Subject: \xed\xa0\x80"), "Subject", "\udced\udca0\udc80"),
    "a line separator of Unicode": (with_row("Subject: a\u2028b".encode()), "Subject", "a\u2028b"),
    "a vertical tab": (with_row(b"Subject: a\x0bX-Smuggled: b"), "X-Smuggled", None),
    "a form feed": (with_row(b"Subject: a\x0cX-Smuggled: b"), "X-Smuggled", None),
}


@pytest.mark.parametrize("name", READ_ONE_WAY)
def test_what_is_odd_and_allowed_is_read_in_one_way_and_written_so_that_nobody_reads_another(name: str) -> None:
    data, header, value = READ_ONE_WAY[name]
    [request], statuses = taken(data)
    assert (request.get(header), statuses) == (value, [])
    again = parse_message(bytes(request))
    assert again.get(header) == value
    assert [row for row, _ in again.headers] == [row for row, _ in request.headers]


def test_what_follows_the_body_of_a_datagram_is_no_message() -> None:
    told, statuses = taken(INVITE + INVITE.replace(b"a1", b"a2"))
    assert ([request.body for request in told], statuses) == ([b"v=0\n"], [])


def test_what_follows_the_body_on_a_stream_is_the_next_message_whatever_the_body_looks_like() -> None:
    inner = INVITE.replace(b"z9hG4bKa1", b"z9hG4bKinner")
    outer = changed(b"Content-Length: 4\r\n\r\nv=0\n", b"Content-Length: %d\r\n\r\n" % len(inner)) + inner
    messages, status = cut(outer + INVITE)
    assert (messages, status) == ([outer, INVITE], 0)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64])
def test_a_stream_cut_anywhere_gives_the_same_messages(step: int) -> None:
    data = b"\r\n" + INVITE + b"\r\n\r\n" + INVITE.replace(b"a1", b"a2") + INVITE.replace(b"a1", b"a3")
    framer = StreamFramer()
    messages = [message for at in range(0, len(data), step) for message in framer.feed(data[at : at + step])]
    assert messages == cut(data)[0]
    assert len(messages) == 3


def test_too_much_of_anything_is_refused() -> None:
    assert taken(with_row(b"X-Long: " + b"x" * HEAD_BYTES_MAX)) == ([], [513])
    assert taken(with_row(b"\r\n".join([b"X: y"] * HEADERS_MAX))) == ([], [513])
    assert taken(with_row(b"Route: " + b", ".join([b"<sip:r;lr>"] * (VALUES_MAX + 1)))) == ([], [400])
    assert cut(changed(b"Content-Length: 4", b"Content-Length: %d" % MESSAGE_BYTES_MAX))[1] == 513


def test_an_answer_repeats_nothing_of_the_error_that_could_be_read_as_rows() -> None:
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    endpoint.receive_datagram(with_row(b"Sub\x1bject\xff: a"), Flow("UDP", BOB, ALICE), 0.0)
    [(_, reply)] = endpoint.messages_to_send()
    first = reply.split(b"\r\n")[0]
    assert first.startswith(b"SIP/2.0 400 ")
    assert all(32 <= byte < 127 for byte in first)


@pytest.mark.parametrize("host", ["255.255.255.255", "224.0.0.1", "239.255.255.250", "0.0.0.0", "ff02::1", "::"])
def test_what_is_not_one_host_is_nowhere_to_send_to_and_answers_go_nowhere_else(host: str) -> None:
    """A source address can be forged: a response would be multiplied, or come back; the sockets refuse to send it."""
    assert not is_sendable((host, 5060))
    endpoint = Endpoint(EndpointConfig(tokens("t")))
    endpoint.receive_datagram(INVITE, Flow("UDP", BOB, (host, 5060)), 0.0)
    endpoint.receive_datagram(INVITE.replace(b"CSeq: 1", b"CSeq: x"), Flow("UDP", BOB, (host, 5060)), 0.0)
    endpoint.handle_timer(40.0)
    assert {flow.remote[0] for flow, _ in endpoint.messages_to_send()} == {host}


@pytest.mark.parametrize("separator", [b",", b";", b"<", b'"'])
def test_a_row_of_separators_alone_is_refused(separator: bytes) -> None:
    row = b"Contact: <sip:a@b>" + separator * (5 * SEPARATORS_MAX)
    told, statuses = taken(changed(b"Contact: <sip:alice@192.0.2.1>", row))
    assert (told, statuses) == ([], [400])


def test_maddr_and_received_of_a_request_aim_no_answer_at_anybody() -> None:
    for params in (b";maddr=203.0.113.7", b";received=203.0.113.7", b";rport=9;received=203.0.113.7"):
        endpoint = Endpoint(EndpointConfig(tokens("t")))
        endpoint.receive_datagram(INVITE.replace(b";rport", params), Flow("UDP", BOB, ALICE), 0.0)
        event = endpoint.next_event()
        assert isinstance(event, RequestReceived)
        endpoint.respond(event.tx, endpoint.make_response(event.request, 486), 0.0)
        assert [flow.remote[0] for flow, _ in endpoint.messages_to_send()] == [ALICE[0]]
