"""Header names: how each is spelt in full, whatever the peer wrote (RFC 3261 §7.3.1, §7.3.3)."""

from __future__ import annotations

from typing import Final

# fmt: off
_FULL: Final = [
    "Accept", "Accept-Contact", "Accept-Encoding", "Accept-Language", "Alert-Info", "Allow", "Allow-Events",
    "Authentication-Info", "Authorization", "Call-ID", "Call-Info", "Contact", "Content-Disposition",
    "Content-Encoding", "Content-Language", "Content-Length", "Content-Type", "CSeq", "Date", "Diversion",
    "Error-Info", "Event", "Expires", "From", "Geolocation", "History-Info", "Identity", "In-Reply-To", "Join",
    "Max-Forwards", "MIME-Version", "Min-Expires", "Min-SE", "Organization", "P-Access-Network-Info",
    "P-Asserted-Identity", "P-Charging-Vector", "P-Preferred-Identity", "Path", "Priority", "Privacy",
    "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Require", "RAck", "Reason", "Record-Route", "Refer-To",
    "Referred-By", "Reject-Contact", "Remote-Party-ID", "Replaces", "Reply-To", "Request-Disposition", "Require",
    "Retry-After", "Route", "RSeq", "Server", "Service-Route", "Session-Expires", "SIP-ETag", "SIP-If-Match",
    "Subject", "Subscription-State", "Supported", "Timestamp", "To", "Unsupported", "User-Agent", "User-to-User",
    "Via", "Warning", "WWW-Authenticate",
]
# fmt: on

_COMPACT: Final = {
    "a": "Accept-Contact",
    "b": "Referred-By",
    "c": "Content-Type",
    "d": "Request-Disposition",
    "e": "Content-Encoding",
    "f": "From",
    "i": "Call-ID",
    "j": "Reject-Contact",
    "k": "Supported",
    "l": "Content-Length",
    "m": "Contact",
    "n": "Identity-Info",
    "o": "Event",
    "r": "Refer-To",
    "s": "Subject",
    "t": "To",
    "u": "Allow-Events",
    "v": "Via",
    "x": "Session-Expires",
    "y": "Identity",
}

CANONICAL: Final[dict[str, str]] = {
    **{name: name for name in _FULL},
    **{name.lower(): name for name in _FULL},
    **_COMPACT,
    **{short.upper(): name for short, name in _COMPACT.items()},
}
"""Spellings seen in practice, to spare the slower way of ``canonical_name``."""


def canonical_name(name: str) -> str:
    """Return the full, usual spelling; of an unknown header, each word capitalised."""
    known = CANONICAL.get(name)
    if known is not None:
        return known
    known = CANONICAL.get(name.lower())
    if known is not None:
        return known
    return "-".join([word[:1].upper() + word[1:].lower() for word in name.split("-")])
