"""One stream, whoever opened it: bytes to messages and back; its end is said once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from sip.io.codecs import Codec
from sip.io.tls import carries, sip_identities
from sip.stack.flow import Flow

if TYPE_CHECKING:
    from sip.io.streams import StreamShell

log = logging.getLogger(__name__)

Address = tuple[str, int]


class Connection(asyncio.Protocol):
    """``number`` names it in flows. ``domain`` is whom it must reach, when we opened it."""

    def __init__(self, shell: StreamShell, number: int, remote: Address, codec: Codec, domain: str | None) -> None:
        self.shell = shell
        self.number = number
        self.remote = remote
        self.codec = codec
        self.domain = domain
        """``None`` for a connection that came."""
        self.flow: Flow | None = None
        """Known once the stream, and TLS on it, is open."""
        self.is_over = False
        self.is_counted = True
        """Whether the census still has it."""
        self.has_spoken = False
        """Whether a whole message came."""
        self.heard_at = 0.0
        self.aliases: list[tuple[Address, str]] = []
        """What it may carry besides its own dialogs (RFC 5923)."""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the shell's table; one of ours only when its far end is who it must be (RFC 5922 §7.3)."""
        # uvloop's transports are asyncio's by behaviour, not by class.
        self._transport = stream = cast("asyncio.Transport", transport)
        stream.set_write_buffer_limits(high=self.shell.limits.write_buffer_bytes)
        certificate = transport.get_extra_info("peercert")
        if not self._is_whom_it_should_be(certificate):
            self.drop(f"its certificate is not one of {self.domain or self.remote[0]}")
            return
        names = sip_identities(certificate)
        self.flow = Flow(self.shell.transport, self.shell.local, self.remote, self.number, self.domain or "", names)
        self.shell.opened(self)

    def _is_whom_it_should_be(self, certificate: Mapping[str, Any] | None) -> bool:
        if self.domain is None or self.shell.tls is None:
            return True
        return carries(certificate, self.domain, self.remote[0])

    def data_received(self, data: bytes) -> None:
        """Cut messages out; a stream that cannot be cut any more is closed."""
        if self.flow is None or self._transport is None:
            return
        codec = self.codec
        messages = codec.feed(data)
        own = codec.own_bytes()
        if own:
            self._transport.write(own)
        self.shell.received(self, messages)
        if codec.end:
            if codec.failure is not None:
                self.shell.refuse(self, codec.failure)
            self.drop(codec.end, at_once=False)

    def send(self, message: bytes) -> bool:
        """Write a message; returns whether the stream still takes any."""
        if self._transport is None or self.is_over:
            return False
        self._transport.write(self.codec.encode(message))
        return True

    def ping(self) -> None:
        """Keep the stream open where that is ours to do."""
        data = self.codec.ping() if self._transport is not None and not self.is_over else b""
        if data and self._transport is not None:
            self._transport.write(data)

    def drop(self, why: str, *, at_once: bool = True) -> None:
        """Close the stream, with one line that says why; not at once means after what is written already."""
        if self.is_over:
            return
        self.is_over = True
        log.info("%s stream of %s port %d closed: %s", self.shell.transport, *self.remote, why)
        if self._transport is None:
            return
        if at_once:
            self._transport.abort()
        else:
            self._transport.close()

    def close(self) -> None:
        """Close the stream because the node ends."""
        self.is_over = True
        if self._transport is not None:
            self._transport.close()

    def pause_writing(self) -> None:
        """Cut off a peer that does not read."""
        self.drop(f"it leaves over {self.shell.limits.write_buffer_bytes} bytes unread")

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        self.is_over = True
        self.shell.lost(self)
