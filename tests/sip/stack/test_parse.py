"""Messages: what is read, what is written, and what is refused."""

from __future__ import annotations

import pytest

from sip.stack.errors import LocalProtocolError, RemoteProtocolError
from sip.stack.limits import HEAD_BYTES_MAX, HEADERS_MAX, MESSAGE_BYTES_MAX, VALUES_MAX
from sip.stack.message import NameAddr, Request, Response, parse_message
from sip.stack.message.parse import parse_head

INVITE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1\r\n"
    b"From: Alice <sip:alice@example.com>;tag=1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: x@y\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.1>\r\n"
    b"Content-Length: 4\r\n"
    b"\r\n"
    b"v=0\n"
)


def read(data: bytes) -> Request:
    message = parse_message(data)
    assert isinstance(message, Request)
    return message


def with_rows(*rows: bytes) -> bytes:
    return INVITE.replace(b"Contact:", b"\r\n".join(rows) + b"\r\nContact:")


def test_a_request_is_read_and_written_back() -> None:
    request = read(INVITE)
    assert (request.method, request.uri, request.body) == ("INVITE", "sip:bob@example.com", b"v=0\n")
    assert request.get("call-id") == "x@y"
    assert request.from_.display_name == "Alice"
    assert (request.from_tag, request.to_tag, request.cseq.number) == ("1", "", 1)
    assert bytes(request) == INVITE


def test_a_response_is_read_and_written_back() -> None:
    data = INVITE.replace(b"INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 183 In Arbeit, Ümläut".encode(), 1)
    response = parse_message(data)
    assert isinstance(response, Response)
    assert (response.status, response.reason) == (183, "In Arbeit, Ümläut")
    assert bytes(response) == data


def test_compact_and_odd_spellings_become_full_names() -> None:
    data = (
        b"OPTIONS sip:a@b SIP/2.0\r\nv: SIP/2.0/UDP h;branch=z9hG4bKx\r\nf: <sip:a@b>;tag=1\r\nT: <sip:c@d>\r\n"
        b"i: 7\r\ncSEQ:1   OPTIONS\r\nx-my-own : 5\r\nm:<sip:a@b>\r\nl:0\r\n\r\n"
    )
    names = [name for name, _ in read(data).headers]
    assert names == ["Via", "From", "To", "Call-ID", "CSeq", "X-My-Own", "Contact", "Content-Length"]


def test_folded_rows_are_unfolded() -> None:
    request = read(with_rows(b"Subject: I know you're there,", b" pick up the phone", b"\t  and talk to me!"))
    assert request.get("Subject") == "I know you're there, pick up the phone   and talk to me!"


def test_several_values_in_one_row_and_in_several_rows_are_one_list() -> None:
    data = with_rows(
        b"Route: <sip:p1;lr>, <sip:p2;lr>", b"Via: SIP/2.0/UDP second, SIP/2.0/UDP third", b"Route: <sip:p3>"
    )
    request = read(data)
    assert [str(route) for route in request.routes] == ["<sip:p1;lr>", "<sip:p2;lr>", "<sip:p3>"]
    assert len(request.values("Via")) == 3
    assert request.via.branch == "z9hG4bKa1"


def test_typed_views_of_lists_and_numbers() -> None:
    request = read(with_rows(b"Expires: 300", b"Max-Forwards: 70", b"Record-Route: <sip:p;lr>"))
    assert request.contacts == [NameAddr.parse("<sip:alice@192.0.2.1>")]
    assert (request.expires, request.max_forwards, len(request.record_routes)) == (300, 70, 1)
    assert read(INVITE).expires is None


def test_contact_star_is_told_apart() -> None:
    request = read(INVITE.replace(b"<sip:alice@192.0.2.1>", b"*"))
    assert (request.contact_is_star, request.contacts) == (True, [])


def test_line_breaks_before_the_start_line_are_passed_over() -> None:
    assert read(b"\r\n\r\n" + INVITE) == read(INVITE)


def test_bytes_beyond_content_length_are_cut_off() -> None:
    assert read(INVITE + b"surplus").body == b"v=0\n"


def test_without_content_length_the_datagram_is_the_body() -> None:
    assert read(INVITE.replace(b"Content-Length: 4\r\n", b"")).body == b"v=0\n"


def test_bytes_that_are_no_utf8_pass_through_unchanged() -> None:
    data = with_rows(b"Subject: caf\xe9")
    assert b"Subject: caf\xe9\r\n" in bytes(read(data))


