"""Pieces of RFC 3261 §25.1 that several headers share: tokens, quoted strings, parameters, lists."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Final

from sip.stack.limits import SEPARATORS_MAX

Params = tuple[tuple[str, str | None], ...]
"""Parameters in order; names in lower case, values without quotes; ``None`` for a parameter without ``=``."""

TOKEN_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")
_HOST_CHARS: Final = TOKEN_CHARS | frozenset("[]:")


def is_token(text: str) -> bool:
    """Tell whether ``text`` is a ``token``: not empty, and made of its characters only."""
    return bool(text) and TOKEN_CHARS.issuperset(text)


def quote(text: str) -> str:
    """Return ``text`` as a quoted-string."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def end_of_quoted(text: str, start: int) -> int:
    """Return the position after the closing quote of the quoted-string that opens at ``start``.

    Raises:
        ValueError: it is never closed.
    """
    position = start + 1
    while True:
        close = text.find('"', position)
        if close < 0:
            raise ValueError(f"unclosed quote in {text[:80]!r}")
        backslash = text.find("\\", position, close)
        if backslash < 0:
            return close + 1
        position = backslash + 2


def unquote(text: str) -> str:
    """Return what a quoted-string, given with its quotes, says."""
    inner = text[1:-1]
    if "\\" not in inner:
        return inner
    parts: list[str] = []
    position = 0
    while True:
        backslash = inner.find("\\", position)
        if backslash < 0:
            parts.append(inner[position:])
            return "".join(parts)
        parts.append(inner[position:backslash])
        parts.append(inner[backslash + 1 : backslash + 2])
        position = backslash + 2


def split_outside(text: str, separator: str) -> list[str]:
    """Split at ``separator`` where it stands neither in a quoted-string nor in ``<>``; parts are stripped.

    Raises:
        ValueError: a quote or a bracket is never closed, or there are more than ``SEPARATORS_MAX`` separators.
    """
    if separator not in text:
        return [text.strip()]
    if text.count(separator) > SEPARATORS_MAX:
        raise ValueError(f"more than {SEPARATORS_MAX} {separator!r}")
    hiding = text.count('"') + text.count("<")
    if hiding == 0:
        return [part.strip() for part in text.split(separator)]
    if hiding > 4 * SEPARATORS_MAX:
        raise ValueError(f"more than {4 * SEPARATORS_MAX} quotes and brackets")
    parts: list[str] = []
    start = 0
    position = _next_separator(text, separator, 0)
    while position >= 0:
        parts.append(text[start:position].strip())
        start = position + 1
        position = _next_separator(text, separator, start)
    parts.append(text[start:].strip())
    return parts


def _next_separator(text: str, separator: str, position: int) -> int:
    """Return where the next separator outside quotes and brackets is, -1 when there is none."""
    while True:
        found = text.find(separator, position)
        end = len(text) if found < 0 else found
        quoted = text.find('"', position, end)
        bracket = text.find("<", position, end if quoted < 0 else quoted)
        if bracket >= 0:
            position = text.find(">", bracket) + 1
            if position == 0:
                raise ValueError(f"unclosed < in {text[:80]!r}")
        elif quoted >= 0:
            position = end_of_quoted(text, quoted)
        else:
            return found


def parse_param(text: str) -> tuple[str, str | None]:
    """Read one ``generic-param``.

    Raises:
        ValueError: its name is no token, or its value neither token, host nor quoted-string.
    """
    name, equals, value = text.partition("=")
    if not (name.isascii() and name.isalnum() and name.islower()):
        name = name.strip().lower()
        if not TOKEN_CHARS.issuperset(name) or not name:
            raise ValueError(f"bad parameter {text!r}")
    if not equals:
        return name, None
    if value.isascii() and value.isalnum():
        return name, value
    value = value.strip()
    if value[:1] == '"':
        if end_of_quoted(value, 0) != len(value):
            raise ValueError(f"bad parameter {text!r}")
        return name, unquote(value)
    if not _HOST_CHARS.issuperset(value) or not value:
        raise ValueError(f"bad parameter {text!r}")
    return name, value


