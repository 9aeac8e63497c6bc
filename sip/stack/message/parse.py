"""From bytes to a message: start line, rows, body, and what no message may lack (RFC 3261 §7, §8.1.1, §18.3)."""

from __future__ import annotations

import re
from typing import Final

from sip.stack.errors import RemoteProtocolError
from sip.stack.limits import HEAD_BYTES_MAX, HEADERS_MAX, MESSAGE_BYTES_MAX
from sip.stack.message.cseq import CSeq
from sip.stack.message.grammar import TOKEN_CHARS, parse_digits
from sip.stack.message.message import Headers, Request, Response
from sip.stack.message.names import CANONICAL, canonical_name
from sip.stack.message.scan import IS_FAST, scan

_URI_BREAKERS: Final = frozenset('<>" \t')
_ONCE: Final = ("From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards")


def parse_message(data: bytes) -> Request | Response:
    """Read one whole message; what follows the body by Content-Length is cut off.

    Raises:
        RemoteProtocolError: the bytes are no message; its ``status`` is the answer, its ``request_head`` what to
            answer to (``None`` when that could not be recovered, or the message is a response or an ACK).
    """
    if len(data) > MESSAGE_BYTES_MAX:
        raise RemoteProtocolError("Message Too Large", 513, recover_head(data[:HEAD_BYTES_MAX]))
    start = 0
    if data[:2] == b"\r\n":
        start = len(data) - len(data.lstrip(b"\r\n"))
    end = data.find(b"\r\n\r\n", start)
    try:
        if end < 0:
            raise RemoteProtocolError("no empty line after the headers")
        if end - start > HEAD_BYTES_MAX:
            raise RemoteProtocolError("Message Too Large", 513)
        return _parse(data[start:end], data[end + 4 :])
    except RemoteProtocolError as error:
        error.request_head = recover_head(data[start : end if end >= 0 else None][:HEAD_BYTES_MAX])
        raise


def parse_head(data: bytes) -> Request | Response:
    """Read a message whose body may have been left out; what there is of it is dropped.

    Raises:
        RemoteProtocolError: the bytes are no message.
    """
    head, _, _ = data.partition(b"\r\n\r\n")
    return _parse_rows_and_line(head)


def _parse(head: bytes, rest: bytes) -> Request | Response:
    message = _parse_rows_and_line(head)
    message.body = _cut_body(message._first.get("Content-Length"), rest)
    return message


def _parse_rows_and_line(head: bytes) -> Request | Response:
    scanned = scan(head, HEADERS_MAX - 1) if IS_FAST else None
    first, headers, index = scanned if scanned is not None else split_head(head)
    message: Request | Response
    if first[:8].upper() == "SIP/2.0 ":
        message = _parse_status_line(first)
    else:
        message = _parse_request_line(first)
    message.headers = headers
    message._first = index
    message._first_rows = len(headers)
    _check_rows(message, index)
    return message


def split_head(data: bytes) -> tuple[str, Headers, dict[str, str]]:
    """Return first line, rows, and the first row of each name; for what ``scan`` leaves, and where it is slow.

    Raises:
        RemoteProtocolError: 400 for a control character or a row that is none, 513 for too many rows.
    """
    head = data.decode("utf-8", "surrogateescape")
    if "\r\n " in head or "\r\n\t" in head:
        head = head.replace("\r\n ", " ").replace("\r\n\t", " ")
    lines = head.split("\r\n")
    breaks = len(lines) - 1
    if head.count("\n") != breaks or head.count("\r") != breaks or ("\0" in head and not _nuls_are_quoted(head)):
        raise RemoteProtocolError("control character in the headers")
    if len(lines) > HEADERS_MAX:
        raise RemoteProtocolError("Message Too Large", 513)
    first = lines[0]
    lines[0] = ""
    headers = _parse_rows(lines)
    return first, headers, dict(reversed(headers))


def _parse_rows(lines: list[str]) -> Headers:
    """Read the rows after the first line, which is given as ""."""
    headers: Headers = []
    known = CANONICAL
    for line in lines:
        name, colon, value = line.partition(":")
        full = known.get(name)
        if full is None:
            if not line:
                continue
            name = name.rstrip(" \t")
            if not colon or not name or not TOKEN_CHARS.issuperset(name):
                raise RemoteProtocolError(f"bad header row {line[:64]!r}")
            full = canonical_name(name)
        elif not colon:
            raise RemoteProtocolError(f"bad header row {line[:64]!r}")
        headers.append((full, value.strip(" \t")))
    return headers


