"""Where a message came from and where one goes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

_SECURE: Final = frozenset({"TLS", "WSS", "TLS-SCTP"})


@dataclass(frozen=True, slots=True)
class Flow:
    """A pair of addresses over one transport; for a stream, the connection between them."""

    transport: str
    """As it stands in Via: ``UDP``, ``TCP``, ``TLS``, ``WS``, ``WSS`` or ``SCTP``."""
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0
    """Number of the connection; 0 for datagrams, or to say "open one to ``remote``"."""
    domain: str = ""
    """The name the far end's certificate must carry when a TLS connection is opened; "" for its IP address."""
    peer_names: tuple[str, ...] = field(default=(), compare=False)
    """SIP identities (RFC 5922 §7.1) of the far end's certificate, where one was shown and verified; lower case."""

    @property
    def reliable(self) -> bool:
        """Tell whether the transport itself repeats what is lost."""
        return self.transport != "UDP"

    @property
    def is_secure(self) -> bool:
        """Tell whether a ``sips:`` request may go this way: over TLS (RFC 5630 §3.1.3)."""
        return self.transport in _SECURE

    @property
    def uri_transport(self) -> str:
        """The ``transport`` parameter of a URI of ours that is reached this way; "" for UDP, which needs none.

        A websocket is ``ws`` with and without TLS (RFC 7118 §5.2).
        """
        return "" if self.transport == "UDP" else "ws" if self.transport == "WSS" else self.transport.lower()
