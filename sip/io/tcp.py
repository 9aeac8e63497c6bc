"""TCP under the pump: connections that came are used for what goes back, others are opened as needed."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import count
from typing import cast

from sip.io.binding import Binder, OwnSockets
from sip.io.limits import (
    BACKLOG,
    CONNECT_S_MAX,
    CONNECTIONS_MAX,
    CONNECTIONS_PER_ADDRESS_MAX,
    IDLE_S_MAX,
    IDLE_SWEEP_S,
    WRITE_BUFFER_BYTES_MAX,
)
from sip.io.pump import Pump
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.framing import StreamFramer

log = logging.getLogger(__name__)

Address = tuple[str, int]


class _Connection(asyncio.Protocol):
    """One stream, whoever opened it."""

    def __init__(self, shell: TcpShell, number: int) -> None:
        self._shell = shell
        self._framer = StreamFramer()
        self.number = number
        self.transport: asyncio.Transport | None = None
        self.flow: Flow | None = None
        self.heard_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the shell's table, or be turned away."""
        # uvloop's transports are asyncio's by behaviour, not by class.
        self.transport = stream = cast("asyncio.Transport", transport)
        stream.set_write_buffer_limits(high=WRITE_BUFFER_BYTES_MAX)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if remote is None or not self._shell.admit(self, (local[0], local[1]), (remote[0], remote[1])):
            stream.abort()

    def data_received(self, data: bytes) -> None:
        """Cut messages out; a stream that cannot be cut any more is closed."""
        if self.flow is None or self.transport is None:
            return
        try:
            messages = self._framer.feed(data)
        except RemoteProtocolError:
            messages = []  # The framer keeps why: it is answered below, after the messages before the bad place.
        if self._framer.pongs:
            self.transport.write(b"\r\n" * self._framer.pongs)
            self._framer.pongs = 0
        self._shell.received(self, messages)
        if self._framer.failure is not None:
            log.info("stream of %s closed: %s", self.flow.remote, self._framer.failure)
            self._shell.refuse(self, self._framer.failure)
            self.transport.close()

    def pause_writing(self) -> None:
        """Cut off a peer that does not read."""
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Leave the table."""
        self._shell.lost(self)


class TcpShell:
    """One listening address and all its streams."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        binder: Binder | None = None,
        numbers: Iterator[int] | None = None,
    ) -> None:
        """``numbers`` names the streams; shells whose flows may meet share one."""
        self._binder = binder or OwnSockets()
        self._numbers = numbers or count(1)
        self.local: Address = ("", 0)
        self._loop = loop
        self._pump: Pump | None = None
        self._server: asyncio.Server | None = None
        self._by_number: dict[int, _Connection] = {}
        self._by_remote: dict[Address, _Connection] = {}
        self._opening: dict[Address, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._per_address: Counter[str] = Counter()
        self._sweep: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._by_number)

    async def listen(self, host: str, port: int) -> None:
        """Bind; nothing is fed before ``start``.

        Raises:
            OSError: the address is not ours or taken.
        """
        self._server = await self._loop.create_server(
            self._make_connection, sock=self._binder.stream(host, port), backlog=BACKLOG, start_serving=False
        )
        name = self._server.sockets[0].getsockname()
        self.local = (name[0], name[1])

    async def start(self, pump: Pump) -> None:
        """Feed ``pump`` from now on."""
        self._pump = pump
        if self._server is not None:
            await self._server.start_serving()
        self._sweep = self._loop.call_later(IDLE_SWEEP_S, self._close_idle)

    def _make_connection(self) -> _Connection:
        return _Connection(self, next(self._numbers))

    def admit(self, connection: _Connection, local: Address, remote: Address) -> bool:
        """Enter a new stream; returns whether there is room for it."""
        per_address = self._per_address
        if len(self._by_number) >= CONNECTIONS_MAX or per_address[remote[0]] >= CONNECTIONS_PER_ADDRESS_MAX:
            log.warning("no room for another stream from %s", remote[0])
            return False
        per_address[remote[0]] += 1
        connection.flow = Flow("TCP", self.local, remote, connection.number)
        connection.heard_at = self._loop.time()
        self._by_number[connection.number] = connection
        self._by_remote[remote] = connection
        return True

    def received(self, connection: _Connection, messages: list[bytes]) -> None:
        """Pass messages to the pump."""
        connection.heard_at = self._loop.time()
        if self._pump is not None and connection.flow is not None:
            for message in messages:
                self._pump.message(message, connection.flow)

    def refuse(self, connection: _Connection, error: RemoteProtocolError) -> None:
        """Have the last answer of a stream sent before it is closed."""
        if self._pump is not None and connection.flow is not None:
            self._pump.refuse(error, connection.flow)

    def lost(self, connection: _Connection) -> None:
        """Forget a stream and tell whoever waits for it."""
        flow = connection.flow
        if flow is None:
            return
        self._by_number.pop(connection.number, None)
        if self._by_remote.get(flow.remote) is connection:
            del self._by_remote[flow.remote]
        self._per_address[flow.remote[0]] -= 1
        if self._per_address[flow.remote[0]] <= 0:
            del self._per_address[flow.remote[0]]
        if self._pump is not None:
            self._pump.failed(flow)

    def send(self, flow: Flow, data: bytes) -> bool:
        """Write to the flow's stream, or to another one to the same address, or open one."""
        connection = self._by_number.get(flow.connection) or self._by_remote.get(flow.remote)
        if connection is not None and connection.transport is not None:
            connection.transport.write(data)
            return True
        waiting = self._opening.get(flow.remote)
        if waiting is not None:
            waiting.append(data)
            return sum(map(len, waiting)) <= WRITE_BUFFER_BYTES_MAX
        self._opening[flow.remote] = [data]
        task = self._loop.create_task(self._open(flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def _open(self, flow: Flow) -> None:
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(CONNECT_S_MAX):
                _, connection = await self._connect(self._make_connection, flow.remote)
        except (OSError, TimeoutError) as error:
            log.info("cannot connect to %s: %s", flow.remote, error)
        waiting = self._opening.pop(flow.remote, [])
        if connection is None or connection.flow is None or connection.transport is None:
            if self._pump is not None:
                self._pump.failed(flow)
            return
        for data in waiting:
            connection.transport.write(data)

    async def _connect(
        self, factory: Callable[[], _Connection], remote: Address
    ) -> tuple[asyncio.Transport, _Connection]:
        return await self._loop.create_connection(factory, *remote)

    def _close_idle(self) -> None:
        oldest = self._loop.time() - IDLE_S_MAX
        for connection in list(self._by_number.values()):
            if connection.heard_at < oldest and connection.transport is not None:
                connection.transport.close()
        self._sweep = self._loop.call_later(IDLE_SWEEP_S, self._close_idle)

    async def close(self) -> None:
        """Close every stream and the listening socket."""
        self._pump = None
        if self._sweep is not None:
            self._sweep.cancel()
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self._by_number.values()):
            if connection.transport is not None:
                connection.transport.close()
