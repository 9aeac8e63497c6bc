"""Streams under the pump (TCP, TLS, websockets, SCTP): one listener, what came to it, and what was opened from it.

A connection that came carries what belongs to its own transactions, dialogs and registrations (``Flow.connection``).
For anything else one of ours is opened to the address, and over TLS used again for the one domain its certificate was
checked for; a connection that came is taken for that only when its peer's certificate was verified and it asked for it
(``alias``, RFC 5923).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sip.io import limits as bounds
from sip.io.binding import Binder, OwnSockets, protocol_of, stream_socket
from sip.io.codecs import Codec
from sip.io.connection import Address, Connection
from sip.io.pump import Pump
from sip.io.tls import Contexts
from sip.stack.addresses import is_sendable, source_of
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.matching import alias_port

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of streams; ``sip.io.limits`` says why each."""

    connections: int = bounds.CONNECTIONS_MAX
    connections_per_source: int = bounds.CONNECTIONS_PER_SOURCE_MAX
    handshake_s: float = bounds.HANDSHAKE_S_MAX
    first_message_s: float = bounds.FIRST_MESSAGE_S_MAX
    message_s: float = bounds.MESSAGE_S_MAX
    idle_s: float = bounds.IDLE_S_MAX
    connect_s: float = bounds.CONNECT_S_MAX
    write_buffer_bytes: int = bounds.WRITE_BUFFER_BYTES_MAX
    sweep_s: float = bounds.STALL_SWEEP_S
    ping_s: float = bounds.PING_S


class Census:
    """How many connections there are, in all and of each source; one for all listeners of a node."""

    def __init__(self, limits: StreamLimits) -> None:
        self.total = 0
        self._limits = limits
        self._per_source: Counter[str] = Counter()

    def enter(self, host: str) -> bool:
        """Count one more; returns whether there is room for it."""
        source = source_of(host)
        if self.total >= self._limits.connections or self._per_source[source] >= self._limits.connections_per_source:
            if not self._per_source[source]:
                del self._per_source[source]
            return False
        self.total += 1
        self._per_source[source] += 1
        return True

    def leave(self, host: str) -> None:
        """Count one less."""
        source = source_of(host)
        self.total -= 1
        self._per_source[source] -= 1
        if self._per_source[source] <= 0:
            del self._per_source[source]


@dataclass(slots=True)
class _Opening:
    """A connection of ours on its way, and what waits for it."""

    flows: dict[Flow, None] = field(default_factory=dict)
    messages: list[bytes] = field(default_factory=list)
    size_bytes: int = 0


