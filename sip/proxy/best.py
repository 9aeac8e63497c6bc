"""Of several final responses the one that goes back (RFC 3261 §16.7 steps 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sip.stack.message.message import Response

_TELLING: Final = (401, 407, 415, 420, 484)
"""Of the 4xx those with which the caller can do something."""

_CHALLENGES: Final = ("WWW-Authenticate", "Proxy-Authenticate")


def choose(responses: Sequence[Response]) -> Response:
    """Return the best of the failures there are; at least one.

    A 6xx before all; else of the lowest class, and of the 4xx one that says what to change. A 503 becomes 500: it
    speaks of the server it came from, not of us.
    """
    best = min(responses, key=_rank)
    if best.status in (401, 407):
        return _with_all_challenges(best, responses)
    if best.status == 503:
        rows = [row for row in best.headers if row[0] != "Retry-After"]
        return Response(500, "Server Internal Error", rows, best.body)
    return best


def _rank(response: Response) -> tuple[int, int]:
    status = response.status
    if status >= 600:
        return (0, status)
    if status in _TELLING:
        return (status // 100, _TELLING.index(status) - len(_TELLING))
    # Silence (408) and a branch we took back ourselves (487) say least about the callee.
    return (status // 100, 1 if status in (408, 487, 503) else 0)


def _with_all_challenges(best: Response, responses: Sequence[Response]) -> Response:
    """Return it with the challenges of all the others, so that the caller can answer each in one go."""
    merged = Response(best.status, best.reason, best.headers, best.body)
    for other in responses:
        if other is best or other.status not in (401, 407):
            continue
        for name in _CHALLENGES:
            for value in other.get_all(name):
                merged.add(name, value)
    return merged
