"""The copy of a request that goes on, and the response that comes back (RFC 3261 §16.6, §16.7; RFC 5393)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from sip.proxy.limits import FORWARDS_DEFAULT, MAX_BREADTH
from sip.proxy.routing import Neighbourhood, write_routes
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.grammar import split_outside
from sip.stack.message.message import Request, Response
from sip.stack.message.via import Via

_MARK_CHARS: Final = 12
_MARK_SIGN: Final = ".l"
"""Stands before the mark in our branches: what follows is the second part of RFC 5393 §4.2.1."""


def copy_request(request: Request, uri: str = "") -> Request:
    """Return a copy to be forwarded, one hop older."""
    copy = Request(request.method, uri or request.uri, request.headers, request.body)
    hops = request.max_forwards
    copy.set("Max-Forwards", str(FORWARDS_DEFAULT if hops is None else hops - 1))
    return copy


def loop_mark(request: Request) -> str:
    """Return what ends the branch of this request's copies: the same for the same request on the same way.

    It covers what decides the way (Request-URI, Route) and what tells requests apart, and neither method nor Via: the
    CANCEL and the ACK of a failure have the branch of their INVITE (RFC 5393 §4.2.1).
    """
    parts = [request.uri, *request.get_all("Route"), request.call_id, request.from_tag, str(request.cseq.number)]
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return _MARK_SIGN + hashlib.blake2s(text, digest_size=_MARK_CHARS // 2).hexdigest()


def has_looped(request: Request, mark: str, us: Neighbourhood) -> bool:
    """Tell whether the request was here before with nothing changed that decides its way (RFC 5393 §4.2.2).

    A Via value of somebody else's that we cannot read is none of ours.
    """
    for text in request.values("Via"):
        if not text.endswith(mark) and mark not in text:
            continue
        try:
            via = Via.parse(text)
        except ValueError:
            continue
        if via.branch.endswith(mark) and us.is_sent_by(via.host, via.port):
            return True
    return False


def breadth_of(request: Request) -> int:
    """Return how many branches the request may have at once (RFC 5393 §5.3.3).

    Raises:
        RemoteProtocolError: Max-Breadth is no positive whole number.
    """
    text = request.get("Max-Breadth")
    if text is None:
        return MAX_BREADTH
    if not text.isascii() or not text.isdigit() or len(text) > 9 or int(text) == 0:
        raise RemoteProtocolError("Max-Breadth: not a positive number")
    return min(int(text), MAX_BREADTH)


def share_breadth(breadth: int, count: int) -> list[int]:
    """Return what each of ``count`` branches gets of ``breadth``; ``count`` is at most ``breadth``."""
    part, rest = divmod(breadth, count)
    return [part + (1 if place < rest else 0) for place in range(count)]


def drop_credentials(request: Request, realm: str) -> None:
    """Take out the credentials that were meant for us (RFC 3261 §22.3): nobody behind us needs them."""
    name = "Proxy-Authorization"
    if request.get(name) is None:
        return
    wanted = f'realm="{realm}"'.lower()
    kept = [value for value in request.get_all(name) if wanted not in value.lower().replace("realm =", "realm=")]
    request.remove(name)
    for value in kept:
        request.add(name, value)


def record_route(request: Request, values: Sequence[str]) -> None:
    """Put ourselves before the Record-Route values there are, the first of ``values`` on top."""
    for value in reversed(values):
        request.prepend("Record-Route", value)


def add_path(request: Request, path: Sequence[str]) -> None:
    """Put the Path of a binding before the route there is (RFC 3327 §5.3)."""
    if path:
        write_routes(request, [*path, *[str(route) for route in request.routes]])


def response_upstream(response: Response) -> Response:
    """Return the response without our Via (RFC 3261 §16.7 step 3).

    Raises:
        RemoteProtocolError: there is no Via behind ours: the response was not meant to go on.
    """
    rows = list(response.headers)
    for position, (name, value) in enumerate(rows):
        if name == "Via":
            rest = split_outside(value, ",")[1:]
            rows[position : position + 1] = [("Via", ", ".join(rest))] if rest else []
            break
    if not any(name == "Via" for name, _ in rows):
        raise RemoteProtocolError("no Via behind ours")
    return Response(response.status, response.reason, rows, response.body)
