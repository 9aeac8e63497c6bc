"""How a proxy is set up."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """What the three roles without calls of their own need beside ``SwitchConfig``."""

    domains: frozenset[str] = field(default_factory=frozenset)
    """Domains this element answers for beside those of its registrar and the addresses of its listeners, in lower
    case."""
    record_route: bool = True
    """Stay in the path of dialogs (RFC 3261 §16.6 step 4): needed where phones are behind NAT or zones differ."""
    relays_foreign: bool = True
    """Lines that proved who they are may send to other domains. Nobody else ever may: it is no open relay."""
    next_hops: tuple[str, ...] = ()
    """SIP URIs. A stateless proxy shares requests for our domains out among them by Call-ID; a stateful one sends
    requests for users it does not know to the first."""
