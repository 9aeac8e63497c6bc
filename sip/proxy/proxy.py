"""The stateful forking proxy with its registrar (RFC 3261 §16): what comes in is admitted, routed and forwarded.

It holds no call and charges nobody: for networks whose calls are made elsewhere, and as an edge before B2BUA nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from sip.controller import users
from sip.controller.calls.forks import rounds_of
from sip.controller.calls.legs import came_through_nat
from sip.controller.directory import Directory, LineEntry, TrunkEntry
from sip.controller.headers import ALLOW_ROW
from sip.controller.location import Binding
from sip.controller.outbound.watching import trunk_of
from sip.controller.ports import Hop, LocationStore, LocatorPort, SwitchConfig
from sip.controller.registrar import receive_register
from sip.controller.switch import Switch
from sip.proxy import context as contexts
from sip.proxy.config import ProxyConfig
from sip.proxy.context import Branch, Destination, ResponseContext
from sip.proxy.forwarding import (
    add_path,
    breadth_of,
    copy_request,
    drop_credentials,
    has_looped,
    loop_mark,
    record_route,
)
from sip.proxy.limits import CONTEXTS_MAX, RETRY_AFTER_S, TARGETS_MAX
from sip.proxy.lookup import contacts_of, find_line
from sip.proxy.nobody import NoJournal, NoPolicy
from sip.proxy.routing import Neighbourhood, Taken, obey_strict, pack_flow
from sip.stack.endpoint import Endpoint
from sip.stack.events import AckReceived, Event, RequestReceived, StrayAnswer
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ServerTransaction

_SCHEMES: Final = frozenset({"sip", "sips", "tel"})
RECORDED: Final = frozenset({"INVITE", "SUBSCRIBE", "REFER", "NOTIFY"})
"""Methods that open or keep a dialog: we stay in its path."""

users.CLIENTS[Branch] = users.ClientUser(contexts.on_response, contexts.on_failure)
users.SERVERS[ResponseContext] = users.ServerUser(contexts.on_cancel, contexts.on_nobody, contexts.on_unreachable)


@dataclass(frozen=True, slots=True)
class Admitted:
    """Somebody may send a request through us."""

    caller: LineEntry | TrunkEntry | None


class Proxy(Switch):
    """A stateful proxy over one endpoint whose role is ``proxy``; used as ``Switch`` is."""

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
        super().__init__(config, endpoint, directory, NoPolicy(), NoJournal(), store, None, wake, locator)
        self._proxy = proxy
        self._us = Neighbourhood(config, proxy)

    def _take(self, event: Event) -> None:
        if isinstance(event, AckReceived):
            self._forward_ack(event.request, event.flow)
        elif not isinstance(event, StrayAnswer):  # A response nobody waits for is dropped (RFC 6026 §7.2).
            super()._take(event)

    def _request(self, event: RequestReceived) -> None:
        core, tx, flow = self._core, event.tx, event.flow
        if not self._check(event):
            return
        mark = loop_mark(event.request)
        if has_looped(event.request, mark, self._us):
            core.reply(tx, event.request, 482)
            return
        request = copy_of(event.request)
        taken = self._us.take(request, flow)
        if self._is_for_us(request):
            self._serve(tx, request, flow)
            return
        admitted = self._admit(tx, request, flow, taken)
        if admitted is not None:
            context = ResponseContext(core, tx, request, flow, mark, breadth_of(request))
            self._route(context, admitted.caller, taken)

    def _check(self, event: RequestReceived) -> bool:
        """Answer what may not go on (RFC 3261 §16.3): scheme, Max-Forwards, Proxy-Require; or finds no room."""
        core, tx, request = self._core, event.tx, event.request
        if request.uri.partition(":")[0].lower() not in _SCHEMES:
            core.reply(tx, request, 416)
        elif request.max_forwards == 0 and request.method != "OPTIONS":
            core.reply(tx, request, 483)
        elif request.max_forwards == 0:
            core.reply(tx, request, 200, headers=[ALLOW_ROW])
        elif request.get("Proxy-Require") is not None:
            unsupported = ", ".join(request.values("Proxy-Require"))
            core.reply(tx, request, 420, headers=[("Unsupported", unsupported)])
        elif core.stopping or core.endpoint.transactions > CONTEXTS_MAX:
            core.reply(tx, request, 503, headers=[("Retry-After", str(RETRY_AFTER_S))])
        else:
            return True
        return False

    def _is_for_us(self, request: Request) -> bool:
        """Tell whether the request means this element itself: its registrar, or it is asked what it can do."""
        if request.get("Route") is not None or request.uri[:4].lower() == "tel:":
            return False
        uri = Uri.parse(request.uri)
        if not self._us.answers_for(uri):
            return False
        return request.method == "REGISTER" or not uri.user

    def _serve(self, tx: ServerTransaction, request: Request, flow: Flow) -> None:
        if request.method == "REGISTER":
            receive_register(self._core, tx, request, flow)
        elif request.method == "OPTIONS":
            self._core.reply(tx, request, 200, headers=[ALLOW_ROW])
        else:
            self._core.reply(tx, request, 404)

    def _admit(self, tx: ServerTransaction, request: Request, flow: Flow, taken: Taken) -> Admitted | None:
        """Return who sends it, nobody in person within a dialog that was let through; ``None`` when it was answered."""
        core = self._core
        trunk = trunk_of(core, flow)
        if trunk is not None and trunk.is_active and not core.auth.has_credentials(request):
            return Admitted(trunk)
        if taken.proven and (request.to_tag or taken.is_path):
            return Admitted(None)
        line = core.auth.check(core, tx, request, 407)
        if line is None:
            return None
        if not line.is_active:
            core.reply(tx, request, 403)
            return None
        drop_credentials(request, core.config.realm)
        return Admitted(line)

    def _route(self, context: ResponseContext, caller: LineEntry | TrunkEntry | None, taken: Taken) -> None:
        """Find the places it goes to (RFC 3261 §16.5): by its route, by its flow, by our users, or by its domain."""
        request = context.request
        next_hop = obey_strict(request)
        if next_hop is not None:
            self._locate(context, next_hop)
            return
        uri = Uri.parse(request.uri)
        if taken.away is not None and (request.to_tag or taken.is_path):
            contexts.start(context, [[self._destination(context, request.uri, taken.away)]])
        elif uri.scheme == "tel" or self._us.answers_for(uri):
            self._to_user(context, caller, uri)
        elif self._may_leave(caller, taken):
            self._locate(context, uri)
        else:
            self._core.reply(context.tx, request, 403)

    def _may_leave(self, caller: LineEntry | TrunkEntry | None, taken: Taken) -> bool:
        return taken.proven or (isinstance(caller, LineEntry) and self._proxy.relays_foreign)

    def _to_user(self, context: ResponseContext, caller: LineEntry | TrunkEntry | None, uri: Uri) -> None:
        core = self._core
        found = find_line(core, uri, caller)
        if found is None:
            if self._proxy.next_hops:
                self._locate(context, Uri.parse(self._proxy.next_hops[0]))
            else:
                core.reply(context.tx, context.request, 404)
            return
        bindings = contacts_of(core, *found)[:TARGETS_MAX]
        if not bindings:
            core.reply(context.tx, context.request, 480)
            return
        groups = [[self._to_phone(context, flows) for flows in group] for group in rounds_of(bindings)]
        contexts.start(context, groups)

    def _to_phone(self, context: ResponseContext, flows: Sequence[Binding]) -> Destination:
        first, *spares = [self._to_binding(context, binding) for binding in flows]
        first.spares = spares
        return first

    def _to_binding(self, context: ResponseContext, binding: Binding) -> Destination:
        """Return a contact: behind a Path the edge it was registered through, else its phone (RFC 3327 §5.3)."""
        held = not binding.path and (binding.flow.reliable or binding.behind_nat)
        destination = self._destination(context, binding.target, binding.flow, held)
        add_path(destination.request, binding.path)
        return destination

    def _destination(
        self, context: ResponseContext, uri: str, flow: Flow | None, held: bool = False, hops: Sequence[Hop] = ()
    ) -> Destination:
        copy = copy_request(context.request, uri)
        if self._proxy.record_route and context.request.method in RECORDED:
            record_route(copy, self._recorded(context, flow or self._flow_of(hops), held))
        return Destination(copy, flow, tuple(hops))

    def _flow_of(self, hops: Sequence[Hop]) -> Flow | None:
        for hop in hops:
            local = self._core.config.local(hop.transport, hop.remote[0])
            if local is not None:
                return Flow(hop.transport, local, hop.remote)
        return None

    def _recorded(self, context: ResponseContext, out: Flow | None, held: bool) -> list[str]:
        """Return our Record-Route values, the callee's side first (RFC 5658 §3).

        One is enough where both sides are met on one socket and neither party must be held by its flow.
        """
        request, came = context.request, context.flow
        is_direct = len(request.values("Via")) == 1
        holds_caller = is_direct and (came.reliable or came_through_nat(request, came))
        user = pack_flow(came) if holds_caller else ""
        mine = self._us.record(came, request.call_id, user)
        same = out is None or (out.transport, out.local) == (came.transport, came.local)
        if same and not held and not holds_caller:
            return [mine]
        out = out or came
        return [self._us.record(out, request.call_id, pack_flow(out) if held else ""), mine]

    def _locate(self, context: ResponseContext, uri: Uri) -> None:
        """Ask for the servers of a URI, then forward; none is 480 (RFC 3263 §4: the name leads nowhere)."""
        core = self._core

        def found(hops: Sequence[Hop]) -> None:
            if not hops:
                core.reply(context.tx, context.request, 480)
                return
            contexts.start(context, [[self._destination(context, context.request.uri, None, False, hops)]])

        core.locator.locate(uri, found)

    def _forward_ack(self, request: Request, flow: Flow) -> None:
        """Pass the ACK of a 2xx along its dialog's route; one without our proof has no business here."""
        core = self._core
        if request.max_forwards == 0:
            return
        copy = copy_of(request)
        taken = self._us.take(copy, flow)
        if not taken.proven:
            return
        next_hop = obey_strict(copy)
        ack = copy_request(copy)
        if next_hop is None and taken.away is not None:
            core.endpoint.send_ack(ack, taken.away, core.now)
            return

        def found(hops: Sequence[Hop]) -> None:
            way = self._flow_of(hops)
            if way is not None:
                core.endpoint.send_ack(ack, way, core.now)

        core.locator.locate(next_hop or Uri.parse(copy.uri), found)


def copy_of(request: Request) -> Request:
    """Return a copy whose rows can be changed: the one that came is what its transaction answers to."""
    return Request(request.method, request.uri, request.headers, request.body)
