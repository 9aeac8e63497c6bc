"""User parts of temporary GRUUs: a line and its registration, sealed.

Nobody without the key can tell whose one is, nor whether two are the same phone's (what RFC 5627 §5.1 and Appendix A.2
ask for); we open it, and keep nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from typing import Final

from sip.controller.registration.binding import Binding
from sip.controller.registration.limits import TEMPORARY_GRUU_PREFIX

_LINE: Final = struct.Struct("!Q")
_MARK_BYTES: Final = 8
_NONCE_BYTES: Final = 8
_MAC_BYTES: Final = 8
"""An attacker must ask us 2⁶⁴ times: all it could win is that a phone rings."""
_BODY_BYTES: Final = _LINE.size + _MARK_BYTES


class Sealer:
    """Makes and opens the user parts of temporary GRUUs."""

    __slots__ = ("_mac_key", "_mark_key", "_stream_key")

    def __init__(self, secret: bytes) -> None:
        root = hashlib.blake2s(secret, person=b"gruu").digest()
        self._stream_key = hashlib.blake2s(b"stream", key=root).digest()
        self._mac_key = hashlib.blake2s(b"mac", key=root).digest()
        self._mark_key = hashlib.blake2s(b"mark", key=root).digest()

    def mark(self, binding: Binding) -> bytes:
        """Return what stays the same as long as the instance renews its registration under one Call-ID (§5.1)."""
        text = f"{binding.instance}\0{binding.epoch}".encode("utf-8", "surrogateescape")
        return hashlib.blake2s(text, key=self._mark_key, digest_size=_MARK_BYTES).digest()

    def seal(self, line_id: int, binding: Binding) -> str:
        """Return a user part that differs with every REGISTER."""
        body = _LINE.pack(line_id) + self.mark(binding)
        seed = f"{binding.call_id}\0{binding.cseq}\0{binding.expires_at}".encode("utf-8", "surrogateescape")
        nonce = hashlib.blake2s(body + seed, key=self._mac_key, digest_size=_NONCE_BYTES).digest()
        sealed = nonce + self._mix(nonce, body)
        text = base64.urlsafe_b64encode(sealed + self._mac(sealed)).decode().rstrip("=")
        return TEMPORARY_GRUU_PREFIX + text

    def open(self, user: str) -> tuple[int, bytes] | None:
        """Return line and mark of a user part that was sealed here; ``None`` for any other."""
        try:
            text = user.removeprefix(TEMPORARY_GRUU_PREFIX).encode("ascii")
            raw = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except ValueError:
            return None
        sealed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if len(sealed) != _NONCE_BYTES + _BODY_BYTES or not hmac.compare_digest(mac, self._mac(sealed)):
            return None
        body = self._mix(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:])
        line_id: int = _LINE.unpack(body[: _LINE.size])[0]
        return line_id, body[_LINE.size :]

    def _mix(self, nonce: bytes, body: bytes) -> bytes:
        stream = hashlib.blake2s(nonce, key=self._stream_key, digest_size=_BODY_BYTES).digest()
        return (int.from_bytes(body, "big") ^ int.from_bytes(stream, "big")).to_bytes(_BODY_BYTES, "big")

    def _mac(self, sealed: bytes) -> bytes:
        return hashlib.blake2s(sealed, key=self._mac_key, digest_size=_MAC_BYTES).digest()
