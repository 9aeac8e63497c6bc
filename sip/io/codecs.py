"""How messages stand in a stream: cut out of the bytes that came, put into the bytes that go."""

from __future__ import annotations

from typing import Protocol

from sip.stack.errors import RemoteProtocolError
from sip.stack.framing import StreamFramer

PING = b"\r\n\r\n"
PONG = b"\r\n"
_LINE_BREAKS_BYTES = 3
"""What may stand between messages for ever: a pong, or a ping that is not whole."""


class Codec(Protocol):
    """One stream's framing. Nothing of it raises for what a peer sent."""

    @property
    def is_half(self) -> bool:
        """Whether something was begun that is not whole yet: a message, or the opening of the stream itself."""
        ...

    @property
    def failure(self) -> RemoteProtocolError | None:
        """Why the stream cannot be cut any more, if a SIP answer may tell its peer."""
        ...

    @property
    def end(self) -> str:
        """Why the stream is to be closed, "" as long as it is not."""
        ...

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages they complete."""
        ...

    def own_bytes(self) -> bytes:
        """Return, once, what the framing itself has to say: pongs, a handshake."""
        ...

    def encode(self, message: bytes) -> bytes:
        """Return the message as it goes onto the stream."""
        ...

    def ping(self) -> bytes:
        """Return what keeps the stream open in the eyes of NATs and proxies, b"" where the peer does that."""
        ...


class SipCodec:
    """Messages one after the other, cut by Content-Length (RFC 3261 §18.3)."""

    __slots__ = ("_framer", "end", "failure")

    def __init__(self) -> None:
        self._framer = StreamFramer()
        self.failure: RemoteProtocolError | None = None
        self.end = ""

    @property
    def is_half(self) -> bool:
        """Whether part of a message waits for the rest."""
        return self._framer.waiting_bytes > _LINE_BREAKS_BYTES

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages they complete."""
        try:
            messages = self._framer.feed(data)
        except RemoteProtocolError:
            messages = []  # The framer keeps why: it is answered after the messages before the bad place.
        self.failure = self._framer.failure
        if self.failure is not None:
            self.end = self.failure.reason
        return messages

    def own_bytes(self) -> bytes:
        """Return the pongs due (RFC 5626 §3.5.1)."""
        pongs = self._framer.pongs
        if not pongs:
            return b""
        self._framer.pongs = 0
        return PONG * pongs

    def encode(self, message: bytes) -> bytes:
        """Return the message as it is."""
        return message

    def ping(self) -> bytes:
        """Return nothing: who opened the flow keeps it open (RFC 5626 §4.4)."""
        return b""
