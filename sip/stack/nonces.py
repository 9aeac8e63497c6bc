"""Nonces that need no memory to be known again, and the little memory that stops a replay (RFC 7616 §3.3, §3.4)."""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from collections import OrderedDict
from enum import Enum
from typing import Final

from sip.stack.limits import NONCE_COUNTS_MAX

_MAC_BYTES: Final = 18
"""With the stamp 30 bytes: 40 characters of Base64 without padding."""
_STAMP: Final = struct.Struct("!dI")
_NUMBER_BITS: Final = 27
"""The five above them are the maker's."""
_NUMBER_MAX: Final = (1 << _NUMBER_BITS) - 1


class NonceVerdict(Enum):
    """What a nonce that came back is worth."""

    FRESH = "fresh"
    STALE = "stale"
    """It was ours, and is too old or used up: challenge again with ``stale=true``."""
    FOREIGN = "foreign"
    """It was never ours: challenge again as at first."""


class NonceFactory:
    """Makes nonces: instant and number, signed. ``now`` is in seconds, of one clock for making and checking.

    Processes that share ``secret`` and clock know each other's nonces; only the replay guard is each one's own. So
    among the workers of one node (``maker`` is the number of this one) each takes only what it made: a request is
    brought to the maker of its nonce (``sip.stack.ownership``), and one that came to another all the same is stale.
    """

    __slots__ = ("_counts", "_counts_max", "_forgotten_at", "_maker", "_number", "_secret", "lifetime_s")

    def __init__(self, secret: bytes, lifetime_s: float, counts_max: int = NONCE_COUNTS_MAX, maker: int = 0) -> None:
        if len(secret) < 16:
            raise ValueError("a nonce secret has at least 16 bytes")
        self._secret = hashlib.blake2s(secret).digest()
        self.lifetime_s = lifetime_s
        self._number = 0
        self._maker = maker << _NUMBER_BITS
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """Latest count of each nonce, and when the nonce was made."""
        self._counts_max = counts_max
        self._forgotten_at = -1.0

    def make(self, now: float, realm: str = "") -> str:
        """Return a new nonce."""
        self._number = (self._number + 1) & _NUMBER_MAX
        stamp = _STAMP.pack(now, self._maker | self._number)
        text = binascii.b2a_base64(stamp + self._sign(stamp, realm), newline=False).decode("ascii")
        return text.replace("+", "-").replace("/", "_")

    def check(self, nonce: str, count: int, now: float, realm: str = "") -> NonceVerdict:
        """Judge a nonce that came with correct credentials, and note its use.

        Each ``count`` (nc) must be greater than the last one seen with the nonce; 0 says there was none (RFC 2069):
        then the nonce is good once. Call it after ``digest.verify``: only who knows the secret shall use memory here.
        """
        stamp = self._read(nonce, realm)
        verdict = self._judge(stamp, now)
        if stamp is None or verdict is not NonceVerdict.FRESH:
            return verdict
        last = self._counts.get(nonce)
        if last is not None and count <= last[0]:
            return NonceVerdict.STALE
        self._remember(nonce, count, stamp[0], now)
        return NonceVerdict.FRESH

    def is_ours(self, nonce: str, now: float, realm: str = "") -> NonceVerdict:
        """Judge a nonce by signature and age alone; nothing is noted."""
        return self._judge(self._read(nonce, realm), now)

    def _judge(self, stamp: tuple[float, int] | None, now: float) -> NonceVerdict:
        if stamp is None:
            return NonceVerdict.FOREIGN
        made_at, number = stamp
        fresh = 0.0 <= now - made_at <= self.lifetime_s and made_at > self._forgotten_at
        mine = number & ~_NUMBER_MAX == self._maker
        return NonceVerdict.FRESH if fresh and mine else NonceVerdict.STALE

    def _read(self, nonce: str, realm: str) -> tuple[float, int] | None:
        """Return when a nonce of ours was made, and its number with its maker's."""
        try:
            text = nonce.encode("ascii").replace(b"-", b"+").replace(b"_", b"/")
            raw = binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            return None
        stamp = raw[: _STAMP.size]
        if len(raw) != _STAMP.size + _MAC_BYTES or not hmac.compare_digest(
            raw[_STAMP.size :], self._sign(stamp, realm)
        ):
            return None
        made_at, number = _STAMP.unpack(stamp)
        return made_at, number

    def _sign(self, stamp: bytes, realm: str) -> bytes:
        message = stamp + realm.encode("utf-8", "surrogateescape")
        # Keyed BLAKE2 is a MAC by itself (RFC 7693 §2.9), at a hundredth of what OpenSSL takes to set up an HMAC.
        return hashlib.blake2s(message, key=self._secret, digest_size=_MAC_BYTES).digest()

    def _remember(self, nonce: str, count: int, made_at: float, now: float) -> None:
        """Note the count; what is over age goes, and over the limit the least recently used and all as old as it."""
        counts = self._counts
        counts[nonce] = (count, made_at)
        counts.move_to_end(nonce)
        while counts:
            oldest = next(iter(counts))
            made_at = counts[oldest][1]
            if now - made_at > self.lifetime_s:
                del counts[oldest]
            elif len(counts) > self._counts_max:
                del counts[oldest]
                # Its count is not known any more: it and every nonce as old must not be taken a second time.
                self._forgotten_at = max(self._forgotten_at, made_at)
            else:
                return
