"""Answers to people nobody knows yet are kept small: a forged source address must not make us a weapon.

What RFC 3261 requires of a response stays; what it merely allows is left out, piece by piece, until the response is no
longer than ``AMPLIFICATION_MAX`` times the request. One that is longer even so is not sent: no phone sends so little.
"""

from __future__ import annotations

from typing import Final

from sip.stack.message.message import Response

AMPLIFICATION_MAX: Final = 1.5
"""Bytes sent at most for each byte that an unproved source sent over UDP."""

_OPTIONAL: Final = (
    "Server",
    "Date",
    "Organization",
    "Warning",
    "Accept",
    "Accept-Encoding",
    "Accept-Language",
    "Allow-Events",
    "Allow",
    "Supported",
)
"""Left out in this order (RFC 3261 §20 table 2: all optional but Allow, which a 405 without is still understood)."""
_CHALLENGES: Final = frozenset({"WWW-Authenticate", "Proxy-Authenticate"})


def shorten(response: Response, received_bytes: int) -> bytes:
    """Return the response as it may go to an unproved source, ``b""`` when it may not go at all."""
    most = int(received_bytes * AMPLIFICATION_MAX)
    data = bytes(response)
    if len(data) <= most:
        return data
    for name in _OPTIONAL:
        if response.get(name) is not None:
            response.remove(name)
            data = bytes(response)
            if len(data) <= most:
                return data
    _keep_last_challenge(response)
    response.reason = ""
    data = bytes(response)
    return data if len(data) <= most else b""


def _keep_last_challenge(response: Response) -> None:
    """Drop all challenges but the last: what is offered last is what every phone knows (RFC 8760 §2.4)."""
    found = [row for row in response.headers if row[0] in _CHALLENGES]
    if len(found) > 1:
        for name in _CHALLENGES:
            response.remove(name)
        response.add(*found[-1])
