"""A switch and some phones on a wire with a hand-moved clock; every datagram is kept, any can be lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from sip.cdr.record import CallRecord
from sip.controller.core import Core
from sip.controller.directory import Directory
from sip.controller.messages.store import MessageStore
from sip.controller.ports import LiveCall, LocatorPort, SwitchConfig
from sip.controller.switch import Switch
from sip.stack.config import EndpointConfig
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.listeners import Listeners, single_zone
from sip.stack.message.message import Request
from sip.stack.message.parse import parse_message
from tests.sip.controller.business import FakeJournal, FakePolicy, directory, line
from tests.sip.controller.phone import Phone
from tests.sip.wire import tokens

SWITCH = ("10.0.0.1", 5060)
EPOCH = 1_800_000_000.0
"""Wall clock when the monotonic clock of the tests stands at 0."""
SECRET = b"a secret of the tests, not short"


@dataclass
class Sent:
    """One datagram; ``text`` is ``INVITE`` or ``486 INVITE``."""

    at: float
    source: str
    target: str
    text: str
    data: bytes
    lost: bool


class Recorder:
    """A live port that writes down what it is told."""

    def __init__(self) -> None:
        self.states: list[tuple[str, str]] = []
        self.over: list[str] = []

    def changed(self, call: LiveCall) -> None:
        """Note a state."""
        self.states.append((call["call_id"], call["state"]))

    def ended(self, call_id: str) -> None:
        """Note an end."""
        self.over.append(call_id)


@dataclass
class Store:
    """A location store in memory."""

    kept: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def save(self, username: str, bindings: list[dict[str, Any]], expires_at: float) -> None:
        """Keep or forget."""
        self.kept[username] = bindings
        if not bindings:
            del self.kept[username]


class Network:
    """The switch at ``SWITCH`` and whoever was plugged in with ``phone``."""

    role: Literal["user", "proxy", "stateless"] = "user"

    def __init__(
        self,
        directory: Directory,
        policy: FakePolicy | None = None,
        listeners: Listeners | None = None,
        settings: dict[str, Any] | None = None,
        locator: LocatorPort | None = None,
        message_store: MessageStore | None = None,
    ) -> None:
        self.locator = locator
        self.message_store = message_store
        self.listeners = listeners or single_zone({"UDP": SWITCH})
        self._addresses = {row.local for row in self.listeners.rows}
        self.settings = settings or {}
        """Of ``SwitchConfig``, beyond those every test needs."""
        self.now = 0.0
        self.sent: list[Sent] = []
        self.phones: dict[tuple[str, int], Phone] = {}
        self.lose: Callable[[Sent], bool] = lambda sent: False
        self.alter: Callable[[Sent], bytes] = lambda sent: sent.data
        """What a proxy on the way makes of a datagram."""
        self.policy = policy or FakePolicy()
        self.journal = FakeJournal()
        self.live = Recorder()
        self.store = Store()
        self._directory = directory
        self._incarnation = 0
        self.start()

    @property
    def wall(self) -> float:
        """The wall clock."""
        return EPOCH + self.now

    def start(self) -> None:
        """Start a switch process, the first or the one after a crash; nothing in memory survives."""
        self._incarnation += 1
        token = tokens(f"sw{self._incarnation}t")
        call_id = tokens(f"{self._incarnation:08x}")
        config = SwitchConfig(
            node="node1",
            realm="trunkline.test",
            secret=SECRET,
            token=token,
            call_id=lambda: call_id().ljust(32, "0"),
            listeners=self.listeners,
            **self.settings,
        )
        self.endpoint = Endpoint(EndpointConfig(token, self.listeners, "Trunkline", role=self.role))
        self.receive: Callable[[bytes, Flow, float], None] = self.endpoint.receive_datagram
        self.switch = self.make_switch(config)

    def make_switch(self, config: SwitchConfig) -> Switch:
        """Return what decides: the switch, unless a test wants another role."""
        return Switch(
            config,
            self.endpoint,
            self._directory,
            self.policy,
            self.journal,
            self.store,
            self.live,
            locator=self.locator,
            message_store=self.message_store,
        )

    def restart(self) -> int:
        """Kill the switch without warning and start it anew from its journal and store."""
        self.journal.drop_callbacks()
        self.start()
        self.switch.locations.load(self.store.kept, self.wall)
        restored = self.switch.restore(self.journal.open_states(), self.now, self.wall)
        self.run()
        return restored

    @property
    def core(self) -> Core:
        """What the switch keeps."""
        return self.switch._core

    def phone(
        self,
        host: str,
        username: str = "",
        password: str = "",
        port: int = 5060,
        switch: tuple[str, int] = SWITCH,
        transport: str = "UDP",
    ) -> Phone:
        """Plug in a phone, or a carrier when it has no username; ``switch`` is where it finds the switch.

        On a stream, ``host`` and ``port`` are the phone's end of its one connection.
        """
        flow = Flow(transport, (host, port), switch, 0 if transport == "UDP" else port)
        phone = Phone(flow, username, password, lambda: self.now)
        self.phones[host, port] = phone
        return phone

    def run(self) -> None:
        """Carry datagrams until none is under way."""
        moved = True
        while moved:
            self.switch.process(self.now, self.wall)
            outgoing = self.endpoint.messages_to_send()
            for flow, data in outgoing:
                self._carry("switch", flow, data)
            moved = bool(outgoing)
            for phone in list(self.phones.values()):
                phone.work()
                for flow, data in phone.endpoint.messages_to_send():
                    moved = True
                    self._carry(phone.name, flow, data)

    def _carry(self, source: str, flow: Flow, data: bytes) -> None:
        target = self.phones.get(flow.remote)
        name = "switch" if flow.remote in self._addresses else target.name if target is not None else str(flow.remote)
        sent = Sent(self.now, source, name, describe(data), data, False)
        self.sent.append(sent)
        sent.lost = self.lose(sent)
        if sent.lost:
            return
        data = self.alter(sent)
        arrived = Flow(flow.transport, flow.remote, flow.local, flow.connection)
        if flow.connection and source == "switch" and (target is None or target.is_dead):
            self.endpoint.transport_failed(flow, self.now)
            return
        if flow.remote in self._addresses:
            self.receive(data, arrived, self.now)
        elif target is not None and not target.is_dead:
            target.endpoint.receive_datagram(data, arrived, self.now)

    def disconnect(self, phone: Phone) -> None:
        """Close the connection of a phone on a stream; what is sent over it later fails at once."""
        flow = phone.flow
        phone.is_dead = True
        self.endpoint.transport_failed(Flow(flow.transport, flow.remote, flow.local, flow.connection), self.now)
        self.run()

    def advance(self, seconds: float) -> None:
        """Move the clock on, stopping wherever a timer is due."""
        end = self.now + seconds
        self.run()
        while True:
            times = [self.switch.get_timer(), *(phone.endpoint.get_timer() for phone in self.phones.values())]
            due = [at for at in times if at is not None and at <= end]
            if not due:
                break
            self.now = max(self.now, min(due))
            self.switch.handle_timer(self.now, self.wall)
            for phone in self.phones.values():
                phone.endpoint.handle_timer(self.now)
            self.run()
        self.now = end

    def texts(self, source: str = "", target: str = "") -> list[str]:
        """Return what was sent, lost or not, by and to whom."""
        return [
            sent.text
            for sent in self.sent
            if (not source or sent.source == source) and (not target or sent.target == target)
        ]

    def bytes_to(self, target: str) -> bytes:
        """Return everything the switch sent to somebody."""
        return b"".join(sent.data for sent in self.sent if sent.target == target and sent.source == "switch")


def alice_and_bob(switch: dict[str, Any] | None = None, **changes: Any) -> tuple[Network, Phone, Phone]:
    """Return a network with two registered phones; ``changes`` are of bob's line, ``switch`` of its configuration."""
    network = Network(directory(line(1, "alice"), line(2, "bob", **changes)), settings=switch)
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    alice.register()
    bob.register()
    network.run()
    return network, alice, bob


def talking() -> tuple[Network, Phone, Phone]:
    """Return two phones two seconds into a call from alice to bob."""
    network, alice, bob = alice_and_bob()
    bob.on_invite = (180, 200)
    alice.call("102")
    network.advance(2.0)
    return network, alice, bob


def only_record(network: Network) -> CallRecord:
    """Return the one call record there is."""
    [record] = network.journal.records
    assert network.policy.records == [record]
    return record


def describe(data: bytes) -> str:
    """Return ``INVITE`` for a request, ``486 INVITE`` for a response."""
    try:
        message = parse_message(data)
    except RemoteProtocolError:
        return "unreadable"  # A 400 repeats the CSeq it complains of.
    return message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"
