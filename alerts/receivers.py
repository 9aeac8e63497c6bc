"""Where a webhook may go: to the public internet only, so that nobody reaches our own network through us (SSRF)."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx
from django.conf import settings

from alerts.limits import URL_CHARS_MAX
from tenants.errors import DomainError

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052 §2.1: an IPv4 address in its last 32 bits."""


_HOST = re.compile(rb"[A-Za-z0-9._:-]{1,253}")
"""A name in its ASCII form, or an address."""


class UnsafeUrl(Exception):
    """A webhook must not go there (``permanent``), or its name is not known just now."""

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


def check_url(url: str) -> None:
    """Refuse an address no webhook can go to; a name is looked up at each delivery, not here.

    Raises:
        DomainError: field ``url``.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise DomainError(f"not a URL: {error}", field="url") from error
    if len(url) > URL_CHARS_MAX:
        raise DomainError(f"longer than {URL_CHARS_MAX} characters", field="url")
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise DomainError("a webhook goes to an http or https address", field="url")
    if not _HOST.fullmatch(parsed.raw_host) or not 0 < (parsed.port or 80) < 65_536:
        raise DomainError("no host and port can be read from this address", field="url")
    if parsed.userinfo:
        raise DomainError("a webhook's address holds no user or password", field="url")
    literal = _literal(parsed.host)
    if literal is not None and not _may_be_reached(literal):
        raise DomainError("a webhook goes to a public address", field="url")


def public_address(host: str, port: int) -> str:
    """Look a host up and return an address a webhook may go to.

    Raises:
        UnsafeUrl: any of its addresses is not public, or it has none.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise UnsafeUrl(f"{host} has no address: {error}", permanent=False) from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    # One private address among public ones is how a name is turned against us: all must be public.
    if not all(_may_be_reached(address) for address in addresses):
        raise UnsafeUrl(f"{host} is not a public address", permanent=True)
    return str(addresses[0])


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _may_be_reached(address: IPv4Address | IPv6Address) -> bool:
    return settings.ALERTS_WEBHOOK_ALLOW_PRIVATE or _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether an address, and any IPv4 address it carries inside, is of the public unicast internet."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_public(inner)
    return address.is_global and not address.is_multicast
