"""Cutting a byte stream into messages (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

from __future__ import annotations

from sip.stack.errors import RemoteProtocolError
from sip.stack.limits import FRAMER_PINGS_MAX, HEAD_BYTES_MAX, MESSAGE_BYTES_MAX
from sip.stack.message.grammar import parse_digits
from sip.stack.message.parse import recover_head


class StreamFramer:
    """Collects what one connection sends until a message is whole.

    After a failure the place of the next message is unknown: the connection must be closed. ``Endpoint.refuse`` makes
    the answer that comes before.
    """

    __slots__ = ("_buffer", "_scanned", "failure", "pongs")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._scanned = 0
        self.pongs = 0
        """Keep-alive pings (CRLF CRLF) not yet answered; the caller sends a CRLF for each and sets it to 0."""
        self.failure: RemoteProtocolError | None = None
        """Why the stream cannot be cut any more. Set, and not raised, when messages before the bad place came out."""

    @property
    def waiting_bytes(self) -> int:
        """How much of a message that is not whole yet is kept."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages they complete, each whole.

        Raises:
            RemoteProtocolError: 513 for a head over ``HEAD_BYTES_MAX`` or a message over ``MESSAGE_BYTES_MAX``; 400
                for a head without a readable Content-Length. After a ``failure`` the same, at every call.
        """
        messages: list[bytes] = []
        if self.failure is None:
            self._buffer += data
            try:
                self._cut(messages)
            except RemoteProtocolError as error:
                error.request_head = recover_head(bytes(self._buffer[:HEAD_BYTES_MAX]).partition(b"\r\n\r\n")[0])
                self.failure = error
                self._buffer.clear()
        if self.failure is not None and not messages:
            raise self.failure
        return messages

    def _cut(self, messages: list[bytes]) -> None:
        """Move whole messages out of the buffer."""
        while True:
            self._skip_line_breaks()
            end = self._buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
            if end < 0:
                self._scanned = len(self._buffer)
                if len(self._buffer) > HEAD_BYTES_MAX:
                    raise RemoteProtocolError("Message Too Large", 513)
                return
            if end > HEAD_BYTES_MAX:
                raise RemoteProtocolError("Message Too Large", 513)
            size = end + 4 + _content_length(bytes(self._buffer[:end]))
            if size > MESSAGE_BYTES_MAX:
                raise RemoteProtocolError("Message Too Large", 513)
            if len(self._buffer) < size:
                self._scanned = end
                return
            messages.append(bytes(self._buffer[:size]))
            del self._buffer[:size]
            self._scanned = 0

    def _skip_line_breaks(self) -> None:
        """Drop CRLFs between messages; each pair of them is a ping."""
        buffer = self._buffer
        while buffer[:4] == b"\r\n\r\n":
            del buffer[:4]
            self.pongs = min(self.pongs + 1, FRAMER_PINGS_MAX)
        if buffer[:2] == b"\r\n" and len(buffer) > 2 and buffer[2] != 13:
            del buffer[:2]


def _content_length(head: bytes) -> int:
    if b"\r\n " in head or b"\r\n\t" in head:
        head = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ")
    """Return where the message ends; two values, even alike, are none (RFC 4475 §3.3.9): who is right is a guess."""
    values: list[bytes] = []
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon and name.rstrip(b" \t").lower() in (b"content-length", b"l"):
            values.append(value)
    if not values:
        raise RemoteProtocolError("no Content-Length on a stream")
    if len(values) > 1:
        raise RemoteProtocolError("Content-Length given twice")
    try:
        return parse_digits(values[0].strip(b" \t").decode("ascii"), MESSAGE_BYTES_MAX)
    except ValueError as error:
        raise RemoteProtocolError(f"Content-Length: {error}") from error
