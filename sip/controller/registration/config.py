"""What an operator decides about registrations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class RegistrarConfig:
    """How the registrar of one switch is set up."""

    domains: frozenset[str] = frozenset()
    """Further hosts, in lower case, that stand for the realm in Request-URI and To; the realm itself, names below
    it and the addresses we listen on always do."""
    service_route: tuple[str, ...] = ()
    """Service-Route values returned with each 200 (RFC 3608), topmost first; each with ``lr``."""
    path_support: Literal["required", "assumed"] = "required"
    """What becomes of a Path when the phone does not say that it knows the extension: 420 as RFC 3327 §5.3
    recommends, or taken all the same for phones behind an edge proxy that know nothing of it."""
    flow_timer_s: int = 120
    """Flow-Timer told to phones that registered a flow (RFC 5626 §4.4); 0 to tell none."""
    with_gruu: bool = True
    """Whether phones that ask for them are given GRUUs (RFC 5627)."""
    pings: Literal["off", "nat", "all"] = "off"
    """Which contacts are asked for a sign of life (OPTIONS), which keeps the way through their NAT open as well."""
    ping_interval_s: float = 30.0
    """Time between two pings of a contact; home routers forget a UDP mapping after 30 s to some minutes."""
    ping_failures_max: int = 3
    """A contact that left so many pings in a row unanswered is taken out."""
    pings_per_s_max: int = 200
    """Pings sent in a second, over all contacts: beyond it each contact's interval grows."""
    ping_share: tuple[int, int] = (0, 1)
    """Which part of the lines this process pings, and of how many: workers that share one socket share the work."""
