"""Requests and responses: rows of text, with typed views that are parsed when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable

from sip.stack.errors import LocalProtocolError, RemoteProtocolError
from sip.stack.limits import VALUES_MAX
from sip.stack.message.cseq import CSeq
from sip.stack.message.grammar import parse_digits, split_outside
from sip.stack.message.name_addr import NameAddr, tag_of
from sip.stack.message.names import canonical_name
from sip.stack.message.via import Via

Headers = list[tuple[str, str]]
"""Rows in order: full name, unfolded value."""


class Message:
    """What requests and responses share.

    Text is ``str`` decoded from UTF-8 with ``surrogateescape``, so that any bytes pass through unchanged. Change rows
    through ``set``, ``add``, ``prepend`` and ``remove``, or call ``touch`` afterwards. Typed views raise
    ``RemoteProtocolError`` when the text is bad or absent; on a request that came out of an event ``via``, ``from_``,
    ``to``, ``cseq``, ``call_id``, ``contacts``, ``routes``, ``max_forwards`` and ``expires`` have been checked.
    """

    __slots__ = (
        "_contacts",
        "_cseq",
        "_first",
        "_first_rows",
        "_from",
        "_from_text",
        "_to",
        "_to_text",
        "_via",
        "body",
        "headers",
    )

    def __init__(self, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        self.headers: Headers = list(headers)
        self.body = body
        self._first: dict[str, str] = {}
        self._first_rows = -1
        self._via: Via | None = None
        self._cseq: CSeq | None = None
        self._contacts: list[NameAddr] | None = None
        self._from: NameAddr | None = None
        self._from_text = ""
        self._to: NameAddr | None = None
        self._to_text = ""

    def _index(self) -> dict[str, str]:
        """Return the first row of each name; built anew when rows came or went."""
        if self._first_rows != len(self.headers):
            self._first = dict(reversed(self.headers))
            self._first_rows = len(self.headers)
            self._via = None
            self._cseq = None
            self._contacts = None
        return self._first

    def get(self, name: str) -> str | None:
        """Return the value of the first row of this name, ``None`` when there is none."""
        return self._index().get(canonical_name(name))

    def get_all(self, name: str) -> list[str]:
        """Return the value of every row of this name, as it stands in the message."""
        name = canonical_name(name)
        return [value for key, value in self.headers if key == name] if name in self._index() else []

    def values(self, name: str) -> list[str]:
        """Return the values of a list header, rows split at their commas.

        Raises:
            RemoteProtocolError: a quote or bracket is not closed, or there are more than ``VALUES_MAX``.
        """
        found: list[str] = []
        rows = self.get_all(name)
        if len(rows) == 1 and rows[0] and "," not in rows[0]:
            return rows
        for row in rows:
            try:
                found.extend([part for part in split_outside(row, ",") if part])
            except ValueError as error:
                raise RemoteProtocolError(f"{name}: {error}") from error
        if len(found) > VALUES_MAX:
            raise RemoteProtocolError(f"{name}: {len(found)} values, {VALUES_MAX} at most")
        return found

    def set(self, name: str, value: str) -> None:
        """Put ``value`` in place of the first row of this name and drop its others; append when there is none."""
        name = canonical_name(name)
        for position, (key, _) in enumerate(self.headers):
            if key == name:
                rest = [row for row in self.headers[position + 1 :] if row[0] != name]
                self.headers[position:] = [(name, value), *rest]
                break
        else:
            self.headers.append((name, value))
        self._first_rows = -1

    def add(self, name: str, value: str) -> None:
        """Append a row."""
        self.headers.append((canonical_name(name), value))

    def prepend(self, name: str, value: str) -> None:
        """Put a row before all others."""
        self.headers.insert(0, (canonical_name(name), value))

    def touch(self) -> None:
        """Read everything anew after ``headers`` was changed in place."""
        self._first_rows = -1

    def remove(self, name: str) -> None:
        """Drop every row of this name."""
        name = canonical_name(name)
        self.headers = [row for row in self.headers if row[0] != name]

    @property
    def via(self) -> Via:
        """The topmost Via value."""
        text = self._index().get("Via")
        if self._via is None:
            try:
                self._via = Via.parse(split_outside(_required("Via", text), ",")[0])
            except ValueError as error:
                raise RemoteProtocolError(str(error)) from error
        return self._via

    @property
    def cseq(self) -> CSeq:
        """Sequence number and method."""
        text = self._index().get("CSeq")
        if self._cseq is None:
            try:
                self._cseq = CSeq.parse(_required("CSeq", text))
            except ValueError as error:
                raise RemoteProtocolError(str(error)) from error
        return self._cseq

    @property
    def call_id(self) -> str:
        """Call-ID as it stands."""
        return _required("Call-ID", self._index().get("Call-ID"))

    @property
    def from_(self) -> NameAddr:
        """Who sends the request of this transaction."""
        text = _required("From", self._index().get("From"))
        if self._from is None or text != self._from_text:
            self._from = _parse_address("From", text)
            self._from_text = text
        return self._from

    @property
    def to(self) -> NameAddr:
        """To whom the request of this transaction was first addressed."""
        text = _required("To", self._index().get("To"))
        if self._to is None or text != self._to_text:
            self._to = _parse_address("To", text)
            self._to_text = text
        return self._to

    @property
    def from_tag(self) -> str:
        """Tag of From, read without the rest; "" when there is none."""
        return _parse_tag("From", self._index().get("From"))

    @property
    def to_tag(self) -> str:
        """Tag of To, read without the rest; "" when there is none."""
        return _parse_tag("To", self._index().get("To"))

    @property
    def contacts(self) -> list[NameAddr]:
        """Every Contact; empty for none and for ``*``, which ``contact_is_star`` tells."""
        star = self.contact_is_star
        if self._contacts is None:
            texts = [] if star else self.values("Contact")
            self._contacts = [_parse_address("Contact", text) for text in texts]
        return self._contacts

    @property
    def contact_is_star(self) -> bool:
        """Tell whether Contact is ``*``: all bindings (RFC 3261 §10.2.2)."""
        return self._index().get("Contact") == "*"

    @property
    def routes(self) -> list[NameAddr]:
        """Every Route value, topmost first."""
        return [_parse_address("Route", text) for text in self.values("Route")]

    @property
    def record_routes(self) -> list[NameAddr]:
        """Every Record-Route value, topmost first."""
        return [_parse_address("Record-Route", text) for text in self.values("Record-Route")]

    @property
    def max_forwards(self) -> int | None:
        """Hops still allowed, ``None`` when the header is absent."""
        return self._number("Max-Forwards", 255)

    @property
    def expires(self) -> int | None:
        """Seconds, ``None`` when the header is absent."""
        return self._number("Expires", 2**32 - 1)

    def _number(self, name: str, largest: int) -> int | None:
        text = self._index().get(name)
        if text is None:
            return None
        try:
            return parse_digits(text, largest)
        except ValueError as error:
            raise RemoteProtocolError(f"{name}: {error}") from error

    def _serialise(self, start_line: str) -> bytes:
        rows = [f"{name}: {value}\r\n" for name, value in self.headers if name != "Content-Length"]
        head = f"{start_line}\r\n{''.join(rows)}Content-Length: {len(self.body)}\r\n\r\n"
        # A line break inside a value would let one leg's peer write headers of the other leg.
        if head.count("\n") != len(rows) + 3 or head.count("\r") != len(rows) + 3:
            raise LocalProtocolError(f"line break within a header of {start_line!r}")
        return head.encode("utf-8", "surrogateescape") + self.body


class Request(Message):
    """A request; ``uri`` is the Request-URI as text."""

    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.method = method
        self.uri = uri

    def __bytes__(self) -> bytes:
        return self._serialise(f"{self.method} {self.uri} SIP/2.0")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Request):
            return NotImplemented
        return (self.method, self.uri, self.headers, self.body) == (other.method, other.uri, other.headers, other.body)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.uri}>"


class Response(Message):
    """A response."""

    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> None:
        super().__init__(headers, body)
        self.status = status
        self.reason = reason

    def __bytes__(self) -> bytes:
        return self._serialise(f"SIP/2.0 {self.status} {self.reason}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Response):
            return NotImplemented
        mine = (self.status, self.reason, self.headers, self.body)
        return mine == (other.status, other.reason, other.headers, other.body)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.reason}>"


def _required(name: str, text: str | None) -> str:
    if not text:
        raise RemoteProtocolError(f"no {name}")
    return text


def _parse_address(name: str, text: str) -> NameAddr:
    try:
        return NameAddr.parse(text)
    except ValueError as error:
        raise RemoteProtocolError(f"{name}: {error}") from error


def _parse_tag(name: str, text: str | None) -> str:
    try:
        return tag_of(_required(name, text))
    except ValueError as error:
        raise RemoteProtocolError(f"{name}: {error}") from error
