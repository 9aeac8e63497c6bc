"""Which hosts stand for us: in the Request-URI and To of a REGISTER, in a Route, in a GRUU."""

from __future__ import annotations

from sip.controller.ports import SwitchConfig
from sip.stack.flow import Flow
from sip.stack.message.grammar import is_address
from sip.stack.message.uri import Uri

_ANY: frozenset[str] = frozenset({"0.0.0.0", "::"})  # noqa: S104 - told apart, not bound


class Domains:
    """Hosts by which a switch is addressed."""

    __slots__ = ("_addresses", "_names", "_ports", "_suffix", "_takes_any_address")

    def __init__(self, config: SwitchConfig) -> None:
        own = own_addresses(config)
        self._names = config.registrar.domains | {config.realm.lower()}
        self._suffix = "." + config.realm.lower()
        self._addresses = frozenset(host for host, _ in own)
        self._ports = frozenset(port for _, port in own)
        self._takes_any_address = not self._addresses.isdisjoint(_ANY)

    def has(self, host: str) -> bool:
        """Tell whether ``host`` is a domain of ours, a name below the realm or an address we listen on.

        Bound to all addresses, we cannot tell which are ours: then each one a phone uses counts.
        """
        if host in self._names or host in self._addresses:
            return True
        lowered = host.lower()
        if lowered in self._names or lowered.endswith(self._suffix):
            return True
        return self._takes_any_address and is_address(host)

    def is_our_socket(self, uri: Uri, flow: Flow) -> bool:
        """Tell whether ``uri`` leads to a socket of ours: a request for it would come back.

        A name without a port may stand for any of our ports: SRV records tell (RFC 3263 §4.2).
        """
        if not is_address(uri.host):
            return (uri.port is None or uri.port in self._ports) and self.has(uri.host)
        if (uri.port or 5060) not in self._ports:
            return False
        return uri.host in self._addresses or uri.host == flow.local[0]


def own_addresses(config: SwitchConfig) -> list[tuple[str, int]]:
    """Return host and port of every socket of ours, as bound and as advertised."""
    return [address for row in config.listeners.rows for address in (row.local, row.advertised)]
