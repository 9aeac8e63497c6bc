"""Option tags of a request (RFC 3261 §19.2)."""

from __future__ import annotations

from typing import Final

from sip.stack.message.message import Request

REGISTER_TAGS: Final = frozenset({"path", "outbound", "gruu"})
"""What a REGISTER may require of us (RFC 3327, 5626, 5627)."""


def knows(request: Request, tag: str) -> bool:
    """Tell whether the sender supports ``tag``: it says so in Supported, or even requires it of us."""
    return _lists(request, "Supported", tag) or _lists(request, "Require", tag)


def _lists(request: Request, name: str, tag: str) -> bool:
    if request.get(name) is None:
        return False
    for row in request.get_all(name):
        if tag in row.lower() and tag in [item.strip().lower() for item in row.split(",")]:
            return True
    return False
