"""Digest access authentication, both sides: MD5 and SHA-256, qop ``auth`` (RFC 7616, RFC 8760; RFC 2069 on demand).

The secret of an account is its HA1, one for each algorithm; no password is needed here.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sip.stack.message.grammar import end_of_quoted, is_token, quote, split_outside, unquote
from sip.stack.nonces import NonceFactory as NonceFactory
from sip.stack.nonces import NonceVerdict as NonceVerdict

ALGORITHMS: Final = ("SHA-256", "MD5")
"""Supported, best first: the order in which challenges are offered (RFC 8760 §2.4)."""


@dataclass(frozen=True, slots=True)
class Challenge:
    """One WWW-Authenticate or Proxy-Authenticate value; ``parse`` and ``str`` are inverse."""

    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: tuple[str, ...] = ("auth",)
    """Empty for a challenge of RFC 2069."""
    opaque: str | None = None
    stale: bool = False

    @classmethod
    def parse(cls, text: str) -> Challenge:
        """Read a value.

        Raises:
            ValueError: not Digest, or realm or nonce is missing.
        """
        params = _parse_params("challenge", text)
        for name in ("realm", "nonce"):
            if name not in params:
                raise ValueError(f"challenge: no {name} in {text[:80]!r}")
        offered = params.get("qop", "")
        return cls(
            params["realm"],
            params["nonce"],
            _canonical(params.get("algorithm", "MD5")),
            tuple([word.strip().lower() for word in offered.split(",") if word.strip()]),
            params.get("opaque"),
            params.get("stale", "").lower() == "true",
        )

    def __str__(self) -> str:
        text = f"Digest realm={quote(self.realm)}, nonce={quote(self.nonce)}, algorithm={self.algorithm}"
        if self.qop:
            text += f', qop="{",".join(self.qop)}"'
        if self.opaque is not None:
            text += f", opaque={quote(self.opaque)}"
        return text + ", stale=true" if self.stale else text


@dataclass(frozen=True, slots=True)
class Credentials:
    """One Authorization or Proxy-Authorization value; ``parse`` and ``str`` are inverse."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str = ""
    """``auth``, or "" for RFC 2069."""
    nc: str = ""
    """Eight hexadecimal digits, as sent."""
    cnonce: str = ""
    opaque: str | None = None

    @classmethod
    def parse(cls, text: str) -> Credentials:
        """Read a value.

        Raises:
            ValueError: not Digest, a parameter is missing, or ``nc`` is not a number of eight digits.
        """
        params = _parse_params("credentials", text)
        for name in ("username", "realm", "nonce", "uri", "response"):
            if name not in params:
                raise ValueError(f"credentials: no {name}")
        qop = params.get("qop", "").lower()
        nc = params.get("nc", "")
        if qop and (len(nc) != 8 or not _HEX.issuperset(nc) or not params.get("cnonce")):
            raise ValueError("credentials: qop without nc and cnonce")
        return cls(
            params["username"],
            params["realm"],
            params["nonce"],
            params["uri"],
            params["response"],
            _canonical(params.get("algorithm", "MD5")),
            qop,
            nc,
            params.get("cnonce", ""),
            params.get("opaque"),
        )

    def __str__(self) -> str:
        text = (
            f"Digest username={quote(self.username)}, realm={quote(self.realm)}, nonce={quote(self.nonce)}, "
            f"uri={quote(self.uri)}, response={quote(self.response)}, algorithm={self.algorithm}"
        )
        if self.qop:
            text += f", qop={self.qop}, nc={self.nc}, cnonce={quote(self.cnonce)}"
        return text if self.opaque is None else f"{text}, opaque={quote(self.opaque)}"

    @property
    def count(self) -> int:
        """The nonce count as a number; 0 when there is none."""
        return int(self.nc, 16) if self.nc else 0


_HEX: Final = frozenset("0123456789abcdefABCDEF")


def make_ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return the secret of an account, in hexadecimal."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


def compute_response(algorithm: str, ha1: str, method: str, credentials: Credentials) -> str:
    """Return the response that fits these credentials (their own ``response`` is not looked at).

    Source: RFC 7616 §3.4.1; without qop RFC 2069 §2.4.

    Raises:
        ValueError: the algorithm or qop is not supported.
    """
    ha2 = _hash(algorithm, f"{method}:{credentials.uri}")
    if not credentials.qop:
        return _hash(algorithm, f"{ha1}:{credentials.nonce}:{ha2}")
    if credentials.qop != "auth":
        raise ValueError(f"qop {credentials.qop!r} is not supported")
    middle = f"{credentials.nonce}:{credentials.nc}:{credentials.cnonce}:auth"
    return _hash(algorithm, f"{ha1}:{middle}:{ha2}")


def verify(credentials: Credentials, method: str, ha1: Mapping[str, str], require_qop: bool = True) -> bool:
    """Tell whether the credentials were made with the account's secret, in constant time.

    ``ha1`` holds the secret by algorithm. The nonce and its count are judged by ``NonceFactory.check``, whether ``uri``
    fits the request by the caller. Without qop only the nonce stops a replay: refused unless ``require_qop`` is off.
    """
    secret = ha1.get(credentials.algorithm)
    if secret is None or credentials.algorithm not in ALGORITHMS:
        return False
    if credentials.qop != "auth" and (require_qop or credentials.qop):
        return False
    expected = compute_response(credentials.algorithm, secret, method, credentials)
    given = credentials.response.lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected.encode(), given)


def answer(
    challenge: Challenge, method: str, uri: str, username: str, ha1: str, cnonce: str, count: int = 1
) -> Credentials:
    """Return credentials for a challenge that a carrier put to us.

    ``ha1`` is the secret for ``challenge.algorithm``; ``cnonce`` is fresh; ``count`` says how often this nonce is used.

    Raises:
        ValueError: the challenge wants another algorithm than MD5 or SHA-256, or another qop than ``auth``.
    """
    if challenge.qop and "auth" not in challenge.qop:
        raise ValueError(f"qop {challenge.qop!r} is not supported")
    qop, nc, own = ("auth", f"{count:08x}", cnonce) if challenge.qop else ("", "", "")
    blank = Credentials(
        username, challenge.realm, challenge.nonce, uri, "", challenge.algorithm, qop, nc, own, challenge.opaque
    )
    response = compute_response(challenge.algorithm, ha1, method, blank)
    return Credentials(
        username, challenge.realm, challenge.nonce, uri, response, challenge.algorithm, qop, nc, own, challenge.opaque
    )


def _hash(algorithm: str, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape")
    if algorithm == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    raise ValueError(f"algorithm {algorithm!r} is not supported")


def _canonical(algorithm: str) -> str:
    upper = algorithm.upper()
    return upper if upper in ALGORITHMS else algorithm


def _parse_params(what: str, text: str) -> dict[str, str]:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ValueError(f"{what}: not Digest: {text[:32]!r}")
    params: dict[str, str] = {}
    for part in split_outside(rest, ","):
        if not part:
            continue
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        value = value.strip()
        if not equals or not is_token(name) or name in params:
            raise ValueError(f"{what}: bad parameter {part[:64]!r}")
        if value[:1] == '"':
            if end_of_quoted(value, 0) != len(value):
                raise ValueError(f"{what}: bad parameter {part[:64]!r}")
            value = unquote(value)
        params[name] = value
    return params
