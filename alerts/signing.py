"""Signatures of our webhooks: ``t=<seconds>,v1=<hex HMAC-SHA-256 of "<t>.<body>">`` in ``Trunkline-Signature``."""

from __future__ import annotations

import base64
import hashlib
import hmac

from django.utils.crypto import salted_hmac

from alerts.limits import SIGNATURE_AGE_S_MAX

SIGNATURE_HEADER = "Trunkline-Signature"
_PURPOSE = "alerts.webhook"


def secret_of(salt: str) -> str:
    """Return an endpoint's secret, ``whsec_…``: derived from the platform's SECRET_KEY, so that none is stored."""
    digest = salted_hmac(_PURPOSE, salt, algorithm="sha256").digest()
    return "whsec_" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def sign(secret: str, body: bytes, at_s: int) -> str:
    """Return the signature header of a body sent at ``at_s`` (seconds since the epoch)."""
    return f"t={at_s},v1={_mac(secret, body, str(at_s))}"


def is_genuine(header: str, secret: str, body: bytes, now_s: float, age_s_max: float = SIGNATURE_AGE_S_MAX) -> bool:
    """Tell whether a receiver may trust a body: signed with its secret, and not older than ``age_s_max``."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    at = parts.get("t", "")
    if not (at.isascii() and at.isdigit()) or abs(now_s - int(at)) > age_s_max:
        return False
    return hmac.compare_digest(parts.get("v1", "").encode(), _mac(secret, body, at).encode())


def _mac(secret: str, body: bytes, at: str) -> str:
    return hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
