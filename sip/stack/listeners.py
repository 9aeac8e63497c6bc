"""The sockets of this element, by zone: which one a request leaves by, and what its far end is told to send to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sip.stack.flow import Flow

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Listener:
    """One bound socket of one zone (a network we are in: internal, carrier, internet)."""

    transport: str
    """As it stands in Via: ``UDP``, ``TCP``, ``TLS``, ``WS`` …"""
    local: Address
    """What ``Flow.local`` holds of whatever comes and goes here."""
    advertised: Address
    """Host and port in Via and Contact: the public side of a 1:1 NAT, a name, or ``local`` itself."""
    zone: str = ""


class Listeners:
    """All listeners of an element; the zone of the first is the default one. Never changes."""

    __slots__ = ("_advertised", "_by_transport", "_local", "_zones", "first_zone", "rows")

    def __init__(self, rows: Sequence[Listener] = ()) -> None:
        self.rows = tuple(rows)
        self.first_zone = rows[0].zone if rows else ""
        self._advertised: dict[str, dict[Address, Address]] = {}
        self._by_transport: dict[str, Address] = {}
        self._local: dict[tuple[str, str, bool], Address] = {}
        self._zones: dict[tuple[str, Address], str] = {}
        for row in rows:
            key = (row.transport, row.local)
            self._advertised.setdefault(row.transport, {}).setdefault(row.local, row.advertised)
            self._zones.setdefault(key, row.zone)
            self._by_transport.setdefault(row.transport, row.advertised)
            self._local.setdefault((row.zone, row.transport, ":" in row.local[0]), row.local)

    def advertised(self, flow: Flow) -> Address:
        """Return host and port to name ourselves by towards the far end of ``flow``.

        A socket that is not there any more (a flow kept over a restart with other settings) is named by the first of
        its transport, which is what its messages then leave by; without any it is the flow's own.
        """
        mine = self._advertised.get(flow.transport)
        if mine is None:
            return flow.local
        return mine.get(flow.local) or self._by_transport[flow.transport]

    def local(self, transport: str, host: str = "", zone: str = "") -> Address | None:
        """Return the socket from which ``host`` is reached in a zone ("": the first).

        ``host`` is an IP address, "" when any family will do; ``None`` when the zone has no listener of that
        transport and address family.
        """
        zone = zone or self.first_zone
        if not host:
            return self._local.get((zone, transport, False)) or self._local.get((zone, transport, True))
        return self._local.get((zone, transport, ":" in host))

    def zone_of(self, flow: Flow) -> str:
        """Return the zone a flow belongs to, "" when its listener is not known."""
        return self._zones.get((flow.transport, flow.local), "")


def single_zone(listen: Mapping[str, Address], advertised_host: str = "") -> Listeners:
    """Return the listeners of an element with one zone and one socket a transport."""
    return Listeners([Listener(name, local, (advertised_host or local[0], local[1])) for name, local in listen.items()])