def _nuls_are_quoted(head: str) -> bool:
    """Tell whether each NUL is the second half of a quoted-pair, the one place it may stand (RFC 3261 §25.1)."""
    return head.count("\0") == head.count("\\\0")


def _parse_status_line(line: str) -> Response:
    code = line[8:11]
    if len(code) != 3 or not code.isascii() or not code.isdigit() or line[11:12] not in ("", " "):
        raise RemoteProtocolError("bad status line")
    status = int(code)
    if not 100 <= status <= 699:
        raise RemoteProtocolError("bad status line")
    return Response(status, line[12:])


def _parse_request_line(line: str) -> Request:
    method, _, rest = line.partition(" ")
    uri, _, version = rest.rpartition(" ")
    if version.upper() != "SIP/2.0":
        if version[:4].upper() == "SIP/":
            raise RemoteProtocolError("Version Not Supported", 505)
        raise RemoteProtocolError("bad request line")
    if not method or not TOKEN_CHARS.issuperset(method):
        raise RemoteProtocolError("bad method")
    if ":" not in uri or not _URI_BREAKERS.isdisjoint(uri):
        raise RemoteProtocolError("bad Request-URI")
    return Request(method, uri)


def _check_rows(message: Request | Response, index: dict[str, str]) -> None:
    """Refuse a message without the rows every message has, or with two of what may come once."""
    for name in ("Via", "From", "To", "Call-ID", "CSeq"):
        if not index.get(name):
            raise RemoteProtocolError(f"no {name}")
    if len(index) != len(message.headers):
        names = [name for name, _ in message.headers]
        for name in _ONCE:
            if names.count(name) > 1:
                raise RemoteProtocolError(f"{name} given twice")
    try:
        message._cseq = CSeq.parse(index["CSeq"])
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error
    if isinstance(message, Request) and message._cseq.method != message.method:
        raise RemoteProtocolError("CSeq: another method than the request's")


def _cut_body(length: str | None, rest: bytes) -> bytes:
    """Return the body: all that came without Content-Length, else that much (RFC 3261 §18.3)."""
    if length is None:
        return rest
    try:
        size = parse_digits(length, MESSAGE_BYTES_MAX)
    except ValueError as error:
        raise RemoteProtocolError(f"Content-Length: {error}") from error
    if size > len(rest):
        raise RemoteProtocolError("Content-Length: body is shorter")
    return rest if size == len(rest) else rest[:size]


def recover_head(data: bytes) -> Request | None:
    """Return as much of a bad request as an answer needs; ``None`` when its Via or CSeq is not there.

    Rows that are no rows are passed over; the Request-URI may be anything. Of From, To and Call-ID the first is taken,
    and none where there is none: the sender finds its transaction by branch and CSeq (RFC 3261 §17.1.3), and
    RFC 4475 §3.3.1 and §3.3.8 would have it answered.
    """
    head = data.decode("utf-8", "surrogateescape").replace("\r\n ", " ").replace("\r\n\t", " ")
    lines = head.split("\r\n")
    method = lines[0].partition(" ")[0]
    if not TOKEN_CHARS.issuperset(method) or not method or method == "ACK":
        return None
    request = Request(method, lines[0][len(method) :].strip())
    seen: set[str] = set()
    for line in lines[1 : HEADERS_MAX + 1]:
        name, colon, value = line.partition(":")
        full = canonical_name(name.rstrip(" \t"))
        if not colon or full not in _ANSWERED or not line.isprintable() or (full in seen and full != "Via"):
            continue
        seen.add(full)
        value = value.strip(" \t")
        if full == "Via":
            value = _NOTHING.sub("", _OTHER_VERSION.sub("SIP/2.0/", value))
        if value:
            request.headers.append((full, value))
    return request if _can_be_answered(request) else None


_ANSWERED: Final = frozenset({"Via", "From", "To", "Call-ID", "CSeq"})
_OTHER_VERSION: Final = re.compile(r"\ASIP/\d{1,3}\.\d{1,3}/", re.ASCII | re.IGNORECASE)
"""A peer of another version (RFC 4475 §3.1.2.16) is answered in ours."""
_NOTHING: Final = re.compile(r"[;,][ \t]*(?=[;,]|\Z)")
"""Separators with nothing between them (RFC 4475 §3.1.2.1): the answer goes without."""


def _can_be_answered(request: Request) -> bool:
    try:
        _ = request.via
    except RemoteProtocolError:
        return False
    return request.get("CSeq") is not None
