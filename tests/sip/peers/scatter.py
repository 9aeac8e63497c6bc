"""A peer's many faces: a relay that sends each datagram from another port, so that it lands at another worker."""

from __future__ import annotations

import select
import socket
import threading
from itertools import cycle

FACES = 24
"""Ports: with four workers, none of which the kernel's hash will miss."""


class Scatter:
    """Stands between one peer and the node; what the node answers goes back the way its request came."""

    def __init__(self, host: str, node: tuple[str, int]) -> None:
        self._node = node
        self._inner = self._bind(host)
        self._faces = [self._bind(host) for _ in range(FACES)]
        self._peer: tuple[str, int] | None = None
        self._stop, self._stopped = socket.socketpair()
        self.address: tuple[str, int] = self._inner.getsockname()
        """Where the peer sends to."""
        self.sent = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _bind(host: str) -> socket.socket:
        made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        made.bind((host, 0))
        return made

    def _run(self) -> None:
        faces = cycle(self._faces)
        while True:
            readable, _, _ = select.select([self._inner, *self._faces, self._stopped], [], [])
            if self._stopped in readable:
                return
            for made in readable:
                data, source = made.recvfrom(65_535)
                if made is self._inner:
                    self._peer = source
                    self.sent += 1
                    next(faces).sendto(data, self._node)
                elif self._peer is not None:
                    self._inner.sendto(data, self._peer)

    def close(self) -> None:
        """End."""
        self._stop.send(b"x")
        self._thread.join(5.0)
        for made in (self._inner, *self._faces, self._stop, self._stopped):
            made.close()
