"""Sockets bound to an address: a process's own, or those a parent bound for its workers (SO_REUSEPORT)."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Protocol

from sip.io.limits import RECEIVE_BUFFER_BYTES

Key = tuple[str, str, int]
"""``datagram`` or ``stream``, IP address, port."""


class Binder(Protocol):
    """Where a listener's socket comes from."""

    def datagram(self, host: str, port: int) -> socket.socket:
        """Return a bound UDP socket.

        Raises:
            OSError: the address is not ours or taken.
        """
        ...

    def stream(self, host: str, port: int) -> socket.socket:
        """Return a bound TCP socket, not listening yet.

        Raises:
            OSError: the address is not ours or taken.
        """
        ...


class OwnSockets:
    """Binds anew; ``is_shared`` lets several sockets have the address, among which the kernel spreads the senders."""

    def __init__(self, is_shared: bool = False) -> None:
        self._is_shared = is_shared

    def datagram(self, host: str, port: int) -> socket.socket:
        """Bind a UDP socket."""
        made = self._make(host, socket.SOCK_DGRAM)
        with contextlib.suppress(OSError):  # The kernel's own bound may be lower; it then takes what it allows.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return _bind(made, host, port)

    def stream(self, host: str, port: int) -> socket.socket:
        """Bind a TCP socket."""
        made = self._make(host, socket.SOCK_STREAM)
        # A restart must not wait for the last connections of the former process to be forgotten.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return _bind(made, host, port)

    def _make(self, host: str, kind: socket.SocketKind) -> socket.socket:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
        made = socket.socket(family, kind)
        made.setblocking(False)
        if family == socket.AF_INET6 and kind == socket.SOCK_STREAM:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if self._is_shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
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

    def stream(self, host: str, port: int) -> socket.socket:
        """Return the TCP socket."""
        return self._take("stream", host, port)

    def _take(self, kind: str, host: str, port: int) -> socket.socket:
        try:
            return self.sockets[kind, host, port]
        except KeyError:
            raise OSError(f"nobody bound {kind} {host} {port} for this worker") from None

    def close(self) -> None:
        """Close all; for a process that is another worker."""
        for made in self.sockets.values():
            made.close()
