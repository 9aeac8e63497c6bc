"""A guard between sockets and stack: what it drops is not parsed, what it answers goes out, and the load it is told."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest

from sip.stack.guard.bans import Ban
from sip.stack.guard.guard import Guard
from tests.fuzz import seeds
from tests.sip.io.bench import HOST, Bench, message

PHONE = "127.0.0.39"


def udp_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((PHONE, 0))
    sock.setblocking(False)
    return sock


async def guarded(*words: str) -> tuple[Bench, Guard]:
    bench = Bench(*words)
    await bench.start()
    bench.pump.guard = Guard()
    return bench, bench.pump.guard


async def answer_to(sock: socket.socket, data: bytes, bench: Bench, seconds: float = 1.0) -> bytes:
    """Send a datagram and return what comes back, ``b""`` for nothing."""
    sock.sendto(data, (HOST, bench.local("UDP")[1]))
    try:
        async with asyncio.timeout(seconds):
            return await asyncio.get_running_loop().sock_recv(sock, 65_535)
    except TimeoutError:
        return b""


@pytest.mark.asyncio
async def test_a_banned_source_gets_no_answer_and_another_does() -> None:
    bench, guard = await guarded("UDP")
    with udp_socket() as sock:
        assert (await answer_to(sock, message("a", "UDP"), bench)).startswith(b"SIP/2.0 200")
        guard.take_ban(Ban(PHONE, time.monotonic() + 60, "x"), asyncio.get_running_loop().time())
        assert await answer_to(sock, message("b", "UDP"), bench, 0.1) == b""
        guard.lift(PHONE)
        assert (await answer_to(sock, message("c", "UDP"), bench)).startswith(b"SIP/2.0 200")
    assert len(bench.switch.flows) == 2
    await bench.close()


@pytest.mark.asyncio
async def test_a_shed_call_is_answered_past_the_stack() -> None:
    bench, guard = await guarded("UDP")
    guard.overload.percent = 100
    with udp_socket() as sock:
        answer = await answer_to(sock, seeds.request("INVITE"), bench)
    assert answer.startswith(b"SIP/2.0 503 Service Unavailable\r\n")
    assert (bench.switch.flows, bench.endpoint.transactions) == ([], 0)
    await bench.close()


@pytest.mark.asyncio
async def test_a_stream_of_a_banned_source_is_closed_before_anything_is_read() -> None:
    bench, guard = await guarded("TCP")
    guard.take_ban(Ban(PHONE, time.monotonic() + 60, "x"), asyncio.get_running_loop().time())
    reader, writer = await asyncio.open_connection(HOST, bench.local("TCP")[1], local_addr=(PHONE, 0))
    writer.write(message("a"))
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read(100) == b""
    writer.close()
    assert bench.switch.flows == []
    await bench.close()


def measure(bench: Bench, late_s: float = 0.0) -> None:
    """Let the pump measure the load now, as if the loop came so late."""
    bench.pump._tick_due = bench.loop.time() - late_s
    bench.pump._measure()


@pytest.mark.asyncio
async def test_a_loop_that_comes_late_is_told_to_the_guard_and_to_peers() -> None:
    bench, guard = await guarded("UDP")
    bench.pump.watch_load()
    measure(bench, 0.2)
    assert guard.overload.percent == bench.endpoint.wish.percent == 20
    sequence = bench.endpoint.wish.sequence
    for _ in range(4):
        measure(bench)
    assert guard.overload.percent == bench.endpoint.wish.percent == 0
    assert bench.endpoint.wish.sequence > sequence
    assert guard.overload.began == 1
    await bench.close()


@pytest.mark.asyncio
async def test_a_queue_that_is_never_found_empty_is_told_to_the_guard() -> None:
    bench, guard = await guarded("UDP")
    bench.pump.undrained(bench)
    bench.pump._undrained[bench] -= 1.0
    bench.pump.undrained(bench)
    measure(bench)
    assert guard.overload.percent == 20
    bench.pump.drained(bench)
    measure(bench)
    assert guard.overload.percent == 15
    await bench.close()
