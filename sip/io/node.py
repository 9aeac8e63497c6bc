"""One SIP node on an event loop: sockets, pump, location store, around a switch that the caller makes.

How ``voip`` composes it (``manage.py sipnode``)::

    def make_switch(parts: Parts) -> Switch:
        config = SwitchConfig(
            node=..., realm=..., secret=..., token=parts.token, call_id=lambda: uuid4().hex,
            listeners=parts.listeners,
        )
        return Switch(config, parts.endpoint, directory, policy, parts.journal, parts.store, live, parts.wake)

    def make_journal(post, on_error) -> Journal:
        return Journal(spool / node, node, post, on_error)

    node = Node(NodeConfig("127.0.0.1", 5060), make_switch, make_journal, redis_url)
    await node.start()                      # bound, restored, answering
    node.switch.directory = newer           # at any time, on the loop's thread
    await stop.wait()
    await node.stop()

or ``await run_node(node, stop, on_started)``. Policy and live port are called on the loop's thread;
whatever they do in other threads they bring back with ``loop.call_soon_threadsafe``.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from sip.io.crew import Crew, Membership
from sip.io.limits import CREW_JOIN_S_MAX
from sip.io.listeners import ListenerConfig, Sockets, StreamSettings, ZoneConfig
from sip.io.pump import Brain, Pump
from sip.io.redis_bans import RedisBans
from sip.io.redis_location import Bindings, RedisLocationStore
from sip.io.redis_nodes import RedisNodes
from sip.stack.config import EndpointConfig, TimerValues
from sip.stack.endpoint import Endpoint
from sip.stack.guard.guard import Guard
from sip.stack.listeners import Address, Listeners
from sip.stack.ownership import TOKEN_HEX_CHARS, mark_of

Post = Callable[[Callable[[], None]], object]


class NodeJournal(Protocol):
    """The call journal as the node needs it (``sip.cdr.journal.Journal``)."""

    @property
    def recovered(self) -> Iterable[dict[str, Any]]:
        """States of the calls that were open when the journal was last written."""
        ...

    def append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        """Write a payload."""
        ...

    def close(self) -> bool:
        """Write what waits and close."""
        ...


class Locations(Protocol):
    """The switch's table of bindings."""

    def load(self, stored: Mapping[str, Bindings], wall: float) -> int:
        """Take what a store kept."""
        ...

    def dump(self, wall: float) -> dict[str, tuple[Bindings, float]]:
        """Return all there is."""
        ...


class NodeSwitch(Brain, Protocol):
    """The switch as the node needs it (``sip.controller.switch.Switch``)."""

    @property
    def locations(self) -> Locations:
        """Bindings of lines."""
        ...

    def restore(self, states: Iterable[dict[str, Any]], now: float, wall: float) -> int:
        """Go on with calls that were up."""
        ...

    def join(self, crew: Crew, informed: Callable[[], None]) -> None:
        """Share what workers share; ``informed`` is called when all is known that siblings know."""
        ...

    def meet(self, nodes: RedisNodes) -> None:
        """Share what nodes share."""
        ...

    def merge(self, stored: Mapping[str, Bindings], wall: float) -> None:
        """Take from a store what is not known yet."""
        ...

    def stop(self, now: float, wall: float) -> None:
        """Take no new calls."""
        ...

    def open_call_ids(self) -> frozenset[str]:
        """Return every call that is not over."""
        ...

    def journal_failed(self, error: str) -> None:
        """Learn that the journal cannot write."""
        ...


