"""Which part of a request's route is ours, and what is left of it (RFC 3261 §16.4, §16.6 step 6; RFC 5658)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from sip.controller.ports import SwitchConfig
from sip.proxy.config import ProxyConfig
from sip.stack.flow import Flow
from sip.stack.listeners import Address
from sip.stack.message.grammar import format_host_port
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri

PROOF: Final = "tl"
"""Parameter of our Record-Route values that shows the dialog was let through here."""

_PROOF_BYTES: Final = 9
_ANY_CALL: Final = ""
"""In place of a Call-ID; no request has an empty one."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was ours in a request's route."""

    proven: bool = False
    """A value of ours with the proof for this Call-ID was at the top: the dialog was let through before."""
    away: Flow | None = None
    """The flow the dialog's other party was met on, kept for parties that are reached no other way."""
    is_path: bool = False
    """``away`` is a phone's that registered through here: the registrar sends to it along our Path value."""


class Neighbourhood:
    """Knows which names and addresses mean this element, and signs what it writes into routes."""

    def __init__(self, config: SwitchConfig, proxy: ProxyConfig) -> None:
        self._listeners = config.listeners
        self._domains = frozenset({config.realm.lower(), *config.registrar.domains, *proxy.domains})
        places: set[Address] = set()
        for row in config.listeners.rows:
            places.add((row.advertised[0].lower(), row.advertised[1]))
            places.add((row.local[0], row.local[1]))
        self._places = frozenset(places)
        self._hosts = frozenset({host for host, _ in places})
        self._key = hashlib.blake2s(b"route:" + config.secret).digest()

    def is_ours(self, uri: Uri) -> bool:
        """Tell whether a URI names this element: one of its addresses with the port, or a domain it answers for."""
        host = uri.host.lower()
        if host in self._domains and uri.port is None:
            return True
        return (host, uri.port or 5060) in self._places

    def answers_for(self, uri: Uri) -> bool:
        """Tell whether the user part of a URI is ours to look up; the port is not looked at for a domain."""
        host = uri.host.lower()
        return host in self._domains or (host in self._hosts and self.is_ours(uri))

    def is_sent_by(self, host: str, port: int | None) -> bool:
        """Tell whether a Via value was put there by us."""
        return (host.lower(), port or 5060) in self._places

    def record(self, flow: Flow, call_id: str, user: str = "") -> str:
        """Return our Record-Route value towards the far end of ``flow``; ``user`` may hold a packed flow."""
        host, port = self._listeners.advertised(flow)
        transport = f";transport={flow.uri_transport}" if flow.uri_transport else ""
        at = f"{user}@" if user else ""
        return f"<sip:{at}{format_host_port(host, port)}{transport};lr;{PROOF}={self._sign(call_id, user)}>"

    def path(self, flow: Flow) -> str:
        """Return our Path value for a phone that registers over ``flow`` (RFC 3327 §5.2, RFC 5626 §5.1).

        Its proof holds for every call: who sends along it has it from the registrar.
        """
        host, port = self._listeners.advertised(flow)
        transport = f";transport={flow.uri_transport}" if flow.uri_transport else ""
        user = pack_flow(flow)
        place = format_host_port(host, port)
        return f"<sip:{user}@{place}{transport};lr;ob;{PROOF}={self._sign(_ANY_CALL, user)}>"

    def take(self, request: Request, flow: Flow) -> Taken:
        """Take our values off the top of the route, and undo what a strict router before us did; change ``request``.

        ``flow`` is the one it came over. Two values of ours stand together where a dialog goes from one of our
        sockets to another (RFC 5658), or where a party is held by its flow.

        Raises:
            RemoteProtocolError: a Route value is unreadable.
        """
        routes = request.routes
        self._undo_strict(request, routes)
        taken = Taken()
        count = 0
        while count < len(routes) and self.is_ours(routes[count].uri):
            uri = routes[count].uri
            packed = unpack_flow(uri.user)
            is_away = packed is not None and packed.remote != flow.remote
            if self._is_proven(uri, request.call_id):
                taken = Taken(True, packed if is_away else taken.away)
            elif is_away and self._is_proven(uri, _ANY_CALL):
                taken = Taken(True, packed, True)
            count += 1
        if count:
            write_routes(request, [str(route) for route in routes[count:]])
        return taken

    def _undo_strict(self, request: Request, routes: list[NameAddr]) -> None:
        """Put the last Route value back into the Request-URI where a strict router has put ours (§16.4)."""
        if not routes or PROOF not in request.uri:
            return
        try:
            uri = Uri.parse(request.uri)
        except ValueError:
            return
        if uri.param(PROOF) is not None and self.is_ours(uri):
            last = routes.pop()
            routes.insert(0, NameAddr(uri))
            request.uri = str(last.uri)

    def _is_proven(self, uri: Uri, call_id: str) -> bool:
        proof = (uri.param(PROOF) or "").encode("utf-8", "surrogateescape")
        return hmac.compare_digest(proof, self._sign(call_id, uri.user).encode())

    def _sign(self, call_id: str, user: str) -> str:
        text = f"{user}\0{call_id}".encode("utf-8", "surrogateescape")
        return hashlib.blake2s(text, key=self._key, digest_size=_PROOF_BYTES).hexdigest()


def write_routes(request: Request, routes: list[str]) -> None:
    """Put ``routes`` in place of all Route rows of a request."""
    request.remove("Route")
    for route in reversed(routes):
        request.prepend("Route", route)


def obey_strict(request: Request) -> Uri | None:
    """Return the URI the request goes to next by its route, ``None`` without one; a strict router gets its due.

    Where the first value has no ``lr`` it becomes the Request-URI, and the Request-URI the last value (§16.6 step 6).
    """
    routes = request.routes
    if not routes:
        return None
    first = routes[0].uri
    if first.param("lr") is None:
        rest = [str(route) for route in routes[1:]]
        write_routes(request, [*rest, f"<{request.uri}>"])
        request.uri = str(first)
    return first


def pack_flow(flow: Flow) -> str:
    """Return a flow as a user part, to be signed with the rest of the value."""
    local, remote = (f"{host.replace(':', '_')}-{port}" for host, port in (flow.local, flow.remote))
    return f"f-{flow.transport}-{flow.connection}-{local}-{remote}"


def unpack_flow(user: str) -> Flow | None:
    """Return the flow that ``pack_flow`` described, ``None`` for any other user part."""
    parts = user.split("-")
    if len(parts) != 7 or parts[0] != "f":
        return None
    _, transport, connection, local_host, local_port, remote_host, remote_port = parts
    local = (local_host.replace("_", ":"), int(local_port))
    return Flow(transport, local, (remote_host.replace("_", ":"), int(remote_port)), int(connection))
