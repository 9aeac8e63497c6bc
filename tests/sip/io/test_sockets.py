"""UDP and TCP shells under a pump whose switch writes down what it is fed."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from sip.stack import stun
from sip.stack.events import ResponseReceived, TransactionTimedOut, TransportFailed
from sip.stack.flow import Flow
from tests.sip.io.bench import HOST, Bench, message


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """Shells that listen."""
    made = Bench("UDP", "TCP")
    await made.start()
    yield made
    await made.close()


async def connect(bench: Bench) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*bench.local("TCP"))


@pytest.mark.asyncio
async def test_datagrams_that_come_together_are_all_answered(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.settimeout(3)
        for number in range(50):
            peer.sendto(message(f"u{number}", "UDP", peer.getsockname()[1]), bench.local("UDP"))
        answers = [(await asyncio.to_thread(peer.recv, 65_535))[:14] for _ in range(50)]
        assert answers == [b"SIP/2.0 200 OK"] * 50
        assert bench.switch.flows[0] == Flow("UDP", bench.local("UDP"), peer.getsockname())


@pytest.mark.asyncio
async def test_a_stun_request_on_the_sip_port_is_answered_with_its_source(bench: Bench) -> None:
    request = stun.message(stun.BINDING_REQUEST, bytes(12))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.settimeout(3)
        peer.sendto(request, bench.local("UDP"))
        answer = await asyncio.to_thread(peer.recv, 65_535)
        assert answer == stun.answer(request, peer.getsockname())


@pytest.mark.asyncio
async def test_the_flow_of_a_sender_is_made_once_and_never_of_one_that_cannot_be_answered(bench: Bench) -> None:
    shell = bench.sockets._udp[0]
    flow = shell._flow_from((HOST, 9))
    assert flow == Flow("UDP", shell.local, (HOST, 9))
    assert shell._flows == {(HOST, 9): flow}
    for source in (("0.0.0.0", 9), ("255.255.255.255", 9), ("224.0.0.1", 9), (HOST, 0)):
        assert shell._flow_from(source) is None
    assert len(shell._flows) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("address", [("224.0.0.1", 5060), ("0.0.0.0", 5060), (HOST, 0)])
async def test_nothing_is_sent_to_many_or_to_nobody(bench: Bench, address: tuple[str, int]) -> None:
    bench.ask(Flow("UDP", bench.local("UDP"), address))
    await bench.until(lambda: any(isinstance(event, TransportFailed) for event in bench.switch.events))


@pytest.mark.asyncio
async def test_a_response_to_port_0_of_via_is_never_sent(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        peer.setblocking(False)
        peer.sendto(message("zero", "UDP", 0).replace(b";rport", b""), bench.local("UDP"))
        peer.sendto(message("one", "UDP", peer.getsockname()[1]), bench.local("UDP"))
        await bench.until(lambda: len(bench.switch.flows) == 1 or len(bench.switch.events) >= 2)
        peer.settimeout(3)
        assert b"Call-ID: one\r\n" in await asyncio.to_thread(peer.recv, 65_535)


@pytest.mark.asyncio
async def test_a_timer_fires_by_itself(bench: Bench) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HOST, 0))
        bench.ask(Flow("UDP", bench.local("UDP"), peer.getsockname()))
        await bench.until(lambda: any(isinstance(event, TransactionTimedOut) for event in bench.switch.events))
        peer.settimeout(0)
        repetitions = 0
        with pytest.raises(BlockingIOError):
            while peer.recv(65_535):
                repetitions += 1
        assert repetitions >= 5


@pytest.mark.asyncio
async def test_an_address_that_cannot_be_sent_to_is_a_transport_failure(bench: Bench) -> None:
    bench.ask(Flow("UDP", bench.local("UDP"), ("255.255.255.255", 5060)))
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
    await bench.until(lambda: len(bench["TCP"]) == 0)


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
    await bench.until(lambda: len(bench["TCP"]) == 0)


@pytest.mark.asyncio
async def test_a_request_of_ours_takes_the_stream_that_is_there(bench: Bench) -> None:
    reader, writer = await connect(bench)
    await bench.until(lambda: len(bench["TCP"]) == 1)
    bench.ask(Flow("TCP", bench.local("TCP"), writer.get_extra_info("sockname"), 1))
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
    bench.ask(Flow("TCP", bench.local("TCP"), server.sockets[0].getsockname()))
    await bench.until(lambda: any(isinstance(event, ResponseReceived) for event in bench.switch.events))
    assert len(seen) == 1
    server.close()


@pytest.mark.asyncio
async def test_nobody_at_the_other_end_is_a_transport_failure(bench: Bench) -> None:
    bench.ask(Flow("TCP", bench.local("TCP"), (HOST, 1)))
    await bench.until(lambda: any(isinstance(event, TransportFailed) for event in bench.switch.events))


def test_the_udp_shell_names_no_sip_method_and_is_short() -> None:
    from pathlib import Path

    source = Path(__file__).parents[3].joinpath("sip/io/udp.py").read_text()
    assert len(source.splitlines()) < 150
    for method in ("INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS"):
        assert method not in source