@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (INVITE.replace(b"Content-Length: 4", b"Content-Length: 5"), 400, "body is shorter"),
        (INVITE.replace(b"Content-Length: 4", b"Content-Length: -1"), 400, "not a number"),
        (INVITE.replace(b"Content-Length: 4", b"Content-Length: 99999999"), 400, "number too large"),
        (with_rows(b"Content-Length: 4"), 400, "Content-Length given twice"),
        (with_rows(b"From: <sip:x@y>"), 400, "From given twice"),
        (with_rows(b"no colon here"), 400, "bad header row"),
        (with_rows(b"To"), 400, "bad header row"),
        (with_rows(b"bad name: 1"), 400, "bad header row"),
        (with_rows(b": 1"), 400, "bad header row"),
        (with_rows(b"Subject: a\nb"), 400, "control character"),
        (with_rows(b"Subject: a\rb"), 400, "control character"),
        (with_rows(b"Subject: a\0b"), 400, "control character"),
        (with_rows(b'X-Own: "\\\0" \0'), 400, "control character"),
        (INVITE.replace(b"\r\n\r\n", b"\r\n"), 400, "no empty line"),
        (INVITE.replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n", 1), 505, "Version"),
        (INVITE.replace(b" SIP/2.0\r\n", b"\r\n", 1), 400, "bad request line"),
        (INVITE.replace(b"sip:bob@example.com SIP", b"sip:bob@exam ple.com SIP"), 400, "bad Request-URI"),
        (INVITE.replace(b"sip:bob@example.com SIP", b"<sip:bob@example.com> SIP"), 400, "bad Request-URI"),
        (INVITE.replace(b"1 INVITE", b"1 OPTIONS"), 400, "another method"),
        (INVITE.replace(b"1 INVITE", b"4294967296 INVITE"), 400, "number too large"),
        (with_rows(*[b"X: 1"] * HEADERS_MAX), 513, "Too Large"),
        (with_rows(b"X: " + b"a" * HEAD_BYTES_MAX), 513, "Too Large"),
        (INVITE + b"a" * MESSAGE_BYTES_MAX, 513, "Too Large"),
    ],
)
def test_a_bad_request_is_refused_with_its_answer(data: bytes, status: int, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason) as caught:
        parse_message(data)
    assert caught.value.status == status
    head = caught.value.request_head
    assert head is not None
    assert head.call_id == "x@y"


@pytest.mark.parametrize("name", [b"From", b"To", b"Call-ID"])
def test_a_request_without_what_every_message_has_can_still_be_answered(name: bytes) -> None:
    rows = [row for row in INVITE.split(b"\r\n") if not row.startswith(name + b":")]
    with pytest.raises(RemoteProtocolError, match=f"no {name.decode()}") as caught:
        parse_message(b"\r\n".join(rows))
    assert caught.value.request_head is not None
    assert caught.value.request_head.get(name.decode()) is None
    assert caught.value.request_head.via.branch == "z9hG4bKa1"


@pytest.mark.parametrize("name", [b"Via", b"CSeq"])
def test_a_request_without_what_an_answer_needs_is_beyond_an_answer(name: bytes) -> None:
    rows = [row for row in INVITE.split(b"\r\n") if not row.startswith(name + b":")]
    with pytest.raises(RemoteProtocolError, match=f"no {name.decode()}") as caught:
        parse_message(b"\r\n".join(rows))
    assert caught.value.request_head is None


@pytest.mark.parametrize("line", [b"SIP/2.0 99 x", b"SIP/2.0 700 x", b"SIP/2.0 2000 OK", b"SIP/2.0 abc x", b"SIP/2.0 "])
def test_a_bad_response_is_beyond_an_answer(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(INVITE.replace(b"INVITE sip:bob@example.com SIP/2.0", line, 1))
    assert caught.value.request_head is None


def test_a_bad_ack_is_beyond_an_answer() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_message(INVITE.replace(b"INVITE", b"ACK").replace(b"Content-Length: 4", b"Content-Length: 5"))
    assert caught.value.request_head is None


def test_too_many_values_of_a_list_are_refused() -> None:
    request = read(with_rows(b"Route: " + b",".join([b"<sip:p>"] * (VALUES_MAX + 1))))
    with pytest.raises(RemoteProtocolError, match="129 values, 128 at most"):
        _ = request.routes


def test_typed_views_refuse_bad_text() -> None:
    request = read(with_rows(b"Expires: soon", b"Route: <sip:p"))
    for name in ("expires", "routes"):
        with pytest.raises(RemoteProtocolError):
            getattr(request, name)


def test_rows_are_set_added_and_removed() -> None:
    request = read(with_rows(b"Subject: a", b"Subject: b"))
    request.set("subject", "c")
    assert request.get_all("Subject") == ["c"]
    request.set("Expires", "5")
    request.add("x-own", "1")
    request.prepend("Via", "SIP/2.0/UDP new;branch=z9hG4bKn")
    assert (request.expires, request.get("X-Own"), request.via.branch) == (5, "1", "z9hG4bKn")
    request.remove("Subject")
    assert request.get("Subject") is None


def test_a_line_break_in_a_row_of_ours_is_our_mistake() -> None:
    request = read(INVITE)
    request.set("Subject", "a\r\nEvil: 1")
    with pytest.raises(LocalProtocolError, match="line break"):
        bytes(request)


def test_a_nul_may_stand_where_a_backslash_quotes_it() -> None:
    assert read(INVITE.replace(b"Alice <", b'"NUL:\\\0" <')).from_.display_name == "NUL:\0"


def test_a_head_can_be_read_without_its_body() -> None:
    head = INVITE.partition(b"\r\n\r\n")[0]
    assert parse_head(head + b"\r\n\r\n").call_id == "x@y"


def test_messages_are_equal_by_content() -> None:
    assert read(INVITE) == read(INVITE)
    assert read(INVITE) != read(INVITE.replace(b"v=0\n", b"v=1\n"))
    assert Response(200, "OK") == Response(200, "OK")
    assert Response(200, "OK") != Response(201, "OK")
    assert (Response(200, "OK") == 5, read(INVITE) == 5) == (False, False)
    assert (repr(Response(200, "OK")), repr(read(INVITE))) == (
        "<Response 200 OK>",
        "<Request INVITE sip:bob@example.com>",
    )
    assert len({read(INVITE), read(INVITE)}) == 2
