"""UDP and TCP shells under a pump whose switch writes down what it is fed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from sip.io import tcp as tcp_module
from sip.io.listeners import Senders
from sip.io.pump import Pump
from sip.io.tcp import TcpShell
from sip.io.udp import UdpShell
from sip.stack.config import EndpointConfig, TimerValues
from sip.stack.endpoint import Endpoint
from sip.stack.events import Event as SipEvent
from sip.stack.events import RequestReceived, ResponseReceived, TransactionTimedOut, TransportFailed
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from tests.sip.wire import tokens

HOST = "127.0.0.33"
OPTIONS = (
    "OPTIONS sip:x@127.0.0.33 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.33:{port};branch=z9hG4bK{branch};rport\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:x@b>\r\nCall-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
    "Content-Length: 0\r\n\r\n"
)


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
    """Both shells on one pump."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.loop = loop
        self.endpoint = Endpoint(EndpointConfig(tokens("io"), timers=TimerValues(t1_s=0.02)))
        senders = Senders()
        self.pump = Pump(loop, self.endpoint, senders)
        self.udp = UdpShell(loop, HOST, 0)
        self.tcp = TcpShell(loop)
        senders.add("UDP", self.udp.local, self.udp)
        senders.add("TCP", self.tcp.local, self.tcp)
        self.switch = Answering(self.endpoint)
        self.pump.switch = self.switch

    async def start(self) -> None:
        """Listen."""
        await self.tcp.listen(HOST, 0)
        self.udp.start(self.pump)
        await self.tcp.start(self.pump)

    async def close(self) -> None:
        """Close."""
        self.pump.close()
        self.udp.close()
        await self.tcp.close()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait up to three seconds."""
        async with asyncio.timeout(3):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.005)

    def ask(self, flow: Flow) -> None:
        """Send a request of ours."""
        request = Request("OPTIONS", "sip:y@b", [
            ("From", "<sip:a@b>;tag=1"), ("To", "<sip:y@b>"), ("Call-ID", "c"), ("CSeq", "1 OPTIONS"),
        ])  # fmt: skip
        self.endpoint.send_request(request, flow, self.loop.time())
        self.pump.wake()


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """Shells that listen."""
    made = Bench()
    await made.start()
    yield made
    await made.close()


async def connect(bench: Bench) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*bench.tcp.local)


def message(branch: str, transport: str = "TCP", port: int = 5999) -> bytes:
    return OPTIONS.format(branch=branch, transport=transport, port=port).encode()


@pytest.mark.asyncio
async def test_datagrams_that_come_together_are_all_answered(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.settimeout(3)
        for number in range(50):
            peer.sendto(message(f"u{number}", "UDP", peer.getsockname()[1]), bench.udp.local)
        answers = [(await asyncio.to_thread(peer.recv, 65_535))[:14] for _ in range(50)]
        assert answers == [b"SIP/2.0 200 OK"] * 50
        assert bench.switch.flows[0] == Flow("UDP", bench.udp.local, peer.getsockname())


@pytest.mark.asyncio
async def test_a_timer_fires_by_itself(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        bench.ask(Flow("UDP", bench.udp.local, peer.getsockname()))
        await bench.until(lambda: any(isinstance(event, TransactionTimedOut) for event in bench.switch.events))
        peer.settimeout(0)
        repetitions = 0
        with pytest.raises(BlockingIOError):
            while peer.recv(65_535):
                repetitions += 1
        assert repetitions >= 5


@pytest.mark.asyncio
async def test_an_address_that_cannot_be_sent_to_is_a_transport_failure(bench: Bench) -> None:
    bench.ask(Flow("UDP", bench.udp.local, ("255.255.255.255", 5060)))
    await bench.until(lambda: any(isinstance(event, TransportFailed) for event in bench.switch.events))


@pytest.mark.asyncio
async def test_a_stream_is_answered_over_itself_however_it_is_cut(bench: Bench) -> None:
    reader, writer = await connect(bench)
    data = message("t1") + message("t2")
    for start in range(0, len(data), 37):
        writer.write(data[start : start + 37])
        await writer.drain()
        await asyncio.sleep(0)
    first = await reader.readuntil(b"\r\n\r\n")
    second = await reader.readuntil(b"\r\n\r\n")
    assert first.startswith(b"SIP/2.0 200 OK") and second.startswith(b"SIP/2.0 200 OK")
    assert [flow.connection for flow in bench.switch.flows] == [1, 1]
    writer.close()
    await bench.until(lambda: len(bench.tcp) == 0)


@pytest.mark.asyncio
async def test_a_ping_gets_its_pong(bench: Bench) -> None:
    reader, writer = await connect(bench)
    writer.write(b"\r\n\r\n")
    assert await reader.readexactly(2) == b"\r\n"
    writer.close()


@pytest.mark.asyncio
async def test_a_stream_that_cannot_be_cut_is_answered_and_closed(bench: Bench) -> None:
    reader, writer = await connect(bench)
    writer.write(message("bad").replace(b"Content-Length: 0", b"Content-Length: many"))
    answer = await reader.read()
    assert answer.startswith(b"SIP/2.0 400")
    writer.close()
    await bench.until(lambda: len(bench.tcp) == 0)


@pytest.mark.asyncio
async def test_a_request_of_ours_takes_the_stream_that_is_there(bench: Bench) -> None:
    reader, writer = await connect(bench)
    await bench.until(lambda: len(bench.tcp) == 1)
    bench.ask(Flow("TCP", bench.tcp.local, writer.get_extra_info("sockname"), 1))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"OPTIONS sip:y@b SIP/2.0")
    writer.close()


@pytest.mark.asyncio
async def test_a_request_of_ours_opens_a_stream_and_its_answer_comes_back(bench: Bench) -> None:
    seen: list[bytes] = []

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        seen.append(request)
        via = next(row for row in request.split(b"\r\n") if row.startswith(b"Via"))
        writer.write(
            b"SIP/2.0 200 OK\r\n" + via + b"\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:y@b>;tag=2\r\nCall-ID: c\r\n"
            b"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        )

    server = await asyncio.start_server(peer, HOST, 0)
    bench.ask(Flow("TCP", bench.tcp.local, server.sockets[0].getsockname()))
    await bench.until(lambda: any(isinstance(event, ResponseReceived) for event in bench.switch.events))
    assert len(seen) == 1
    server.close()


@pytest.mark.asyncio
async def test_nobody_at_the_other_end_is_a_transport_failure(bench: Bench) -> None:
    bench.ask(Flow("TCP", bench.tcp.local, (HOST, 1)))
    await bench.until(lambda: any(isinstance(event, TransportFailed) for event in bench.switch.events))


@pytest.mark.asyncio
async def test_over_the_bound_a_stream_is_turned_away(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "CONNECTIONS_PER_ADDRESS_MAX", 2)
    first, second = await connect(bench), await connect(bench)
    await bench.until(lambda: len(bench.tcp) == 2)
    reader, writer = await connect(bench)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    assert len(bench.tcp) == 2
    for stream in (first[1], second[1], writer):
        stream.close()


@pytest.mark.asyncio
async def test_an_idle_stream_is_closed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_module, "IDLE_S_MAX", -1.0)
    reader, writer = await connect(bench)
    await bench.until(lambda: len(bench.tcp) == 1)
    bench.tcp._close_idle()
    assert await reader.read() == b""
    writer.close()


def test_the_udp_shell_names_no_sip_method_and_is_short() -> None:
    from pathlib import Path

    source = Path(__file__).parents[3].joinpath("sip/io/udp.py").read_text()
    assert len(source.splitlines()) < 150
    for method in ("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS"):
        assert method not in source
