"""Two endpoints, a wire that loses, repeats or delays the n-th datagram, and a clock moved by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeVar

from sip.stack.config import EndpointConfig, TimerValues
from sip.stack.endpoint import Endpoint
from sip.stack.events import Event
from sip.stack.flow import Flow
from sip.stack.message import Request, Response, parse_message

ALICE = ("192.0.2.1", 5060)
BOB = ("192.0.2.2", 5060)

SomeEvent = TypeVar("SomeEvent", bound=Event)


def tokens(prefix: str) -> Callable[[], str]:
    """Return a token factory whose tokens can be told beforehand: ``a1``, ``a2``, …"""
    numbers: Iterator[int] = count(1)
    return lambda: f"{prefix}{next(numbers)}"


@dataclass
class Sent:
    """One message on the wire."""

    at: float
    sender: str
    text: str
    """``INVITE`` or ``486``, with the method of CSeq for a response: ``486 INVITE``."""
    data: bytes
    arrived: bool


@dataclass
class Peer:
    """One endpoint and what it told its user."""

    name: str
    endpoint: Endpoint
    address: tuple[str, int]
    seen: list[tuple[float, Event]] = field(default_factory=list)
    on_event: Callable[[Event, float], None] | None = None

    def events(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        """Return all events of one kind so far."""
        return [event for _, event in self.seen if isinstance(event, kind)]

    def times(self, kind: type[SomeEvent]) -> list[float]:
        """Return when events of one kind came."""
        return [at for at, event in self.seen if isinstance(event, kind)]


class Wire:
    """Carries messages between alice and bob; ``drop`` and the like name the n-th message of all, from 1."""

    def __init__(self, transport: str = "UDP", timers: TimerValues | None = None) -> None:
        self.transport = transport
        self.now = 0.0
        self.sent: list[Sent] = []
        self.drop: set[int] = set()
        self.duplicate: set[int] = set()
        self.delay: dict[int, float] = {}
        self.is_dead = False
        values = timers or TimerValues()
        self.alice = Peer("alice", Endpoint(EndpointConfig(tokens("a"), timers=values)), ALICE)
        self.bob = Peer("bob", Endpoint(EndpointConfig(tokens("b"), timers=values)), BOB)
        self._late: list[tuple[float, Peer, bytes]] = []
        connection = 0 if transport == "UDP" else 1
        self.to_bob = Flow(transport, ALICE, BOB, connection)
        self.to_alice = Flow(transport, BOB, ALICE, connection)

    def pump(self) -> None:
        """Carry messages and tell events until nothing moves at this instant."""
        moved = True
        while moved:
            moved = False
            for peer, other in ((self.alice, self.bob), (self.bob, self.alice)):
                for _, data in peer.endpoint.messages_to_send():
                    self._carry(peer, other, data)
                    moved = True
                event = peer.endpoint.next_event()
                while event is not None:
                    moved = True
                    peer.seen.append((self.now, event))
                    if peer.on_event is not None:
                        peer.on_event(event, self.now)
                    event = peer.endpoint.next_event()

    def advance(self, seconds: float) -> None:
        """Move the clock on, stopping at each timer and each late message on the way."""
        end = self.now + seconds
        self.pump()
        while True:
            instants = [peer.endpoint.get_timer() for peer in (self.alice, self.bob)]
            instants += [at for at, _, _ in self._late]
            due = [at for at in instants if at is not None and at <= end]
            if not due:
                break
            self.now = max(self.now, min(due))
            late, self._late = self._late, [item for item in self._late if item[0] > self.now]
            for at, peer, data in late:
                if at <= self.now:
                    self._give(peer, data)
            for peer in (self.alice, self.bob):
                peer.endpoint.handle_timer(self.now)
            self.pump()
        self.now = end

    def _carry(self, sender: Peer, receiver: Peer, data: bytes) -> None:
        number = len(self.sent) + 1
        arrives = not self.is_dead and number not in self.drop
        self.sent.append(Sent(self.now, sender.name, describe(data), data, arrives))
        if not arrives:
            return
        if number in self.delay:
            self._late.append((self.now + self.delay[number], receiver, data))
            return
        self._give(receiver, data)
        if number in self.duplicate:
            self._give(receiver, data)

    def _give(self, receiver: Peer, data: bytes) -> None:
        flow = self.to_alice if receiver is self.bob else self.to_bob
        if self.transport == "UDP":
            receiver.endpoint.receive_datagram(data, flow, self.now)
        else:
            receiver.endpoint.receive_message(data, flow, self.now)

    def times(self, text: str) -> list[float]:
        """Return when messages of this description were sent, lost ones too."""
        return [sent.at for sent in self.sent if sent.text == text]

    def texts(self) -> list[str]:
        """Return what was sent, in order."""
        return [sent.text for sent in self.sent]


def describe(data: bytes) -> str:
    """Return ``INVITE`` for a request, ``200 INVITE`` for a response."""
    message = parse_message(data)
    if isinstance(message, Request):
        return message.method
    return f"{message.status} {message.cseq.method}"


def request(method: str = "INVITE", number: int = 1, **rows: str) -> Request:
    """Return alice's request to bob without Via; a keyword ``Call_ID`` stands for the header ``Call-ID``."""
    made = Request(
        method,
        "sip:bob@192.0.2.2",
        [
            ("Max-Forwards", "70"),
            ("From", "Alice <sip:alice@example.com>;tag=alice-tag"),
            ("To", "Bob <sip:bob@example.com>"),
            ("Call-ID", "call-1@192.0.2.1"),
            ("CSeq", f"{number} {method}"),
            ("Contact", "<sip:alice@192.0.2.1:5060>"),
        ],
    )
    for name, value in rows.items():
        made.set(name.replace("_", "-"), value)
    return made


def without_connection(flow: Flow) -> Flow:
    """Return the flow as it would be opened anew."""
    return replace(flow, connection=0)


def response_of(sent: Sent) -> Response:
    """Return the response that was on the wire."""
    message = parse_message(sent.data)
    assert isinstance(message, Response)
    return message