SomeSwitch = TypeVar("SomeSwitch", bound=NodeSwitch)


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Where a node listens and how it names itself. Port 0 takes a free one, the same for UDP and TCP."""

    host: str
    """IP address to bind."""
    port: int
    advertised_host: str = ""
    """Address parties are told to send to (Via, Contact) when it is not ``host``: behind a 1:1 NAT, or bound to all."""
    server_name: str = "Trunkline"
    with_tcp: bool = True
    timers: TimerValues = field(default_factory=TimerValues)
    streams: StreamSettings = field(default_factory=StreamSettings)
    zones: tuple[ZoneConfig, ...] = ()
    """The node's networks (``parse_zones``); when given, host, port and advertised host above are not looked at."""
    name: str = ""
    """Of this process, unique among all that share its Redis; "" when it shares nothing there."""
    shares_as: str = ""
    """The node's own name, which all its workers have: they tell each other of registrations over links, and other
    nodes over Redis. "" for no other nodes."""
    endpoint_role: Literal["user", "proxy", "stateless"] = "user"
    """What the endpoint remembers (``EndpointConfig.role``)."""

    def all_zones(self) -> tuple[ZoneConfig, ...]:
        """Return the zones, or the one that host and port make."""
        names = ("UDP", "TCP") if self.with_tcp else ("UDP",)
        rows = tuple(ListenerConfig(name, self.host, self.port, self.advertised_host) for name in names)
        return self.zones or (ZoneConfig("default", rows),)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a switch is made of that only the node has."""

    endpoint: Endpoint
    listeners: Listeners
    journal: NodeJournal
    store: RedisLocationStore | None
    """``None`` when the node runs without Redis."""
    wake: Callable[[], None]
    token: Callable[[], str]
    crew: Crew | None = None
    """The node's other workers; ``None`` where there are none."""


_POOL_BYTES = 4_000


class TokenSource:
    """Gives tokens from randomness fetched in larger pieces: a system call a token is dear at ten tokens a call."""

    def __init__(self, mark: str = "") -> None:
        """``mark`` begins every token (``sip.stack.ownership.mark_of``)."""
        self._pool = ""
        self._used = 0
        self._mark = mark

    def __call__(self) -> str:
        """Return a fresh token."""
        if self._used >= len(self._pool):
            self._pool, self._used = secrets.token_hex(_POOL_BYTES), 0
        start = self._used
        self._used = start + TOKEN_HEX_CHARS
        return self._mark + self._pool[start : self._used]