class StreamShell:
    """One listening socket and all its streams.

    ``tls`` makes it a TLS listener; ``asks`` has it ask who connects for a certificate, ``requires`` go on with nobody
    without one. Websockets are never opened from here (``opens``): browsers cannot be called. ``numbers`` names the
    streams; shells whose flows may meet share one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: str,
        make_codec: Callable[[], Codec],
        census: Census,
        limits: StreamLimits,
        tls: Contexts | None = None,
        binder: Binder | None = None,
        numbers: Iterator[int] | None = None,
        *,
        asks: bool = False,
        requires: bool = False,
        opens: bool = True,
    ) -> None:
        self.local: Address = ("", 0)
        self.transport = transport
        self.limits = limits
        self.tls = tls
        self._loop = loop
        self._binder = binder or OwnSockets()
        self._numbers = numbers or count(1)
        self._make_codec = make_codec
        self._census = census
        self._protocol = protocol_of(transport)
        self._asks, self._requires, self._opens = asks, requires, opens
        self._pump: Pump | None = None
        self._socket: socket.socket | None = None
        self._by_number: dict[int, Connection] = {}
        self._reusable: dict[tuple[Address, str], Connection] = {}
        self._opening: dict[tuple[Address, str], _Opening] = {}
        self._half_until: dict[Connection, float] = {}
        """Connections that owe us a whole message, and until when."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._next_ping_at = 0.0

    def __len__(self) -> int:
        return len(self._by_number)

    def listen(self, host: str, port: int) -> None:
        """Bind; nobody is let in before ``start``.

        Raises:
            OSError: the address is not ours or taken, or the kernel does not have the transport.
        """
        self._socket = sock = self._binder.stream(host, port, self._protocol)
        try:
            sock.listen(bounds.BACKLOG)
        except OSError:
            sock.close()
            raise
        name = sock.getsockname()
        self.local = (name[0], name[1])

    def start(self, pump: Pump) -> None:
        """Let peers in and feed ``pump`` from now on."""
        self._pump = pump
        self._watch()
        self._sweep = self._loop.call_later(self.limits.sweep_s, self._close_stalled)
        self._next_ping_at = self._loop.time() + self.limits.ping_s

    def _watch(self) -> None:
        if self._socket is not None and self._pump is not None:
            self._loop.add_reader(self._socket.fileno(), self._accept)

    def _accept(self) -> None:
        if self._socket is None:
            return
        for _ in range(bounds.ACCEPT_BURST_MAX):
            try:
                sock, name = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                # Out of descriptors, most likely: the kernel keeps who waits until some are free.
                log.warning("cannot accept on %s port %d: %s", *self.local, error)
                self._loop.remove_reader(self._socket.fileno())
                self._loop.call_later(bounds.ACCEPT_PAUSE_S, self._watch)
                return
            self._admit(sock, (name[0], name[1]))

    def _admit(self, sock: socket.socket, remote: Address) -> None:
        """Count who connects before anything is done for them, a TLS handshake least of all."""
        if self._pump is not None and self._pump.is_banned(remote[0]):
            sock.close()
            return
        if not self._census.enter(remote[0]):
            log.info("%s stream of %s port %d closed: no room for another one", self.transport, *remote)
            sock.close()
            return
        sock.setblocking(False)
        self._run(self._take_in(sock, self._make_connection(remote, None)))

    def _make_connection(self, remote: Address, domain: str | None) -> Connection:
        return Connection(self, next(self._numbers), remote, self._make_codec(), domain)

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_in(self, sock: socket.socket, connection: Connection) -> None:
        tls = self.tls.server(asks=self._asks, requires=self._requires) if self.tls is not None else None
        timeout_s = self.limits.handshake_s if tls is not None else None
        try:
            await self._loop.connect_accepted_socket(lambda: connection, sock, ssl=tls, ssl_handshake_timeout=timeout_s)
        except OSError as error:
            if connection.flow is None:
                connection.drop(f"no handshake: {error}")
        finally:
            if connection.flow is None:
                self._leave(connection)

    def opened(self, connection: Connection) -> None:
        """Enter a stream that is open; what must come soon is its first message."""
        now = self._loop.time()
        connection.heard_at = now
        self._by_number[connection.number] = connection
        if connection.domain is None:
            self._half_until[connection] = now + self.limits.first_message_s
        else:
            self._offer(connection, (connection.remote, connection.domain))

    def _offer(self, connection: Connection, alias: tuple[Address, str]) -> None:
        """Let requests to an address and domain go over this connection, unless another one carries them already."""
        if self._reusable.setdefault(alias, connection) is connection:
            connection.aliases.append(alias)

    def received(self, connection: Connection, messages: list[bytes]) -> None:
        """Pass messages to the pump, and note what is half read."""
        connection.heard_at = now = self._loop.time()
        if messages:
            self._half_until.pop(connection, None)
            connection.has_spoken = True
        if connection.codec.is_half:
            self._half_until.setdefault(connection, now + self.limits.message_s)
        elif connection.has_spoken:
            self._half_until.pop(connection, None)
        flow = connection.flow
        if self._pump is None or flow is None:
            return
        for message in messages:
            if flow.peer_names and connection.domain is None and not connection.aliases:
                self._take_alias(connection, message)
            self._pump.message(message, flow)

    def _take_alias(self, connection: Connection, message: bytes) -> None:
        """Honour ``alias`` in the topmost Via of a peer whose certificate was verified (RFC 5923 §8.2)."""
        port = alias_port(message)
        if port is not None and connection.flow is not None:
            for name in connection.flow.peer_names:
                self._offer(connection, ((connection.remote[0], port), name))

    def refuse(self, connection: Connection, error: RemoteProtocolError) -> None:
        """Have the last answer of a stream sent before it is closed."""
        if self._pump is not None and connection.flow is not None:
            self._pump.refuse(error, connection.flow)

    def lost(self, connection: Connection) -> None:
        """Forget a stream and tell whoever waits for it."""
        self._leave(connection)
        self._half_until.pop(connection, None)
        self._by_number.pop(connection.number, None)
        for alias in connection.aliases:
            del self._reusable[alias]
        connection.aliases.clear()
        if self._pump is not None and connection.flow is not None:
            self._pump.failed(connection.flow)

    def _leave(self, connection: Connection) -> None:
        if connection.is_counted:
            connection.is_counted = False
            self._census.leave(connection.remote[0])

    def send(self, flow: Flow, data: bytes) -> bool:
        """Write to the flow's stream, or to one of ours to the same address and domain, or open one."""
        connection = self._by_number.get(flow.connection)
        if connection is None:
            connection = self._reusable.get((flow.remote, flow.domain))
        if connection is not None:
            return connection.send(data)
        return self._opens and is_sendable(flow.remote) and self._queue(flow, data)

    def _queue(self, flow: Flow, data: bytes) -> bool:
        key = (flow.remote, flow.domain)
        opening = self._opening.get(key)
        if opening is None:
            if len(self._opening) >= bounds.OPENING_MAX or not self._census.enter(flow.remote[0]):
                log.info("no room for a %s stream to %s port %d", self.transport, *flow.remote)
                return False
            opening = self._opening[key] = _Opening()
            self._run(self._open(key, opening))
        if opening.size_bytes + len(data) > self.limits.write_buffer_bytes:
            return False
        opening.flows[flow] = None
        opening.messages.append(data)
        opening.size_bytes += len(data)
        return True

    async def _open(self, key: tuple[Address, str], opening: _Opening) -> None:
        remote, domain = key
        connection = self._make_connection(remote, domain)
        error = ""
        try:
            async with asyncio.timeout(self.limits.connect_s):
                await self._connect(connection)
        except TimeoutError:
            error = f"nothing came for {self.limits.connect_s:g} s"
        except (OSError, ValueError) as failed:  # ValueError: a domain that cannot be asked for (SNI).
            error = str(failed)
        del self._opening[key]
        if connection.flow is not None and not connection.is_over:
            for message in opening.messages:
                connection.send(message)
            return
        if error:
            connection.drop(f"cannot connect: {error}")
            self._leave(connection)
        if self._pump is not None:
            for flow in opening.flows:
                self._pump.failed(flow)

    async def _connect(self, connection: Connection) -> None:
        sock = stream_socket(connection.remote[0], self._protocol)
        try:
            if not ipaddress.ip_address(self.local[0]).is_unspecified:
                sock.bind((self.local[0], 0))  # The zone's own address: the far end must not learn another one.
            await self._loop.sock_connect(sock, connection.remote)
            tls = self.tls.client if self.tls is not None else None
            name = (connection.domain or connection.remote[0]) if tls is not None else None
            await self._loop.create_connection(lambda: connection, sock=sock, ssl=tls, server_hostname=name)
        except BaseException:
            sock.close()
            raise

    def _close_stalled(self) -> None:
        """Close who does not finish what they began, and who has been silent for too long; ping the others."""
        now = self._loop.time()
        for connection, until in list(self._half_until.items()):
            if until <= now:
                whole = "a whole message" if connection.has_spoken else "a first message"
                connection.drop(f"{whole} did not come in time")
        if now >= self._next_ping_at:
            self._next_ping_at = now + self.limits.ping_s
            for connection in list(self._by_number.values()):
                if now - connection.heard_at > self.limits.idle_s:
                    connection.drop(f"idle for {self.limits.idle_s:g} s", at_once=False)
                else:
                    connection.ping()
        self._sweep = self._loop.call_later(self.limits.sweep_s, self._close_stalled)

    async def close(self) -> None:
        """Close every stream and the listening socket."""
        self._pump = None
        if self._sweep is not None:
            self._sweep.cancel()
        if self._socket is not None:
            with contextlib.suppress(ValueError):
                self._loop.remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._by_number.values()):
            connection.close()
