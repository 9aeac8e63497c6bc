"""A UDP socket under the pump: reads in bursts, sends at once."""

from __future__ import annotations

import asyncio
import logging

from sip.io.binding import Binder, OwnSockets
from sip.io.limits import DATAGRAM_BYTES_MAX, FLOWS_KEPT_MAX, READ_BURST_MAX
from sip.io.pump import Pump
from sip.stack.addresses import is_sendable
from sip.stack.flow import Flow

log = logging.getLogger(__name__)


class UdpShell:
    """One bound socket. Port 0 takes a free one; ``local`` tells which."""

    def __init__(self, loop: asyncio.AbstractEventLoop, host: str, port: int, binder: Binder | None = None) -> None:
        """Bind.

        Raises:
            OSError: the address is not ours or taken.
        """
        self._socket = (binder or OwnSockets()).datagram(host, port)
        name = self._socket.getsockname()
        self.local: tuple[str, int] = (name[0], name[1])
        self.dropped = 0
        """Datagrams the kernel had no room for (their senders repeat them), and such as nobody could answer."""
        self._flows: dict[tuple[str, int], Flow] = {}
        """By who was heard lately: a flow never changes, and making one costs more than finding it."""
        self._loop = loop
        self._pump: Pump | None = None

    def start(self, pump: Pump) -> None:
        """Feed ``pump`` from now on."""
        self._pump = pump
        self._loop.add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        pump, receive, flows = self._pump, self._socket.recvfrom, self._flows
        if pump is None:
            return
        for _ in range(READ_BURST_MAX):
            try:
                data, source = receive(DATAGRAM_BYTES_MAX)
            except BlockingIOError:
                pump.drained(self)
                break
            except OSError as error:
                # An ICMP error of something sent earlier: its transaction's own timer deals with it.
                log.debug("receive: %s", error)
                continue
            flow = flows.get(source) or self._flow_from(source)
            if flow is None:
                self.dropped += 1  # Its answer would go to many, or to nobody.
                continue
            pump.datagram(data, flow)
        else:
            pump.undrained(self)
        pump.turn()

    def _flow_from(self, source: tuple[str, int]) -> Flow | None:
        """Return the flow of a sender that is new here, ``None`` for one that cannot be answered."""
        if not is_sendable(source):
            return None
        if len(self._flows) >= FLOWS_KEPT_MAX:
            self._flows.clear()
        flow = self._flows[source] = Flow("UDP", self.local, (source[0], source[1]))
        return flow

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send a datagram to one host; a full buffer drops it, as the network might."""
        if not is_sendable(flow.remote):
            log.info("nothing is sent to %s port %d", *flow.remote)
            return False
        try:
            self._socket.sendto(data, flow.remote)
        except BlockingIOError:
            self.dropped += 1
        except OSError as error:
            log.info("cannot send to %s: %s", flow.remote, error)
            return False
        return True

    def close(self) -> None:
        """Read and send nothing more."""
        self._loop.remove_reader(self._socket.fileno())
        self._pump = None
        self._socket.close()
