"""Sockets bound to an address: a process's own, or those a parent bound for its workers (SO_REUSEPORT)."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Protocol

from sip.io.limits import RECEIVE_BUFFER_BYTES

Key = tuple[str, str, int]
"""``datagram``, ``stream`` or ``sctp``, IP address, port."""


class Binder(Protocol):
    """Where a listener's socket comes from."""

    def datagram(self, host: str, port: int) -> socket.socket:
        """Return a bound UDP socket.

        Raises:
            OSError: the address is not ours or taken.
        """
        ...

    def stream(self, host: str, port: int, protocol: int = socket.IPPROTO_TCP) -> socket.socket:
        """Return a bound TCP or SCTP socket, not listening yet.

        Raises:
            OSError: the address is not ours or taken, or the kernel has no such protocol.
        """
        ...


class OwnSockets:
    """Binds anew; ``is_shared`` lets several sockets have the address, among which the kernel spreads the senders."""

    def __init__(self, is_shared: bool = False) -> None:
        self._is_shared = is_shared

    def datagram(self, host: str, port: int) -> socket.socket:
        """Bind a UDP socket."""
        made = self._share(_prepared(socket.socket(_family(host), socket.SOCK_DGRAM)))
        with contextlib.suppress(OSError):  # The kernel's own bound may be lower; it then takes what it allows.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return _bind(made, host, port)

    def stream(self, host: str, port: int, protocol: int = socket.IPPROTO_TCP) -> socket.socket:
        """Bind a TCP or SCTP socket."""
        made = self._share(stream_socket(host, protocol))
        # A restart must not wait for the last connections of the former process to be forgotten.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bind(made, host, port)

    def _share(self, made: socket.socket) -> socket.socket:
        if self._is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        return made


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(host.partition("%")[0]).version == 6 else socket.AF_INET


def protocol_of(transport: str) -> int:
    """Return the kernel's protocol under a transport of streams."""
    return socket.IPPROTO_SCTP if transport == "SCTP" else socket.IPPROTO_TCP


def stream_socket(host: str, protocol: int) -> socket.socket:
    """Return a new TCP or SCTP socket of the host's address family, neither bound nor connected.

    Raises:
        OSError: the kernel has no such protocol.
    """
    try:
        made = socket.socket(_family(host), socket.SOCK_STREAM, protocol)
    except OSError as error:
        if protocol == socket.IPPROTO_SCTP:
            raise OSError(error.errno, "this kernel has no SCTP") from error
        raise
    return _prepared(made)


def _prepared(made: socket.socket) -> socket.socket:
    made.setblocking(False)
    if made.family == socket.AF_INET6:
        # An IPv4 peer would appear under a mapped address, which is of no use in SIP (RFC 5118 §4.9).
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def _bind(made: socket.socket, host: str, port: int) -> socket.socket:
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


class GivenSockets:
    """Sockets of one worker, bound by its parent: they outlive it, and so does what the kernel has put into them."""

    def __init__(self, sockets: dict[Key, socket.socket]) -> None:
        self.sockets = sockets

    def datagram(self, host: str, port: int) -> socket.socket:
        """Return the UDP socket."""
        return self._take("datagram", host, port)

    def stream(self, host: str, port: int, protocol: int = socket.IPPROTO_TCP) -> socket.socket:
        """Return the TCP or SCTP socket."""
        return self._take("sctp" if protocol == socket.IPPROTO_SCTP else "stream", host, port)

    def _take(self, kind: str, host: str, port: int) -> socket.socket:
        try:
            return self.sockets[kind, host, port]
        except KeyError:
            raise OSError(f"nobody bound {kind} {host} {port} for this worker") from None

    def close(self) -> None:
        """Close all; for a process that is another worker."""
        for made in self.sockets.values():
            made.close()
