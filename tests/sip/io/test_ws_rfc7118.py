"""RFC 7118: SIP over websockets, as a browser's page or another client meets it."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from sip.io.listeners import StreamSettings
from sip.io.streams import StreamLimits
from sip.io.tls import Certificate, TlsConfig
from sip.io.ws import WsCodec, is_text
from sip.stack.events import RequestReceived, TransportFailed
from sip.stack.flow import Flow
from tests.sip.io.bench import HOST, Bench, message
from tests.sip.io.certificates import make_authority

SITE = "https://phone.example.com"
SIP = Subprotocol("sip")


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    """A websocket listener for pages of one site."""
    limits = StreamLimits(first_message_s=0.3, message_s=0.15, sweep_s=0.02)
    made = Bench("WS", settings=StreamSettings(ws_origins=(SITE,), limits=limits))
    await made.start()
    yield made
    await made.close()


async def connect(
    bench: Bench, origin: str | None = SITE, subprotocols: tuple[str, ...] = ("sip",)
) -> ClientConnection:
    host, port = bench.local("WS")
    asked = [Subprotocol(name) for name in subprotocols]
    return await ws_connect(
        f"ws://{host}:{port}/", subprotocols=asked, origin=Origin(origin) if origin else None, proxy=None
    )


@pytest.mark.asyncio
async def test_a_text_and_a_binary_message_are_each_answered_in_one_message(bench: Bench) -> None:
    async with await connect(bench) as socket:
        assert socket.subprotocol == "sip"
        await socket.send(message("w1", "WS").decode())
        answer = await socket.recv()
        assert isinstance(answer, str) and answer.startswith("SIP/2.0 200 OK\r\nVia: SIP/2.0/WS 127.0.0.33")
        await socket.send(message("w2", "WS"))
        assert str(await socket.recv()).startswith("SIP/2.0 200 OK")
    assert [(flow.transport, flow.connection) for flow in bench.switch.flows] == [("WS", 1), ("WS", 1)]
    await bench.until(lambda: len(bench["WS"]) == 0)


@pytest.mark.asyncio
async def test_a_message_needs_no_content_length_and_may_come_in_fragments(bench: Bench) -> None:
    text = message("w1", "WS").replace(b"Content-Length: 0\r\n", b"").decode()
    async with await connect(bench) as socket:
        await socket.send([text[:20], text[20:300], text[300:]])
        assert str(await socket.recv()).startswith("SIP/2.0 200 OK")
    assert len(bench.events(RequestReceived)) == 1


@pytest.mark.asyncio
async def test_what_is_not_utf8_goes_as_binary(bench: Bench) -> None:
    async with await connect(bench) as socket:
        await socket.send(message("w1", "WS").replace(b"From: <sip:a@b>", b'From: "\xff\xfe" <sip:a@b>'))
        answer = await socket.recv()
        assert isinstance(answer, bytes) and b'"\xff\xfe"' in answer
    assert is_text("ü".encode()) and not is_text(b"\xff")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("origin", "subprotocols", "status"),
    [("https://evil.example", ("sip",), 403), (None, ("sip",), 403), (SITE, (), 400), (SITE, ("chat",), 400)],
)
async def test_other_sites_and_other_subprotocols_are_turned_away(
    bench: Bench, origin: str | None, subprotocols: tuple[str, ...], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(InvalidStatus) as raised:
        await connect(bench, origin, subprotocols)
    assert raised.value.response.status_code == status
    await bench.until(lambda: bench.sockets._census.total == 0)
    assert bench.events(RequestReceived) == []
    assert len([record for record in caplog.records if record.name.startswith("sip.io")]) == 1


@pytest.mark.asyncio
async def test_what_is_no_websocket_is_closed_with_one_line(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    reader, writer = await asyncio.open_connection(*bench.local("WS"))
    writer.write(message("w1"))
    assert await reader.read() == b""
    writer.close()
    assert [record.levelname for record in caplog.records if record.name.startswith("sip.io")] == ["INFO"]


@pytest.mark.asyncio
async def test_who_never_finishes_the_handshake_or_a_message_is_closed(bench: Bench) -> None:
    reader, writer = await asyncio.open_connection(*bench.local("WS"))
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert await reader.read() == b""
    writer.close()
    socket = await connect(bench)
    await socket.send(message("w1", "WS"))
    await socket.recv()
    socket.transport.write(b"\x81\xfe\x40\x00mask" + b"x" * 100)
    with pytest.raises(ConnectionClosed):
        await socket.recv()
    await bench.until(lambda: bench.sockets._census.total == 0)


@pytest.mark.asyncio
async def test_a_message_over_its_bound_closes_the_websocket(bench: Bench) -> None:
    socket = await connect(bench)
    await socket.send(b"x" * 70_000)
    with pytest.raises(ConnectionClosed) as raised:
        await socket.recv()
    assert raised.value.rcvd is not None and raised.value.rcvd.code == 1009
    await bench.until(lambda: len(bench["WS"]) == 0)


@pytest.mark.asyncio
async def test_a_ping_of_line_breaks_gets_its_pong_and_is_no_request(bench: Bench) -> None:
    async with await connect(bench) as socket:
        await socket.send("\r\n\r\n")
        assert await socket.recv() == "\r\n"
        await socket.send("\r\n")
        await socket.send(message("w1", "WS").decode())
        assert str(await socket.recv()).startswith("SIP/2.0 200 OK")
    assert len(bench.events(RequestReceived)) == 1


@pytest.mark.asyncio
async def test_requests_go_over_the_pages_own_websocket_and_none_is_ever_opened(bench: Bench) -> None:
    async with await connect(bench) as socket:
        await socket.send(message("w1", "WS").decode())
        await socket.recv()
        bench.ask(bench.switch.flows[0], "c1")
        request = str(await socket.recv())
        host, port = bench.local("WS")
        assert request.startswith(f"OPTIONS sip:y@b SIP/2.0\r\nVia: SIP/2.0/WS {host}:{port};")
        bench.ask(Flow("WS", bench.local("WS"), (HOST, 9), 0), "c2")
        await bench.until(lambda: len(bench.events(TransportFailed)) == 1)


@pytest.mark.asyncio
async def test_open_websockets_are_pinged() -> None:
    bench = Bench("WS", settings=StreamSettings(limits=StreamLimits(sweep_s=0.02, ping_s=0.02)))
    await bench.start()
    try:
        codec = WsCodec()
        assert codec.ping() == b"" and codec.encode(b"x") == b"", "before the handshake nothing is said"
        reader, writer = await asyncio.open_connection(*bench.local("WS"))
        writer.write(
            b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
        )
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head, "the example of RFC 7118 §4.1"
        assert await reader.readexactly(2) == b"\x89\x00"
        writer.close()
    finally:
        await bench.close()


@pytest.mark.asyncio
async def test_wss_is_the_same_over_tls_and_asks_for_no_certificate(tmp_path: Path) -> None:
    authority = make_authority(tmp_path)
    chain = authority.issue("sip.example.com", "sip.example.com")
    tls = TlsConfig((Certificate("sip.example.com", chain),), authority.path)
    bench = Bench("WSS", settings=StreamSettings(tls))
    await bench.start()
    try:
        host, port = bench.local("WSS")
        context = ssl.create_default_context(cafile=str(authority.path))
        context.load_cert_chain(authority.issue("me", "me.example"))
        async with ws_connect(
            f"wss://{host}:{port}/", ssl=context, server_hostname="sip.example.com", subprotocols=[SIP], proxy=None
        ) as socket:
            await socket.send(message("w1", "WSS").decode())
            assert str(await socket.recv()).startswith("SIP/2.0 200 OK\r\nVia: SIP/2.0/WSS ")
        assert [(flow.transport, flow.peer_names) for flow in bench.switch.flows] == [("WSS", ())]
    finally:
        await bench.close()
