"""Where a message came from and where one goes to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """A pair of addresses over one transport; for a stream, the connection between them."""

    transport: str
    """``UDP`` or ``TCP``, as it stands in Via."""
    local: tuple[str, int]
    remote: tuple[str, int]
    connection: int = 0
    """Number of the connection; 0 for datagrams, or to say "open one to ``remote``"."""
    domain: str = ""
    """The name the far end's certificate must carry when a connection is opened; "" when nothing is asked of it."""

    @property
    def reliable(self) -> bool:
        """Tell whether the transport itself repeats what is lost."""
        return self.transport != "UDP"
