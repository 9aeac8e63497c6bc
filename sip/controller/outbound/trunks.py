"""Trunks as this node sees them: where they are, from where their calls come, and whether they answer at all."""

from __future__ import annotations

from collections.abc import Sequence

from sip.controller.directory import TrunkEntry
from sip.controller.timers import Timer
from sip.stack.locating.records import Hop
from sip.stack.message.uri import Uri


def trunk_uri(trunk: TrunkEntry) -> Uri:
    """Return the URI whose servers are the trunk's."""
    params = (("transport", trunk.transport.lower()),) if trunk.transport else ()
    return Uri("sip", "", trunk.host, trunk.port, params)


def numeric_hop(trunk: TrunkEntry) -> Hop:
    """Return the only server of a trunk whose host is an address."""
    transport = trunk.transport.upper() or "UDP"
    return Hop(transport, (trunk.host, trunk.port or (5061 if transport == "TLS" else 5060)))


class Watched:
    """One trunk that is asked whether it is there, or whose name tells where its calls come from."""

    __slots__ = ("addresses", "entry", "failures", "is_down", "ping_timer", "resolve_timer")

    def __init__(self, entry: TrunkEntry) -> None:
        self.entry = entry
        self.is_down = False
        self.failures = 0
        """OPTIONS in a row that were not answered."""
        self.addresses: tuple[str, ...] = ()
        """What the name leads to."""
        self.ping_timer: Timer | None = None
        self.resolve_timer: Timer | None = None

    @property
    def lends_addresses(self) -> bool:
        """Tell whether calls from where the name leads are the trunk's: no other way to know them is configured."""
        return not self.entry.source_addresses and not self.entry.tls_name

    def stop(self) -> None:
        """Ask no more."""
        for timer in (self.ping_timer, self.resolve_timer):
            if timer is not None:
                timer.cancel()


class TrunkStates:
    """All watched trunks; ``watching`` keeps them up to date."""

    __slots__ = ("_by_address", "watched")

    def __init__(self) -> None:
        self.watched: dict[int, Watched] = {}
        self._by_address: dict[str, int] = {}

    def is_down(self, trunk_id: int) -> bool:
        """Tell whether a trunk has left so many OPTIONS unanswered that it is passed over."""
        watched = self.watched.get(trunk_id)
        return watched is not None and watched.is_down

    def down(self) -> tuple[int, ...]:
        """Return the trunks that are passed over."""
        return tuple([trunk_id for trunk_id, watched in self.watched.items() if watched.is_down])

    def addresses(self, trunk_id: int) -> Sequence[str]:
        """Return the addresses a trunk's name leads to."""
        watched = self.watched.get(trunk_id)
        return watched.addresses if watched is not None else ()

    def id_by_address(self, address: str) -> int | None:
        """Return the trunk whose name leads to this address."""
        return self._by_address.get(address)

    def index(self) -> None:
        """Take the addresses as they are now."""
        self._by_address = {}
        for trunk_id, watched in self.watched.items():
            for address in watched.addresses if watched.lends_addresses else ():
                self._by_address.setdefault(address, trunk_id)
