"""What tests of the registrar share: one line, its phone, and what it was answered."""

from __future__ import annotations

from typing import Any

from sip.controller.location import Binding
from sip.controller.registration.config import RegistrarConfig
from sip.stack.listeners import single_zone
from sip.stack.message.message import Response
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone

CONTACT = "<sip:alice@192.0.2.10:5060>"
UUID = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
INSTANCE = f';+sip.instance="<{UUID}>"'


def registrar(
    config: RegistrarConfig | None = None, advertised_host: str = "", **changes: Any
) -> tuple[Network, Phone]:
    """Return a switch with UDP, TCP, TLS and WS, and alice, not yet registered; ``changes`` are of her line."""
    sockets = {"UDP": SWITCH, "TCP": SWITCH, "TLS": (SWITCH[0], 5061), "WS": (SWITCH[0], 8080)}
    lines = [line(1, "alice", **changes), line(2, "bob")]
    network = Network(
        directory(*lines),
        listeners=single_zone(sockets, advertised_host),
        settings={"registrar": config or RegistrarConfig()},
    )
    return network, network.phone("192.0.2.10", "alice", "pw-alice")


def answer(network: Network, phone: Phone, *rows: tuple[str, str], expires_s: int = 600) -> Response:
    """Register with these rows and return the last answer."""
    phone.register(expires_s, *rows)
    network.run()
    return phone.responses[-1]


def refused(network: Network, phone: Phone, *rows: tuple[str, str]) -> int:
    """Register in vain: nothing may have changed. Returns the status."""
    before = bindings(network)
    status = answer(network, phone, *rows).status
    assert status >= 300
    assert bindings(network) == before
    return status


def bindings(network: Network, username: str = "alice") -> tuple[Binding, ...]:
    """Return what is bound now."""
    return network.switch.locations.bindings(username, network.wall)


def uris(network: Network) -> list[str]:
    """Return alice's contacts, newest last."""
    return [binding.uri for binding in bindings(network)]
