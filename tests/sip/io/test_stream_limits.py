"""Streams over a bound are closed, each with one line that says why, and nobody else notices."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from sip.io.listeners import StreamSettings
from sip.io.streams import Census, StreamLimits
from sip.stack.events import RequestReceived, TransportFailed
from sip.stack.flow import Flow
from sip.stack.limits import MESSAGE_BYTES_MAX
from tests.sip.io.bench import HOST, Bench, message

LIMITS = StreamLimits(
    connections=4, connections_per_source=2, first_message_s=0.3, message_s=0.15, idle_s=30.0, sweep_s=0.02, ping_s=0.02
)


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A TCP listener with small bounds."""
    made = Bench("TCP", settings=StreamSettings(limits=LIMITS))
    await made.start()
    yield made
    await made.close()


async def connect(bench: Bench, source: str = HOST) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*bench.local("TCP"), local_addr=(source, 0))


def closings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage().partition(" closed: ")[2] for record in caplog.records if " closed: " in record.msg]


async def is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionError:
        return True


@pytest.mark.asyncio
async def test_over_the_bound_of_a_source_a_stream_is_turned_away_and_other_sources_are_not(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    kept = [await connect(bench), await connect(bench)]
    await bench.until(lambda: len(bench["TCP"]) == 2)
    reader, writer = await connect(bench)
    assert await is_closed(reader)
    assert closings(caplog) == ["no room for another one"]
    other, other_writer = await connect(bench, "127.0.0.35")
    other_writer.write(message("a"))
    assert (await other.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
    for stream in (*[pair[1] for pair in kept], writer, other_writer):
        stream.close()


@pytest.mark.asyncio
async def test_a_place_is_free_again_when_its_stream_is_closed(bench: Bench) -> None:
    for _ in range(3):
        pairs = [await connect(bench), await connect(bench)]
        await bench.until(lambda: len(bench["TCP"]) == 2)
        for _, writer in pairs:
            writer.close()
        await bench.until(lambda: len(bench["TCP"]) == 0)
    assert bench.sockets._census.total == 0


def test_an_ipv6_customer_is_one_source_and_the_whole_node_has_a_bound() -> None:
    census = Census(LIMITS)
    assert [census.enter(f"2001:db8:1:2::{number}") for number in (1, 2, 3)] == [True, True, False]
    assert [census.enter(f"192.0.2.{number}") for number in (1, 2, 3)] == [True, True, False]
    census.leave("2001:db8:1:2::2")
    assert census.enter("192.0.2.3") and census.total == 4


@pytest.mark.asyncio
async def test_who_never_finishes_a_message_is_closed_however_steadily_it_trickles(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await connect(bench)
    writer.write(message("one"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
    trickle = asyncio.create_task(drip(writer, message("slow") * 10))
    assert await is_closed(reader)
    trickle.cancel()
    assert closings(caplog) == ["a whole message did not come in time"]
    assert len(bench.events(RequestReceived)) == 1


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_who_says_nothing_at_first_is_closed_and_who_pings_after_a_message_is_not(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    phone, phone_writer = await connect(bench)
    phone_writer.write(message("one"))
    await phone.readuntil(b"\r\n\r\n")
    _, silent_writer = await connect(bench)
    for _ in range(5):
        phone_writer.write(b"\r\n\r\n")
        silent_writer.write(b"\r\n\r\n")  # Pings are no message.
        await asyncio.sleep(0.05)
    await bench.until(lambda: len(bench["TCP"]) == 1)
    assert closings(caplog) == ["a first message did not come in time"]
    phone_writer.write(b"\r\n\r\r\n\r\n"[:2])
    await asyncio.sleep(0.25)
    assert len(bench["TCP"]) == 1, "a single line break is not half a message"
    for writer in (silent_writer, phone_writer):
        writer.close()


@pytest.mark.asyncio
async def test_an_idle_stream_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench("TCP", settings=StreamSettings(limits=StreamLimits(idle_s=0.1, sweep_s=0.02, ping_s=0.02)))
    await bench.start()
    try:
        reader, writer = await connect(bench)
        assert await is_closed(reader)
        writer.close()
        assert closings(caplog) == ["idle for 0.1 s"]
    finally:
        await bench.close()


@pytest.mark.asyncio
async def test_a_message_over_its_bound_is_answered_513_and_the_stream_closed(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await connect(bench)
    writer.write(message("big").replace(b"Content-Length: 0", b"Content-Length: %d" % MESSAGE_BYTES_MAX))
    answer = await reader.read()
    assert answer.startswith(b"SIP/2.0 513 ") and answer.count(b"SIP/2.0 513 ") == 1
    writer.close()
    assert closings(caplog) == ["Message Too Large"]


@pytest.mark.asyncio
async def test_a_peer_that_does_not_read_is_cut_off(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bench = Bench("TCP", settings=StreamSettings(limits=StreamLimits(write_buffer_bytes=20_000)))
    await bench.start()
    try:
        _, writer = await asyncio.open_connection(*bench.local("TCP"), limit=1_000)
        cast("asyncio.Transport", writer.transport).pause_reading()
        number = 0
        while len(bench["TCP"]) or not number:
            writer.write(b"".join(message(f"n{number + more}") for more in range(200)))
            number += 200
            await asyncio.sleep(0.005)
            assert number < 400_000
        assert closings(caplog) == ["it leaves over 20000 bytes unread"]
        writer.close()
    finally:
        await bench.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("address", [("224.0.0.1", 5060), ("0.0.0.0", 5060), ("ff02::1", 5060), (HOST, 0)])
async def test_no_stream_is_opened_to_what_is_no_single_host(bench: Bench, address: tuple[str, int]) -> None:
    bench.ask(Flow("TCP", bench.local("TCP"), address))
    await bench.until(lambda: len(bench.events(TransportFailed)) == 1)
    assert bench.sockets._census.total == 0
