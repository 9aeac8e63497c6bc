"""What an endpoint is told once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sip.stack.limits import TRANSACTIONS_MAX
from sip.stack.listeners import Listeners


@dataclass(frozen=True, slots=True)
class TimerValues:
    """The base values of RFC 3261 §17, in seconds."""

    t1_s: float = 0.5
    """Round-trip time estimate."""
    t2_s: float = 4.0
    """Longest interval between repetitions of a non-INVITE request and of an INVITE's response."""
    t4_s: float = 5.0
    """How long a message may stay in the network."""
    trying_s: float = 0.2
    """An INVITE that is not answered within this gets its 100 from the stack (RFC 3261 §17.2.1)."""

    @property
    def timeout_s(self) -> float:
        """64*T1: timers B, F, H, J, L and M."""
        return 64 * self.t1_s

    @property
    def d_s(self) -> float:
        """Timer D: at least 32 s over UDP."""
        return max(32.0, 64 * self.t1_s)


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """How the endpoint names itself, and its bounds."""

    token: Callable[[], str]
    """Gives a fresh, unguessable token of at least 8 characters for a branch or a tag."""
    listeners: Listeners = field(default_factory=Listeners)
    """Our sockets: Via names the advertised address of the one a request leaves by, else the flow's local address."""
    server_name: str = ""
    """Value of Server in responses made here and of User-Agent in CANCEL; "" for none."""
    timers: TimerValues = field(default_factory=TimerValues)
    transactions_max: int = TRANSACTIONS_MAX
    role: Literal["user", "proxy", "stateless"] = "user"
    """``user``: responses end here. ``proxy``: they may have further Via values, and a 2xx is the callee's to repeat.
    ``stateless``: nothing is remembered, every message is told as ``RequestPassing`` or ``ResponsePassing``."""
