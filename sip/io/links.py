"""Unix sockets between the workers of a node: frames to siblings, gathered, bounded, never waited for."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping

from sip.io.limits import LINK_BUFFER_BYTES, LINK_PACKET_BYTES, LINK_QUEUE_BYTES_MAX, READ_BURST_MAX

log = logging.getLogger(__name__)

_FRAME = struct.Struct("!BI")
_FRAME_BYTES_MAX = 1 << 17
"""Twice the largest message; a frame over ``LINK_PACKET_BYTES`` goes in a packet of its own."""

Receive = Callable[[int, int, bytes], None]


def make_links(workers: int) -> list[dict[int, socket.socket]]:
    """Return each worker's sockets, one to each sibling.

    Pairs, not names: the parent keeps both ends, so that what is sent to a worker that died waits for the next one.
    """
    links: list[dict[int, socket.socket]] = [{} for _ in range(workers)]
    for low in range(workers):
        for high in range(low + 1, workers):
            links[low][high], links[high][low] = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for row in links:
        for link in row.values():
            link.setblocking(False)
            link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LINK_BUFFER_BYTES)
    return links


class _Link:
    """The way to one sibling: what waits for the loop's next round, and behind it what the kernel had no room for."""

    __slots__ = ("gathered", "gathered_bytes", "is_blocked", "socket", "waiting", "waiting_bytes")

    def __init__(self, link: socket.socket) -> None:
        self.socket = link
        self.gathered: list[bytes] = []
        self.gathered_bytes = 0
        self.waiting: deque[bytes] = deque()
        self.waiting_bytes = 0
        self.is_blocked = False


class Links:
    """One worker's links. ``receive`` is called with sibling, kind and payload; ``received`` after each burst."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sockets: Mapping[int, socket.socket]) -> None:
        self._loop = loop
        self._links = {sibling: _Link(link) for sibling, link in sockets.items()}
        self._is_due = False
        self._receive: Receive | None = None
        self._received: Callable[[], None] = lambda: None
        self.siblings = tuple(sorted(self._links))
        self.dropped = 0
        """Frames there was no room for."""

    def start(self, receive: Receive, received: Callable[[], None]) -> None:
        """Read from now on."""
        self._receive, self._received = receive, received
        for sibling, link in self._links.items():
            self._loop.add_reader(link.socket.fileno(), self._read, sibling, link)

    def send(self, sibling: int, kind: int, payload: bytes) -> bool:
        """Have a frame sent with all others of this round; returns whether there was room for it."""
        link = self._links[sibling]
        is_too_much = link.waiting_bytes + link.gathered_bytes + len(payload) > LINK_QUEUE_BYTES_MAX
        if is_too_much or len(payload) > _FRAME_BYTES_MAX:
            self.dropped += 1
            return False
        if link.gathered_bytes + len(payload) > LINK_PACKET_BYTES:
            self._pack(link)
        link.gathered.append(_FRAME.pack(kind, len(payload)))
        link.gathered.append(payload)
        link.gathered_bytes += _FRAME.size + len(payload)
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self.flush)
        return True

    def send_all(self, kind: int, payload: bytes) -> None:
        """Have a frame sent to every sibling that has room for it."""
        for sibling in self.siblings:
            self.send(sibling, kind, payload)

    def flush(self) -> None:
        """Send what this round gathered."""
        self._is_due = False
        for link in self._links.values():
            if link.gathered:
                self._pack(link)

    def _pack(self, link: _Link) -> None:
        """Make one packet of what is gathered; the kernel takes it, or it waits behind others."""
        packet = b"".join(link.gathered)
        link.gathered.clear()
        link.gathered_bytes = 0
        if packet and (link.is_blocked or not self._give(link, packet)):
            link.waiting.append(packet)
            link.waiting_bytes += len(packet)
            if not link.is_blocked:
                link.is_blocked = True
                self._loop.add_writer(link.socket.fileno(), self._write, link)

    def _give(self, link: _Link, packet: bytes) -> bool:
        """Return whether the packet needs no more care: the kernel has it, or can never have it."""
        try:
            link.socket.send(packet)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self.dropped += 1
            log.warning("a packet to a sibling is lost: %s", error)
        return True

    def _write(self, link: _Link) -> None:
        while link.waiting:
            if not self._give(link, link.waiting[0]):
                return
            link.waiting_bytes -= len(link.waiting.popleft())
        link.is_blocked = False
        self._loop.remove_writer(link.socket.fileno())

    def _read(self, sibling: int, link: _Link) -> None:
        for _ in range(READ_BURST_MAX):
            try:
                packet = link.socket.recv(_FRAME.size + _FRAME_BYTES_MAX)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                log.warning("link to worker %d: %s", sibling, error)
                break
            if not packet:
                self._loop.remove_reader(link.socket.fileno())
                break
            self._cut(sibling, packet)
        self._received()

    def _cut(self, sibling: int, packet: bytes) -> None:
        """Hand on the frames of a packet; a tail that is no frame is dropped."""
        position = 0
        while position + _FRAME.size <= len(packet) and self._receive is not None:
            kind, size = _FRAME.unpack_from(packet, position)
            position += _FRAME.size
            if position + size > len(packet):
                return
            self._receive(sibling, kind, packet[position : position + size])
            position += size

    def close(self) -> None:
        """Send what can be sent at once, and close."""
        self.flush()
        self._receive = None
        for link in self._links.values():
            self._loop.remove_reader(link.socket.fileno())
            self._loop.remove_writer(link.socket.fileno())
            link.socket.close()
