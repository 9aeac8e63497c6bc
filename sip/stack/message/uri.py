"""SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from sip.stack.message.grammar import format_host_port, parse_host_port

_USER_SAFE: Final = "-_.!~*'()&=+$,;?/"
_PASSWORD_SAFE: Final = "-_.!~*'()&=+$,"  # noqa: S105 - characters, not a password
_PARAM_SAFE: Final = "-_.!~*'()[]/:&+$"
_HEADER_SAFE: Final = "-_.!~*'()[]/?:+$"
_VISIBLE_BREAKERS: Final = frozenset(' \t\r\n<>"')

UriParams = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class Uri:
    """One URI, unescaped; ``parse`` and ``str`` are inverse.

    Of a scheme that is not sip or sips, ``user`` holds all that stands between the colon and the first parameter
    (tel) or the end (others), as written, and ``host`` is "".
    """

    scheme: str
    """Lower case."""
    user: str
    """"" when there is none."""
    host: str
    """As written; an IPv6 address without brackets."""
    port: int | None = None
    params: UriParams = ()
    """Names in lower case."""
    headers: tuple[tuple[str, str], ...] = ()
    password: str | None = None

    @classmethod
    def parse(cls, text: str) -> Uri:
        """Read a URI.

        Raises:
            ValueError: it has no scheme, no host, a bad port, or a blank, bracket or quote within.
        """
        scheme, colon, rest = text.partition(":")
        scheme = scheme.lower()
        if not colon or not rest or not scheme.isascii() or not scheme.replace("+", "").replace("-", "").isalnum():
            raise ValueError(f"URI: no scheme in {text!r}")
        if not _VISIBLE_BREAKERS.isdisjoint(rest):
            raise ValueError(f"URI: character not allowed in {text!r}")
        if scheme in ("sip", "sips"):
            return _parse_sip(scheme, rest)
        if scheme == "tel":
            number, _, tail = rest.partition(";")
            return cls(scheme, number, "", None, _parse_uri_params(tail))
        return cls(scheme, rest, "")

    def __str__(self) -> str:
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.user}{_format_uri_params(self.params)}"
        text = f"{self.scheme}:"
        if self.user:
            text += _escape(self.user, _USER_SAFE)
            if self.password is not None:
                text += ":" + _escape(self.password, _PASSWORD_SAFE)
            text += "@"
        text += format_host_port(self.host, self.port)
        if self.params:
            text += _format_uri_params(self.params)
        if self.headers:
            pairs = [f"{_escape(name, _HEADER_SAFE)}={_escape(value, _HEADER_SAFE)}" for name, value in self.headers]
            text += "?" + "&".join(pairs)
        return text

    def param(self, name: str) -> str | None:
        """Return the value of a parameter (name in lower case), "" when it has none, ``None`` when absent."""
        for key, value in self.params:
            if key == name:
                return "" if value is None else value
        return None


def _parse_sip(scheme: str, rest: str) -> Uri:
    user = ""
    password: str | None = None
    userinfo, at, hostpart = rest.rpartition("@")
    if at:
        if "@" in userinfo:
            raise ValueError(f"URI: two @ in {rest!r}")
        user, colon, secret = userinfo.partition(":")
        if not user:
            raise ValueError(f"URI: no user before @ in {rest!r}")
        user = _unescape(user)
        password = _unescape(secret) if colon else None
    headers: tuple[tuple[str, str], ...] = ()
    if "?" in hostpart:
        hostpart, _, query = hostpart.partition("?")
        headers = _parse_headers(query)
    hostport, _, tail = hostpart.partition(";")
    host, port = parse_host_port(hostport)
    return Uri(scheme, user, host, port, _parse_uri_params(tail) if tail else (), headers, password)


def _parse_uri_params(tail: str) -> UriParams:
    params: list[tuple[str, str | None]] = []
    for part in tail.split(";"):
        name, equals, value = part.partition("=")
        if name:
            params.append((_unescape(name).lower(), _unescape(value) if equals else None))
    return tuple(params)


def _format_uri_params(params: UriParams) -> str:
    text = ""
    for name, value in params:
        text += ";" + _escape(name, _PARAM_SAFE)
        if value is not None:
            text += "=" + _escape(value, _PARAM_SAFE)
    return text


def _parse_headers(query: str) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for part in query.split("&"):
        name, equals, value = part.partition("=")
        if not name or not equals:
            raise ValueError(f"URI: bad header {part!r}")
        pairs.append((_unescape(name), _unescape(value)))
    return tuple(pairs)


def _unescape(text: str) -> str:
    return unquote(text, errors="surrogateescape") if "%" in text else text


def _escape(text: str, safe: str) -> str:
    if text.isascii() and text.isalnum():
        return text
    return quote(text, safe=safe, errors="surrogateescape")