class Node(Generic[SomeSwitch]):
    """One node; ``start`` once, then ``stop`` once."""

    switch: SomeSwitch

    def __init__(
        self,
        config: NodeConfig,
        make_switch: Callable[[Parts], SomeSwitch],
        make_journal: Callable[[Post, Callable[[BaseException], None]], NodeJournal],
        redis_url: str | None = None,
        member: Membership | None = None,
        guard: Guard | None = None,
    ) -> None:
        """``member`` is the node's place among the workers of one node, where there are several.

        ``guard`` decides who is heard, and is the switch's too; ``None`` hears everybody.
        """
        self._member = member
        self._guard = guard
        self._bans: RedisBans | None = None
        self._crew: Crew | None = None
        self._config = config
        self._make_switch = make_switch
        self._make_journal = make_journal
        self._redis_url = redis_url
        self._store: RedisLocationStore | None = None
        self._nodes: RedisNodes | None = None
        self._redis_tasks: list[asyncio.Task[None]] = []
        self.address: Address = (config.host, config.port)
        """Where its first listener is, once started."""
        self.listeners = Listeners()
        """All it listens on, once started."""
        self.restored = 0
        """Calls taken up from the journal."""

    async def start(self) -> None:
        """Bind, take up what was open, and answer.

        Raises:
            ListenError: an address is not ours or taken, or a certificate cannot be used.
            OSError: the journal's folder cannot be written.
        """
        loop = asyncio.get_running_loop()
        self._loop = loop
        config = self._config
        self._sockets = self._make_sockets(loop)
        await self._sockets.open()
        listeners = self._sockets.listeners
        self.listeners = listeners
        self.address = listeners.rows[0].local
        token = TokenSource(mark_of(self._member.worker) if self._member is not None else "")
        endpoint = Endpoint(
            EndpointConfig(token, listeners, config.server_name, config.timers, role=config.endpoint_role)
        )
        self._pump = self._make_pump(loop, endpoint)
        self._journal = self._make_journal(loop.call_soon_threadsafe, self._journal_failed)
        if self._redis_url is not None:
            self._store = RedisLocationStore(self._redis_url)
        parts = Parts(endpoint, listeners, self._journal, self._store, self._pump.wake, token, self._crew)
        self.switch = self._make_switch(parts)
        self.restored = self.switch.restore(self._journal.recovered, loop.time(), time.time())
        if self._store is not None:
            await self._start_store(self._store)
        self._pump.switch = self.switch
        if self._guard is not None:
            await self._start_guard(self._guard)
        if self._crew is not None:
            await self._join(self._crew)
        self._sockets.start(self._pump)
        self._pump.turn()

    def _make_sockets(self, loop: asyncio.AbstractEventLoop) -> Sockets:
        member = self._member
        if member is None:
            return Sockets(loop, self._config.all_zones(), self._config.streams)
        numbers = member.connection_numbers()
        return Sockets(loop, self._config.all_zones(), self._config.streams, member.binder, numbers)

    def _make_pump(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint) -> Pump:
        if self._member is None:
            return Pump(loop, endpoint, self._sockets.senders)
        self._crew = Crew(loop, self._member, self._sockets.senders, endpoint.has_invite)
        pump = Pump(loop, endpoint, self._crew)
        pump.crew = self._crew
        return pump

    async def _join(self, crew: Crew) -> None:
        """Take our place among the siblings; what waits in our sockets meanwhile would not find its lines yet."""
        informed = asyncio.Event()
        self.switch.join(crew, informed.set)
        crew.start(self._pump)
        self._pump.turn()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CREW_JOIN_S_MAX):
                await informed.wait()

    async def _start_store(self, store: RedisLocationStore) -> None:
        locations = self.switch.locations
        run = store.run(lambda stored: locations.load(stored, time.time()), lambda: locations.dump(time.time()))
        self._redis_tasks.append(self._loop.create_task(run))
        await store.first_try.wait()
        if self._config.shares_as and self._redis_url is not None:
            self._nodes = RedisNodes(self._redis_url, self._config.shares_as, store, self._read_again)
            self.switch.meet(self._nodes)
            self._redis_tasks.append(self._loop.create_task(self._nodes.run()))

    async def _read_again(self) -> None:
        if self._store is not None:
            self.switch.merge(await self._store.read_all(), time.time())

    async def _start_guard(self, guard: Guard) -> None:
        """Have the bans that hold before the first message is heard."""
        self._pump.guard = guard
        self._pump.watch_load()
        if self._redis_url is not None:
            self._bans = RedisBans(self._redis_url, self._config.name, guard, self._loop.time)
            self._redis_tasks.append(self._loop.create_task(self._bans.run()))
            await self._bans.first_try.wait()

    def reload(self) -> None:
        """Read certificates anew; no connection is closed for it."""
        self._sockets.reload()

    def _journal_failed(self, error: BaseException) -> None:
        self.switch.journal_failed(str(error))

    async def stop(self) -> None:
        """End calls in set-up, let the journal finish, and close. Calls that are up stay in the journal."""
        self.switch.stop(self._loop.time(), time.time())
        self._pump.turn()
        # Closing makes durable what waits; the callbacks, then the turn they ask for, give the last answers.
        await asyncio.to_thread(self._journal.close)
        await asyncio.sleep(0)
        self._pump.turn()
        self._pump.close()
        if self._crew is not None:
            self._crew.close()
        await self._sockets.close()
        for task in self._redis_tasks:
            task.cancel()
        await asyncio.gather(*self._redis_tasks, return_exceptions=True)
        if self._nodes is not None:
            await self._nodes.close()
        if self._store is not None:
            await self._store.close()
        if self._bans is not None:
            await self._bans.close()


async def run_node(node: Node[SomeSwitch], stop: asyncio.Event, on_started: Callable[[], None] = lambda: None) -> None:
    """Start the node, say so, and stop it when ``stop`` is set."""
    await node.start()
    try:
        on_started()
        await stop.wait()
    finally:
        await node.stop()