def parse_params(text: str) -> Params:
    """Read ``;a=b;c``; text before the first semicolon must be blank.

    Raises:
        ValueError: something there is no parameter, or a name comes twice.
    """
    if not text:
        return ()
    parts = split_outside(text, ";")
    if parts[0]:
        raise ValueError(f"unexpected {parts[0]!r}")
    if len(parts) == 2:
        return (parse_param(parts[1]),)
    params = tuple([parse_param(part) for part in parts[1:]])
    if len(params) > 1 and len({name for name, _ in params}) != len(params):
        raise ValueError(f"parameter given twice in {text!r}")
    return params


def format_params(params: Params) -> str:
    """Return ``;a=b;c``; a value that is neither token nor host is quoted."""
    text = ""
    for name, value in params:
        if value is None:
            text += f";{name}"
        elif value and _HOST_CHARS.issuperset(value):
            text += f";{name}={value}"
        else:
            text += f";{name}={quote(value)}"
    return text


def find_param(params: Params, name: str) -> str | None:
    """Return the value of ``name`` (lower case), "" when it has none, ``None`` when it is absent."""
    for key, value in params:
        if key == name:
            return "" if value is None else value
    return None


def parse_host_port(text: str) -> tuple[str, int | None]:
    """Read ``host [":" port]``, without blanks around; an IPv6 reference loses its brackets.

    Raises:
        ValueError: no host, a character no host has, or a port outside 1 to 65535.
    """
    if text[:1] == "[":
        host, closed, rest = text[1:].partition("]")
        if not closed or not _IPV6_CHARS.issuperset(host):
            raise ValueError(f"bad IPv6 reference in {text!r}")
        if ":::" in host:
            host = host.replace(":::", "::", 1)  # The ABNF of RFC 3261 has a colon too many (RFC 5118 §4.10).
        if not is_ipv6(host):
            raise ValueError(f"bad IPv6 reference in {text!r}")
        rest = rest.strip()
        if not rest:
            return host, None
        if rest[0] != ":":
            raise ValueError(f"unexpected {rest!r} after host")
        return host, parse_port(rest[1:])
    host, colon, port = text.partition(":")
    host = host.rstrip()
    if not host or not _NAME_CHARS.issuperset(host):
        raise ValueError(f"no host in {text!r}")
    return host, parse_port(port) if colon else None


_IPV6_CHARS: Final = frozenset("0123456789abcdefABCDEF:.")
_NAME_CHARS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")


def parse_port(text: str) -> int:
    """Read a port number.

    Raises:
        ValueError: not 1 to 65535 in at most five ASCII digits.
    """
    number = parse_digits(text.strip(), 65_535)
    if number == 0:
        raise ValueError(f"bad port {text!r}")
    return number


def parse_digits(text: str, largest: int) -> int:
    """Read a whole number of ASCII digits.

    Raises:
        ValueError: another character, none at all, or more than ``largest``.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 20:
        raise ValueError(f"not a number: {text[:32]!r}")
    number = int(text)
    if number > largest:
        raise ValueError(f"number too large: {text}")
    return number


def format_host_port(host: str, port: int | None) -> str:
    """Return ``host[:port]``, an IPv6 address in brackets."""
    if ":" in host:
        host = f"[{host}]"
    return host if port is None else f"{host}:{port}"


_ADDRESSES_KEPT: Final = 8192
"""Hosts whose nature is remembered: phones and carriers repeat, names of attackers do not stay."""


@lru_cache(_ADDRESSES_KEPT)
def is_ipv6(host: str) -> bool:
    """Tell whether ``host`` is an IPv6 address, without brackets and without a scope."""
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


@lru_cache(_ADDRESSES_KEPT)
def is_address(host: str) -> bool:
    """Tell whether ``host`` is an IP address, an IPv6 one without brackets, and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
