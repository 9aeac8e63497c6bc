"""Digest access authentication, both sides: MD5, SHA-256 and SHA-512-256, qop ``auth`` and ``auth-int``.

Source: RFC 7616, RFC 8760; RFC 2069 (no qop) on demand. The ``-sess`` variants of the algorithms are read and answered.

The secret of an account is its HA1, one for each algorithm; no password is needed here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, replace
from typing import Final

from sip.stack.message.grammar import end_of_quoted, is_token, quote, split_outside, unquote
from sip.stack.nonces import NonceFactory as NonceFactory
from sip.stack.nonces import NonceVerdict as NonceVerdict

ALGORITHMS: Final = ("SHA-512-256", "SHA-256", "MD5")
"""Supported, best first: the order in which challenges are offered (RFC 8760 §2.4)."""

QOPS: Final = ("auth", "auth-int")
"""Supported: with ``auth-int`` the response covers the body too (RFC 7616 §3.4.3)."""

_SESS: Final = "-sess"
_NAMES: Final = {name: name for base in ALGORITHMS for name in (base, base + _SESS)}
_FOLDED: Final = {name.upper(): name for name in _NAMES}

_NOBODY: Final = {"MD5": "0" * 32, "SHA-256": "0" * 64, "SHA-512-256": "0" * 64}
"""Stands for the secret of who is unknown, so that refusing costs the same work as checking. Its digest is nobody's:
what is computed with it is thrown away."""


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
    """``auth``, ``auth-int``, or "" for RFC 2069."""
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
            text += f", qop={self.qop}, nc={self.nc}"
        if self.cnonce:
            text += f", cnonce={quote(self.cnonce)}"
        return text if self.opaque is None else f"{text}, opaque={quote(self.opaque)}"

    @property
    def count(self) -> int:
        """The nonce count as a number; 0 when there is none."""
        return int(self.nc, 16) if self.nc else 0


_HEX: Final = frozenset("0123456789abcdefABCDEF")


def make_ha1(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return the secret of an account, in hexadecimal."""
    return _hash(algorithm, f"{username}:{realm}:{password}")


def base_algorithm(algorithm: str) -> str:
    """Return the algorithm whose HA1 a variant wants: that of ``MD5-sess`` is ``MD5``'s (RFC 7616 §3.4.2)."""
    return algorithm[: -len(_SESS)] if algorithm.endswith(_SESS) else algorithm


def compute_response(algorithm: str, ha1: str, method: str, credentials: Credentials, body: bytes = b"") -> str:
    """Return the response that fits these credentials (their own ``response`` is not looked at).

    ``body`` is the message's, looked at for ``auth-int`` only. Source: RFC 7616 §3.4.1; without qop RFC 2069 §2.4.

    Raises:
        ValueError: the algorithm or qop is not supported.
    """
    base = base_algorithm(algorithm)
    qop = credentials.qop
    if base != algorithm:
        ha1 = _hash(base, f"{ha1}:{credentials.nonce}:{credentials.cnonce}")
    if not qop:
        ha2 = _hash(base, f"{method}:{credentials.uri}")
        return _hash(base, f"{ha1}:{credentials.nonce}:{ha2}")
    if qop == "auth":
        ha2 = _hash(base, f"{method}:{credentials.uri}")
    elif qop == "auth-int":
        ha2 = _hash(base, f"{method}:{credentials.uri}:{_hash_bytes(base, body)}")
    else:
        raise ValueError(f"qop {qop!r} is not supported")
    return _hash(base, f"{ha1}:{credentials.nonce}:{credentials.nc}:{credentials.cnonce}:{qop}:{ha2}")


def verify(credentials: Credentials, method: str, ha1: str, body: bytes = b"", require_qop: bool = True) -> bool:
    """Tell whether the credentials were made with the account's secret, in constant time.

    ``ha1`` is the secret for ``base_algorithm(credentials.algorithm)``, "" for who is unknown or has none: that takes
    the same work as a wrong password.
    The nonce and its count are judged by ``NonceFactory.check``, whether ``uri`` fits the request by the caller.
    Without qop only the nonce stops a replay: refused unless ``require_qop`` is off.
    """
    base = base_algorithm(credentials.algorithm)
    nobody = _NOBODY.get(base)
    if nobody is None or (credentials.qop not in QOPS and (require_qop or credentials.qop)):
        return False
    expected = compute_response(credentials.algorithm, ha1 or nobody, method, credentials, body)
    given = credentials.response.lower().encode("utf-8", "surrogateescape")
    return hmac.compare_digest(expected.encode(), given) and bool(ha1)


def answer(
    challenge: Challenge,
    method: str,
    uri: str,
    username: str,
    ha1: str,
    cnonce: str,
    count: int = 1,
    body: bytes = b"",
) -> Credentials:
    """Return credentials for a challenge that a carrier put to us; ``auth`` where it leaves the choice.

    ``ha1`` is the secret for ``base_algorithm(challenge.algorithm)``; ``cnonce`` is fresh; ``count`` says how often
    this nonce is used; ``body`` is the request's.

    Raises:
        ValueError: the challenge wants an algorithm or a qop that is not supported.
    """
    qop = next((name for name in QOPS if name in challenge.qop), "")
    if challenge.qop and not qop:
        raise ValueError(f"qop {challenge.qop!r} is not supported")
    nc = f"{count:08x}" if qop else ""
    own = cnonce if qop or challenge.algorithm.endswith(_SESS) else ""
    blank = Credentials(
        username, challenge.realm, challenge.nonce, uri, "", challenge.algorithm, qop, nc, own, challenge.opaque
    )
    return replace(blank, response=compute_response(challenge.algorithm, ha1, method, blank, body))


def _hash(algorithm: str, text: str) -> str:
    return _hash_bytes(algorithm, text.encode("utf-8", "surrogateescape"))


def _hash_bytes(algorithm: str, data: bytes) -> str:
    if algorithm == "MD5":
        return hashlib.md5(data, usedforsecurity=False).hexdigest()
    if algorithm == "SHA-256":
        return hashlib.sha256(data).hexdigest()
    if algorithm == "SHA-512-256":
        return hashlib.new("sha512_256", data).hexdigest()
    raise ValueError(f"algorithm {algorithm!r} is not supported")


def _canonical(algorithm: str) -> str:
    """Return the algorithm as we write it; one that is unknown as it came."""
    return algorithm if algorithm in _NAMES else _FOLDED.get(algorithm.upper(), algorithm)


_USUAL: Final = re.compile(r"""[ \t]*([\w!%*+`'~.-]+)[ \t]*=[ \t]*(?:"([^"\\]*)"|([^\s",]+))[ \t]*(?:,|$)""", re.ASCII)
"""A parameter without escapes, up to its comma."""


def _parse_usual(text: str) -> dict[str, str] | None:
    """Return the parameters as phones write them, ``None`` for anything else: it is three times as fast."""
    params: dict[str, str] = {}
    position = count = 0
    while position < len(text):
        found = _USUAL.match(text, position)
        if found is None:
            return None
        name, quoted, plain = found.groups()
        params[name.lower()] = quoted if plain is None else plain
        position = found.end()
        count += 1
    return params if len(params) == count else None


def _parse_params(what: str, text: str) -> dict[str, str]:
    scheme, _, rest = text.strip().partition(" ")
    if scheme.lower() != "digest":
        raise ValueError(f"{what}: not Digest: {text[:32]!r}")
    usual = _parse_usual(rest)
    if usual is not None:
        return usual
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
