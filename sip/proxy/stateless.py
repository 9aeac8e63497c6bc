"""The stateless proxy (RFC 3261 §16.11): a message goes on by what is in it alone, and nothing is remembered.

In front of several nodes it shares their load: all messages of one Call-ID go to the same of ``next_hops``. It
authenticates nobody, so it forwards only to those hops, and along routes it wrote itself. Phones that register through
it are reached through it: it puts its Path into their REGISTER (RFC 3327).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from sip.controller.directory import Directory
from sip.controller.ports import Hop, LocationStore, LocatorPort, SwitchConfig
from sip.proxy.config import ProxyConfig
from sip.proxy.forwarding import copy_request, record_route, response_upstream
from sip.proxy.proxy import RECORDED, Proxy, copy_of
from sip.proxy.routing import Taken, obey_strict
from sip.stack.endpoint import Endpoint
from sip.stack.events import Event, RequestPassing, ResponsePassing
from sip.stack.flow import Flow
from sip.stack.message.grammar import format_host_port, is_address
from sip.stack.message.message import Request, Response
from sip.stack.message.uri import Uri
from sip.stack.message.via import Via

_BRANCH_BYTES: Final = 16


class StatelessProxy(Proxy):
    """A stateless proxy over one endpoint whose role is ``stateless``; used as ``Switch`` is."""

    def __init__(
        self,
        config: SwitchConfig,
        proxy: ProxyConfig,
        endpoint: Endpoint,
        directory: Directory,
        store: LocationStore | None = None,
        wake: Callable[[], None] = lambda: None,
        locator: LocatorPort | None = None,
    ) -> None:
        super().__init__(config, proxy, endpoint, directory, store, wake, locator)
        if not proxy.next_hops:
            raise ValueError("a stateless proxy needs next hops")
        self._hops = tuple(Uri.parse(text) for text in proxy.next_hops)

    def _take(self, event: Event) -> None:
        if isinstance(event, RequestPassing):
            self._pass_request(event.request, event.flow)
        elif isinstance(event, ResponsePassing):
            self._pass_response(event.response, event.flow)

    def _pass_request(self, came: Request, flow: Flow) -> None:
        if came.max_forwards == 0:
            self._refuse(came, flow, 483)
            return
        if came.get("Proxy-Require") is not None:
            self._refuse(came, flow, 420)
            return
        request = copy_of(came)
        taken = self._us.take(request, flow)
        if taken.away is not None and request.get("Route") is None:
            self._send_on(came, request, flow, taken.away)
            return
        target = self._target(request, taken)
        if target is None:
            self._refuse(came, flow, 403)
            return

        def found(hops: Sequence[Hop]) -> None:
            way = self._flow_of(hops)
            if way is None:
                self._refuse(came, flow, 480)
            else:
                self._send_on(came, request, flow, way)

        self._core.locator.locate(target, found)

    def _target(self, request: Request, taken: Taken) -> Uri | None:
        """Return where it goes; ``None`` when that is no place we send strangers' messages to."""
        next_hop = obey_strict(request)
        if next_hop is not None:
            return next_hop if taken.proven else None
        uri = Uri.parse(request.uri)
        if uri.scheme == "tel" or self._us.answers_for(uri):
            return self._hops[_hash(request.call_id) % len(self._hops)]
        return uri if taken.proven and request.to_tag else None

    def _send_on(self, came: Request, request: Request, flow: Flow, way: Flow) -> None:
        copy = copy_request(request)
        if self._proxy.record_route and request.method in RECORDED:
            values = [self._us.record(flow, request.call_id)]
            if (way.transport, way.local) != (flow.transport, flow.local):
                values.insert(0, self._us.record(way, request.call_id))
            record_route(copy, values)
        if request.method == "REGISTER":
            copy.prepend("Path", self._us.path(flow))
        host, port = self._core.config.listeners.advertised(way)
        copy.prepend("Via", str(Via(way.transport, host, port, (("branch", _branch(came)), ("rport", None)))))
        self._core.endpoint.forward(copy, way)

    def _pass_response(self, response: Response, flow: Flow) -> None:
        """Send it to where the Via behind ours says the request came from (RFC 3261 §18.2.2)."""
        via = response.via
        if not self._us.is_sent_by(via.host, via.port):
            return
        upstream = response_upstream(response)
        host, port = _place(upstream.via)
        transport = upstream.via.transport
        local = self._core.config.local(transport, host) if is_address(host) else None
        if local is not None:
            self._core.endpoint.forward(upstream, Flow(transport, local, (host, port)))

    def _refuse(self, request: Request, flow: Flow, status: int) -> None:
        """Answer without remembering; an ACK has no answer, and who has no state makes the same tag each time."""
        if request.method != "ACK":
            tag = _branch(request)[-16:]
            response = self._core.endpoint.make_response(request, status, "", tag)
            self._core.endpoint.forward(response, flow)


def _place(via: Via) -> tuple[str, int]:
    rport = via.param("rport") or ""
    port = int(rport) if rport.isascii() and rport.isdigit() and 0 < int(rport) < 65_536 else via.port or 5060
    return via.received or via.host, port


def _branch(request: Request) -> str:
    """Return the branch of the copy: the same for each repetition, and for CANCEL and ACK of an INVITE (§16.11)."""
    via = request.via
    if via.branch.startswith("z9hG4bK") and len(via.branch) > 7:
        parts = [via.branch, format_host_port(via.host, via.port)]
    else:
        number = str(request.cseq.number)
        parts = [request.uri, request.to_tag, request.from_tag, request.call_id, number, str(via)]
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return "z9hG4bK" + hashlib.blake2s(text, digest_size=_BRANCH_BYTES).hexdigest()


def _hash(text: str) -> int:
    digest = hashlib.blake2s(text.encode("utf-8", "surrogateescape"), digest_size=4).digest()
    return int.from_bytes(digest, "big")
