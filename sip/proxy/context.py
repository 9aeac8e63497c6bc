"""One request at a stateful proxy, with all its branches and responses (RFC 3261 §16.2: the response context)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from sip.controller.core import Core
from sip.controller.ports import Hop
from sip.controller.timers import Timer
from sip.proxy import best
from sip.proxy.forwarding import response_upstream, share_breadth
from sip.proxy.limits import HOPS_MAX, TIMER_C_S
from sip.proxy.states import TRANSITIONS, Action, Input, State
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.transaction.base import ClientTransaction, ServerTransaction
from sip.stack.transaction.responses import make_response

_NOT_REACHED: Final = frozenset({430, 503})
"""Answers of a server on the way that says the place behind it was not reached (RFC 5626 §5.3, RFC 3263 §4.3)."""


@dataclass(slots=True)
class Destination:
    """One place a request is to go to: a copy of it, ready but for Max-Breadth and Via, and how to get there."""

    request: Request
    flow: Flow | None = None
    """The way, where it is known; else ``hops``."""
    hops: tuple[Hop, ...] = ()
    """Servers to try one after the other (RFC 3263 §4.3)."""
    spares: list[Destination] = field(default_factory=list)
    """Other ways to the same phone, tried when this one fails before it has spoken (RFC 5626 §7)."""


@dataclass(slots=True, eq=False)
class Branch:
    """One copy under way."""

    context: ResponseContext
    destination: Destination
    breadth: int
    next_hop: int = 0
    tx: ClientTransaction | None = None
    is_over: bool = False
    """Its final response, or its silence, has been taken."""
    is_cancelled: bool = False
    timer_c: Timer | None = None


@dataclass(slots=True, eq=False)
class ResponseContext:
    """All that belongs to one forwarded request."""

    core: Core
    tx: ServerTransaction
    request: Request
    """As it came, our own route taken off."""
    flow: Flow
    mark: str
    breadth: int
    groups: deque[tuple[Destination, ...]] = field(default_factory=deque)
    """Those of one group are tried at once, the groups one after the other."""
    state: State = State.FORKING
    branches: list[Branch] = field(default_factory=list)
    finals: list[Response] = field(default_factory=list)
    """Failures so far, without our Via."""
    answer: Response | None = None
    """The 2xx that is being passed."""

    @property
    def running(self) -> list[Branch]:
        """Branches without a final response."""
        return [branch for branch in self.branches if not branch.is_over]


def start(context: ResponseContext, groups: Sequence[Sequence[Destination]]) -> None:
    """Begin with the first group. A group that is broader than may be goes in several, one after the other."""
    for group in groups:
        rest = tuple(group)
        while rest:
            context.groups.append(rest[: context.breadth])
            rest = rest[context.breadth :]
    context.tx.is_proxied = True
    context.tx.user = context
    _go_on(context)


def fire(context: ResponseContext, given: Input) -> None:
    """Move along the table."""
    arrow = TRANSITIONS.get((context.state, given))
    if arrow is None:
        return
    context.state, action = arrow
    if action is Action.GO_ON:
        _go_on(context)
    elif action is Action.TAKE_BACK:
        _cancel_running(context)
        _wait(context)
    elif action is Action.WAIT:
        _wait(context)
    elif action is Action.PASS:
        _pass(context)
        _cancel_running(context)
    elif action is Action.PASS_AGAIN:
        if context.request.method == "INVITE":
            _pass(context)
    elif action is Action.FINISH:
        _finish(context)


def _go_on(context: ResponseContext) -> None:
    """Start the next group once nothing runs."""
    while not context.running and context.state is State.FORKING:
        if not context.groups:
            fire(context, Input.DONE)
            return
        group = context.groups.popleft()
        for destination, breadth in zip(group, share_breadth(context.breadth, len(group)), strict=True):
            context.branches.append(Branch(context, destination, breadth))
        for branch in context.branches[-len(group) :]:
            _send(branch)


def _wait(context: ResponseContext) -> None:
    if not context.running:
        fire(context, Input.DONE)


def _send(branch: Branch) -> None:
    """Send the copy to its flow, or to the next of its servers that can be reached from here; else the branch fails."""
    core, destination = branch.context.core, branch.destination
    flow = destination.flow
    if flow is None:
        flow = _next_flow(core, branch)
        if flow is None:
            _end(branch, _own_failure(branch.context, 503))
            return
    destination.request.set("Max-Breadth", str(branch.breadth))
    branch.tx = core.endpoint.send_request(destination.request, flow, core.now, branch.context.mark)
    branch.tx.user = branch
    if branch.context.request.method == "INVITE":
        _arm_timer_c(branch)


def _next_flow(core: Core, branch: Branch) -> Flow | None:
    hops = branch.destination.hops[:HOPS_MAX]
    while branch.next_hop < len(hops):
        hop = hops[branch.next_hop]
        branch.next_hop += 1
        local = core.config.local(hop.transport, hop.remote[0])
        if local is not None:
            return Flow(hop.transport, local, hop.remote, 0, hop.domain)
    return None


def _arm_timer_c(branch: Branch) -> None:
    """Start timer C anew (RFC 3261 §16.6 step 11, §16.7 step 2)."""
    if branch.timer_c is not None:
        branch.timer_c.cancel()
    branch.timer_c = branch.context.core.after(TIMER_C_S, lambda: _on_timer_c(branch))


def _on_timer_c(branch: Branch) -> None:
    """Take back an INVITE nobody has spoken of for too long (RFC 3261 §16.8)."""
    branch.timer_c = None
    if not branch.is_over:
        _cancel(branch)


def _cancel(branch: Branch) -> None:
    if branch.tx is not None and not branch.is_cancelled and branch.context.request.method == "INVITE":
        branch.is_cancelled = True
        branch.context.core.endpoint.cancel(branch.tx, branch.context.core.now)


def _cancel_running(context: ResponseContext) -> None:
    context.groups.clear()
    for branch in context.running:
        _cancel(branch)


def on_response(core: Core, branch: Branch, tx: ClientTransaction, response: Response) -> None:
    """Take a response of a branch (RFC 3261 §16.7)."""
    context = branch.context
    try:
        upstream = response_upstream(response)
    except RemoteProtocolError:
        if response.status >= 200:
            _end(branch, _own_failure(context, 502))
        return
    if response.status < 200:
        _on_provisional(branch, upstream)
    elif response.status < 300:
        _settle(branch)
        context.answer = upstream
        fire(context, Input.ACCEPTED)
    elif response.status not in _NOT_REACHED or not _try_another_way(branch):
        _end(branch, upstream)


def _on_provisional(branch: Branch, upstream: Response) -> None:
    """Pass what is more than 100 (§16.7 step 5); it shows that somebody is at it."""
    context = branch.context
    if upstream.status == 100:
        return
    if branch.timer_c is not None:
        _arm_timer_c(branch)
    if context.state is not State.ANSWERED:
        context.core.endpoint.respond(context.tx, upstream, context.core.now)


def on_failure(core: Core, branch: Branch, tx: ClientTransaction, status: int) -> None:
    """Learn that no final response will come: of silence 408, of a broken transport 503 (§16.9)."""
    if branch.is_over:
        return
    if not _try_another_way(branch):
        _end(branch, _own_failure(branch.context, status))


def _try_another_way(branch: Branch) -> bool:
    """Send the copy to the next server of its name, or over another flow to the same phone; returns whether it is."""
    if branch.is_over or branch.is_cancelled or branch.context.state is not State.FORKING:
        return False
    destination = branch.destination
    if branch.next_hop >= len(destination.hops[:HOPS_MAX]):
        if not destination.spares:
            return False
        branch.destination = destination.spares.pop(0)
        branch.destination.spares = destination.spares
        branch.next_hop = 0
    _send(branch)
    return True


def _end(branch: Branch, failure: Response) -> None:
    if branch.is_over:
        return
    _settle(branch)
    context = branch.context
    context.finals.append(failure)
    fire(context, Input.DECLINED if failure.status >= 600 else Input.FAILED)


def _settle(branch: Branch) -> None:
    branch.is_over = True
    if branch.timer_c is not None:
        branch.timer_c.cancel()
        branch.timer_c = None


def _own_failure(context: ResponseContext, status: int) -> Response:
    return make_response(context.request, status, "", context.core.config.token())


def _pass(context: ResponseContext) -> None:
    answer, context.answer = context.answer, None
    if answer is not None:
        context.core.endpoint.respond(context.tx, answer, context.core.now)


def _finish(context: ResponseContext) -> None:
    """Send the best failure; with none at all there was nobody to ask (404 is said before that)."""
    failure = best.choose(context.finals) if context.finals else _own_failure(context, 480)
    context.core.endpoint.respond(context.tx, failure, context.core.now)
    context.finals.clear()


def on_cancel(core: Core, context: ResponseContext) -> None:
    """Take back every branch; what they say at last goes back (RFC 3261 §16.10)."""
    fire(context, Input.CANCELLED)


def on_nobody(core: Core, context: ResponseContext) -> None:
    """Go on: that a failure was not acknowledged changes nothing for the others."""


def on_unreachable(core: Core, context: ResponseContext) -> None:
    """Give up what a caller who is gone asked for."""
    fire(context, Input.CANCELLED)
