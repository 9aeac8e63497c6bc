"""Addresses nothing is ever sent to, and who counts as one source."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

_KEPT: Final = 8192
"""Addresses whose nature is remembered: phones and carriers repeat, what an attacker makes up does not stay."""

_BROADCAST: Final = "255.255.255.255"


@lru_cache(_KEPT)
def _is_single_host(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    address = mapped or address
    return not (address.is_multicast or address.is_unspecified or str(address) == _BROADCAST)


def is_sendable(address: tuple[str, int]) -> bool:
    """Tell whether a message may go there: one host (no broadcast, multicast, unspecified address), and no port 0.

    A response aimed at such an address would be multiplied, or come back to us. The broadcast address of a subnet
    cannot be told from here; the kernel refuses it.
    """
    return address[1] != 0 and _is_single_host(address[0])


def source_of(host: str) -> str:
    """Return what is counted as one source: an IPv4 address, or the /64 that one IPv6 customer has whole."""
    return host if ":" not in host else _network_of(host)


@lru_cache(_KEPT)
def _network_of(host: str) -> str:
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64)) + "/64"
