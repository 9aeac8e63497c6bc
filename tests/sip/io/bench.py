"""Sockets on a pump whose switch answers every request 200 and writes down what it is fed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sip.io.listeners import ListenerConfig, Sockets, StreamSettings, ZoneConfig
from sip.io.pump import Pump
from sip.io.streams import StreamShell
from sip.stack.config import EndpointConfig, TimerValues
from sip.stack.endpoint import Endpoint
from sip.stack.events import Event as SipEvent
from sip.stack.events import RequestReceived
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from tests.sip.wire import tokens

HOST = "127.0.0.33"
OPTIONS = (
    "OPTIONS sip:x@127.0.0.33 SIP/2.0\r\n"
    "Via: SIP/2.0/{transport} 127.0.0.33:{port};branch=z9hG4bK{branch};rport{more}\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
    "Content-Length: 0\r\n\r\n"
)


def message(branch: str, transport: str = "TCP", port: int = 5999, more: str = "") -> bytes:
    """Return an OPTIONS request; ``more`` are further parameters of its Via."""
    return OPTIONS.format(branch=branch, transport=transport, port=port, more=more).encode()


class Answering:
    """A switch that answers every request 200."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.events: list[SipEvent] = []
        self.flows: list[Flow] = []

    def process(self, now: float, wall: float) -> None:
        """Answer."""
        event = self.endpoint.next_event()
        while event is not None:
            self.events.append(event)
            if isinstance(event, RequestReceived):
                self.flows.append(event.flow)
                self.endpoint.respond(event.tx, self.endpoint.make_response(event.request, 200), now)
            event = self.endpoint.next_event()

    def handle_timer(self, now: float, wall: float) -> None:
        """Hand on."""
        self.endpoint.handle_timer(now)
        self.process(now, wall)

    def get_timer(self) -> float | None:
        """Hand on."""
        return self.endpoint.get_timer()


class Bench:
    """All listeners named, on ``host``; ``bench["TLS"]`` is the shell of that transport, the last of several."""

    def __init__(self, *words: str, host: str = HOST, settings: StreamSettings | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        rows = [ListenerConfig(word, host, 0) for word in words]
        # A zone each: transports over TCP cannot share the one free port of a zone.
        zones = [ZoneConfig(f"zone{number}", (row,)) for number, row in enumerate(rows)]
        self.sockets = Sockets(self.loop, zones, settings)
        self.host = host

    async def start(self) -> None:
        """Listen."""
        await self.sockets.open()
        config = EndpointConfig(tokens("io"), self.sockets.listeners, timers=TimerValues(t1_s=0.02))
        self.endpoint = Endpoint(config)
        self.pump = Pump(self.loop, self.endpoint, self.sockets.senders)
        self.switch = Answering(self.endpoint)
        self.pump.switch = self.switch
        self.sockets.start(self.pump)

    async def close(self) -> None:
        """Close."""
        self.pump.close()
        await self.sockets.close()

    def __getitem__(self, transport: str) -> StreamShell:
        """Return a shell of streams."""
        shell = self.sockets.senders.find(Flow(transport, self.local(transport), (self.host, 9)))
        assert isinstance(shell, StreamShell)
        return shell

    def local(self, transport: str) -> tuple[str, int]:
        """Return where a transport listens."""
        return [row.local for row in self.sockets.listeners.rows if row.transport == transport][-1]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait up to three seconds."""
        async with asyncio.timeout(3):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    def ask(self, flow: Flow, branch: str = "c") -> None:
        """Send a request of ours."""
        request = Request("OPTIONS", "sip:y@b", [
            ("From", "<sip:a@b>;tag=1"), ("To", "<sip:y@b>"), ("Call-ID", branch), ("CSeq", "1 OPTIONS"),
        ])  # fmt: skip
        self.endpoint.send_request(request, flow, self.loop.time())
        self.pump.wake()

    def events(self, kind: type[SipEvent]) -> list[SipEvent]:
        """Return all events of one kind so far."""
        return [event for event in self.switch.events if isinstance(event, kind)]
