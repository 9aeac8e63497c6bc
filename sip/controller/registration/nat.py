"""Where a contact is reached: at the address it names, or, through NAT, where its phone was heard (RFC 3581, 5626)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

from sip.controller.addressing import follow
from sip.controller.core import Core
from sip.controller.registration.denied import Denied
from sip.controller.registration.paths import flow_to_path
from sip.controller.registration.wishes import Wish
from sip.stack.flow import Flow
from sip.stack.message.message import Request

_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "fc00::/7", "fe80::/10", "::1/128",
    )
)  # fmt: skip
"""Addresses that mean something only where they are used: RFC 1918, 6598, 5735, 3927, 4193, 4291."""

_HOSTS_KEPT: Final = 8192


@lru_cache(_HOSTS_KEPT)
def is_private(host: str) -> bool:
    """Tell whether ``host`` is an address of some inner network; a name is not."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE)


@lru_cache(_HOSTS_KEPT)
def is_nobody(host: str) -> bool:
    """Tell whether no single host has this address: unspecified, multicast, broadcast."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_unspecified or address.is_multicast or host == "255.255.255.255"


def is_behind_nat(request: Request, contact_host: str, flow: Flow) -> bool:
    """Tell whether the sender's own idea of its address is wrong: in Via, or an inner address in Contact.

    A Via that was put right on the way (by an ALG, or by a phone that asked STUN) leaves the Contact to betray it.
    """
    heard = flow.remote[0]
    return request.via.host != heard or (contact_host != heard and is_private(contact_host))


def reach(
    core: Core, request: Request, flow: Flow, wish: Wish, path: tuple[str, ...], outbound: bool
) -> tuple[Flow, bool]:
    """Return the flow to a contact, and whether it is another than its URI names because of a NAT.

    Raises:
        Denied: the contact is an address of nobody's (400), of our own (403), or wants TLS that it did not come over.
    """
    uri = wish.uri
    if path:
        return flow_to_path(core, path, flow), False
    if uri.scheme == "sips" and flow.transport not in ("TLS", "WSS"):
        raise Denied(400, "SIPS Contact Needs TLS")
    behind_nat = is_behind_nat(request, uri.host, flow)
    if outbound or uri.param("ob") is not None:
        return flow, behind_nat
    found = follow(uri.host, uri.port, flow, behind_nat)
    if found is not flow:
        if is_nobody(found.remote[0]):
            raise Denied(400, "Bad Contact")
        if core.domains.is_our_socket(uri, flow):
            raise Denied(403, "Contact Leads Here")
    return found, behind_nat
