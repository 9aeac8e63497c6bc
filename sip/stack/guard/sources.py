"""How an operator names a source (``sip.stack.addresses.source_of`` says what one is)."""

from __future__ import annotations

import ipaddress

from sip.stack.addresses import source_of


def parse_source(text: str) -> str:
    """Read what an operator writes: an address, or an IPv6 network of 64 bits.

    Raises:
        ValueError: neither.
    """
    text = text.strip()
    if text.endswith("/64"):
        return str(ipaddress.IPv6Network(text, strict=False))
    return source_of(str(ipaddress.ip_address(text)))
