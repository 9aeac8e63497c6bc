"""SIP over websockets (RFC 7118): one message a websocket message, text or binary. The server's side only."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from sip.io.codecs import PING, PONG
from sip.stack.errors import RemoteProtocolError
from sip.stack.limits import MESSAGE_BYTES_MAX

_SUBPROTOCOL = cast("Subprotocol", "sip")
_QUIET = logging.getLogger("sip.io.ws.protocol")
_QUIET.setLevel(logging.CRITICAL)  # What a peer does wrong is said once, where its stream is closed.


class WsCodec:
    """One websocket: the handshake, then messages.

    ``origins`` are the web sites whose pages may connect; empty means any, and any client that is no browser.
    """

    __slots__ = ("_frames", "_protocol", "end", "failure")

    def __init__(self, origins: Sequence[str] = ()) -> None:
        allowed = [cast("Origin | None", origin) for origin in origins] or None
        self._protocol = ServerProtocol(
            origins=allowed, subprotocols=[_SUBPROTOCOL], max_size=MESSAGE_BYTES_MAX, logger=_QUIET
        )
        self._frames: list[bytes] = []
        self.failure: RemoteProtocolError | None = None
        self.end = ""

    @property
    def is_half(self) -> bool:
        """Whether the handshake or a message is not whole."""
        protocol = self._protocol
        return protocol.state is State.CONNECTING or bool(self._frames) or bool(protocol.reader.buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; return the messages they complete."""
        self._protocol.receive_data(data)
        messages: list[bytes] = []
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._open(event)
            elif isinstance(event, Frame):
                self._take(event, messages)
        error = self._protocol.parser_exc or self._protocol.handshake_exc
        if error is not None and not self.end:
            self.end = f"websocket: {error}"
        return messages

    def _open(self, request: Request) -> None:
        """Answer the handshake: 101 with the subprotocol ``sip``, or why not (RFC 7118 §4.1)."""
        response = self._protocol.accept(request)
        self._protocol.send_response(response)
        if response.status_code != 101:
            self.end = f"websocket: {self._protocol.handshake_exc or response.reason_phrase}"

    def _take(self, frame: Frame, messages: list[bytes]) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.end = "websocket: closed by its peer"
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._frames.append(bytes(frame.data))
            if frame.fin:
                message = b"".join(self._frames)
                self._frames.clear()
                if message == PING:  # RFC 5626 §3.5.1, of use here too (RFC 7118 §6).
                    self._protocol.send_text(PONG)
                elif message.strip(b"\r\n"):
                    messages.append(message)

    def own_bytes(self) -> bytes:
        """Return what the protocol itself has to say: the handshake, pongs, a close."""
        return b"".join(self._protocol.data_to_send())

    def encode(self, message: bytes) -> bytes:
        """Return the message in one frame: text when it is UTF-8, else binary (RFC 7118 §4.2)."""
        if self._protocol.state is not State.OPEN:
            return b""
        if is_text(message):
            self._protocol.send_text(message)
        else:
            self._protocol.send_binary(message)
        return self.own_bytes()

    def ping(self) -> bytes:
        """Return a Ping frame: a page in a browser cannot send one, and proxies cut what is silent (RFC 7118 §6)."""
        if self._protocol.state is not State.OPEN:
            return b""
        self._protocol.send_ping(b"")
        return self.own_bytes()


def is_text(message: bytes) -> bool:
    """Tell whether a message may go as text: all of it is UTF-8."""
    if message.isascii():
        return True
    try:
        message.decode()
    except UnicodeDecodeError:
        return False
    return True
