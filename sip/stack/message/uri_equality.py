"""When two URIs mean the same (RFC 3261 §19.1.4, RFC 3966 §4 for tel, RFC 5954 §4.1 for IPv6 addresses)."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

from sip.stack.message.uri import Uri, UriParams

_MUST_BE_IN_BOTH: Final = ("user", "ttl", "method", "maddr", "transport")
"""Parameters that, standing in one URI only, tell the two apart; all others then say nothing.

The list of §19.1.4 has no ``transport``, but its examples hold ``sip:bob@biloxi.com`` and the same with
``;transport=udp`` apart, as does the rule on components that are left out.
"""
_VISUAL_SEPARATORS: Final = str.maketrans("", "", "-.()")
_HOSTS_KEPT: Final = 4096


def same_uri(one: Uri, two: Uri) -> bool:
    """Tell whether two URIs are equivalent. It is not transitive: parameters in one URI only may be ignored."""
    if one.scheme != two.scheme:
        return False
    if one.scheme == "tel":
        return _same_number(one, two)
    if one.scheme not in ("sip", "sips"):
        return str(one) == str(two)
    return (
        one.user == two.user
        and one.password == two.password
        and one.port == two.port
        and same_host(one.host, two.host)
        and _same_params(one.params, two.params)
        and _folded(one.headers) == _folded(two.headers)
    )


def same_host(one: str, two: str) -> bool:
    """Compare hosts: names without regard to case, IPv6 addresses by value. A name never equals an address."""
    return one == two or _host_value(one) == _host_value(two)


@lru_cache(_HOSTS_KEPT)
def _host_value(host: str) -> str:
    if ":" not in host:
        return host.lower()
    try:
        return ipaddress.IPv6Address(host.partition("%")[0]).compressed
    except ValueError:
        return host.lower()


def _same_params(one: UriParams, two: UriParams) -> bool:
    if one == two:
        return True
    first = {name: value.lower() if value is not None else None for name, value in one}
    second = {name: value.lower() if value is not None else None for name, value in two}
    for name, value in first.items():
        if name in second:
            if second[name] != value:
                return False
        elif name in _MUST_BE_IN_BOTH:
            return False
    return all(name in first or name not in _MUST_BE_IN_BOTH for name in second)


def _folded(headers: tuple[tuple[str, str], ...]) -> list[tuple[str, str]]:
    return sorted([(name.lower(), value) for name, value in headers])


def _same_number(one: Uri, two: Uri) -> bool:
    """Compare tel URIs: visual separators do not count, every parameter does, in any order (RFC 3966 §4)."""
    return _digits(one.user) == _digits(two.user) and _tel_params(one.params) == _tel_params(two.params)


def _tel_params(params: UriParams) -> list[tuple[str, str]]:
    return sorted([(name, (value or "").lower().translate(_VISUAL_SEPARATORS)) for name, value in params])


def _digits(number: str) -> str:
    return number.lower().translate(_VISUAL_SEPARATORS)
