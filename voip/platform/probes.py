"""How each process is asked whether it does its work."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import psycopg

from voip.platform.limits import PROBE_ANSWER_S_MAX

Probe = Callable[[], Awaitable[bool]]


def database(conninfo: str) -> Probe:
    """Ask PostgreSQL for a session."""

    async def probe() -> bool:
        try:
            connection = await psycopg.AsyncConnection.connect(conninfo, connect_timeout=int(PROBE_ANSWER_S_MAX))
        except psycopg.Error:
            return False
        await connection.close()
        return True

    return probe


def redis_socket(path: Path) -> Probe:
    """Ask Redis for its PONG."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(str(path))
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        return answer.startswith(b"+PONG")

    return probe


def http_answer(host: str, port: int, path: str) -> Probe:
    """Ask a web server for a page; any answer of HTTP will do, since the page reports on other processes too."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = await reader.readline()
            writer.close()
        except OSError:
            return False
        return answer.startswith(b"HTTP/1.")

    return probe


def sip_options(host: str, port: int) -> Probe:
    """Ask a SIP server for its OPTIONS over UDP (RFC 3261 §11); any answer will do."""

    async def probe() -> bool:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.setblocking(False)
            try:
                client.connect((host, port))
                await loop.sock_sendall(client, _options(host, port, *client.getsockname()[:2]))
                return (await loop.sock_recv(client, 2048)).startswith(b"SIP/2.0 ")
            except OSError:  # Nobody listens: the refusal comes back as an error of the socket.
                return False

    return probe


def _options(host: str, port: int, own_host: str, own_port: int) -> bytes:
    token = secrets.token_hex(8)
    lines = (
        f"OPTIONS sip:{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {own_host}:{own_port};branch=z9hG4bK{token};rport",
        "Max-Forwards: 70",
        f"From: <sip:probe@{own_host}>;tag={token}",
        f"To: <sip:{host}:{port}>",
        f"Call-ID: {token}",
        "CSeq: 1 OPTIONS",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
