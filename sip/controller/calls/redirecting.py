"""A 3xx from a callee (RFC 3261 §8.1.3.4): followed with the rights of who redirects, or not at all.

A line that sends a call on pays for the second part itself: the business is asked as if that line had dialled, so its
barring, its caps and its balance apply. Only numbers of ours can be named, never a host elsewhere. A carrier may move a
call to another server of its own, when its trunk allows it; the number, and who pays, stay as they were. Whatever is
not followed is a failure of the target.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from sip.controller.addressing import show_peer
from sip.controller.calls import attempts, trunking
from sip.controller.calls.call import Attempt, Branch, Call, Outcome
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.limits import AUTHORISE_S_MAX, CALLER_CHARS_MAX
from sip.controller.outbound.limits import CONTACTS_MAX, REDIRECTS_MAX
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
from sip.controller.q850 import SUBSCRIBER_ABSENT, USER_BUSY
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Response
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri

LOOP: Final = "redirect.loop"
NOT_ALLOWED: Final = "redirect.not_allowed"

Then = Callable[[], None]


def contacts_of(response: Response) -> tuple[Uri, ...]:
    """Return the URIs that a 3xx names, the best first; none when they cannot be read."""
    try:
        contacts = sorted(response.contacts[:CONTACTS_MAX], key=_falling_q)
    except RemoteProtocolError:
        return ()
    # Headers in a Contact would be rows of our INVITE, written by a stranger (RFC 3261 §19.1.5).
    return tuple([replace(contact.uri, headers=()) for contact in contacts])


def _falling_q(contact: NameAddr) -> float:
    text = dict(contact.params).get("q") or "1"
    try:
        return -min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0


def follows(core: Core, call: Call, attempt: Attempt, failed: trunking.Failed, try_next: Then) -> bool:
    """Follow a redirection of a target all of whose branches have ended; returns whether there was one to follow.

    A line's is followed later, by ``try_next``, once the business has agreed; of a carrier's, ``failed`` may hear.
    """
    branch = next((branch for branch in attempt.branches if branch.redirect), None)
    if branch is None or call.state is not State.HUNTING or any(other.final >= 600 for other in attempt.branches):
        return False
    if len(call.redirects) >= REDIRECTS_MAX:
        return False
    if attempt.target.kind == "trunk":
        trunk = core.directory.trunks.get(attempt.target.id)
        return trunk is not None and _follow_carrier(core, call, attempt, trunk, branch, failed)
    line = core.directory.lines.get(attempt.target.id)
    return line is not None and _follow_line(core, call, attempt, line, branch, try_next)


def _follow_carrier(
    core: Core, call: Call, attempt: Attempt, trunk: TrunkEntry, branch: Branch, failed: trunking.Failed
) -> bool:
    """Try the carrier's other servers, through the same trunk."""
    contacts, branch.redirect = branch.redirect, ()
    if not trunk.follows_redirects:
        return False
    for uri in contacts:
        mark = f"trunk {trunk.id} {uri}"
        if uri.scheme not in ("sip", "sips") or not uri.user or mark in call.redirects or not _is_its(core, trunk, uri):
            continue
        call.redirects.append(mark)
        attempt.uris.insert(0, uri)
        attempt.hops.clear()
        return trunking.next_uri(core, call, attempt, trunk, failed)
    return False


def _is_its(core: Core, trunk: TrunkEntry, uri: Uri) -> bool:
    host = uri.host.lower()
    sources = {source if source.count(":") != 1 else source.partition(":")[0] for source in trunk.source_addresses}
    return bool(host) and (host == trunk.host or host in sources or host in core.trunks.addresses(trunk.id))


def _follow_line(core: Core, call: Call, attempt: Attempt, line: LineEntry, branch: Branch, try_next: Then) -> bool:
    contacts, branch.redirect = branch.redirect, ()
    mark = f"line {line.id}"
    dialled = next((user for user in [_number_of_ours(core, uri) for uri in contacts] if user), "")
    plan = call.plan
    if not dialled or mark in call.redirects or plan is None or not line.is_active:
        return False
    if plan.is_emergency or plan.destination:
        # A call that somebody pays for already cannot be paid for by two.
        return False
    call.redirects.append(mark)
    second = CallOffer(
        call.call_id,
        line.tenant_id,
        line.id,
        None,
        call.offer.caller,
        dialled[:CALLER_CHARS_MAX],
        show_peer(branch.flow),
        core.wall,
    )
    attempts.close(core, call, attempt, attempts.failure_of(attempt))
    found = _take_place(core, call, line) or core.policy.screen(second) or _route(core, call, attempt.target, second)
    if isinstance(found, Refusal):
        _refuse(core, call, found)
        return True
    reason = "deflection" if branch.ringing else "unconditional"
    call.instance = None
    call.diversion = _diversion(core, line, reason, len(call.redirects))
    _Redirection(core, call, found, try_next).ask(second)
    return True


def _number_of_ours(core: Core, uri: Uri) -> str:
    """Return the number or extension a line redirects to, "" for what is not ours to route."""
    if uri.scheme == "tel":
        return uri.user
    if uri.scheme not in ("sip", "sips"):
        return ""
    host = uri.host.lower()
    is_ours = host == core.config.realm or any(
        host in (row.local[0], row.advertised[0].lower()) for row in core.config.listeners.rows
    )
    return uri.user if is_ours else ""


def _take_place(core: Core, call: Call, line: LineEntry) -> Refusal | None:
    """Count the second part among the line's calls, or say that it has too many."""
    second = core.take_place(core.line_calls, line.id, line.calls_max)
    if second is None:
        return Refusal(486, "", USER_BUSY, "limit.line_calls")
    call.release = partial(_release_both, call.release, second)
    return None


def _release_both(first: Then | None, second: Then) -> None:
    if first is not None:
        first()
    second()


def _route(core: Core, call: Call, target: Target, second: CallOffer) -> RoutePlan | Refusal:
    """Return where the line may send the call; who is shown as the caller stays who called."""
    plan = core.policy.route(second)
    if isinstance(plan, Refusal):
        return plan
    if plan.is_emergency:
        return Refusal(480, "", SUBSCRIBER_ABSENT, NOT_ALLOWED)
    targets = []
    for one in plan.targets:
        if one.kind == "trunk":
            targets.append(one)
        elif f"line {one.id}" not in call.redirects:
            targets.append(replace(one, caller=target.caller, caller_name=target.caller_name))
    if not targets:
        return Refusal(480, "", SUBSCRIBER_ABSENT, LOOP)
    return replace(plan, targets=tuple(targets))


def _diversion(core: Core, line: LineEntry, reason: str, count: int) -> str:
    """Return the Diversion value that tells a carrier who sent the call on (RFC 5806 §4)."""
    uri = Uri("sip", line.caller_number or line.extension or line.username, core.config.realm)
    return f"<{uri}>;reason={reason};counter={count}"


class _Redirection:
    """A plan of a redirecting line that waits for the business to agree."""

    __slots__ = ("_call", "_core", "_is_over", "_plan", "_try_next")

    def __init__(self, core: Core, call: Call, plan: RoutePlan, try_next: Then) -> None:
        self._core = core
        self._call = call
        self._plan = plan
        self._try_next = try_next
        self._is_over = False

    def ask(self, second: CallOffer) -> None:
        """Have the price of the second part held."""
        core, call = self._core, self._call
        call.authorising = True
        call.timer = core.after(AUTHORISE_S_MAX, self._unanswered)
        core.policy.authorise(second, self._plan, lambda result: core.post(lambda: self._answered(result)))

    def _unanswered(self) -> None:
        self._answered(Refusal(480, "", SUBSCRIBER_ABSENT, "billing.unavailable"))

    def _answered(self, result: Authorisation | Refusal) -> None:
        call = self._call
        if self._is_over or not call.authorising:
            return
        self._is_over = True
        call.authorising = False
        if call.state is not State.HUNTING:
            self._core.fire(call, Input.GRANTED)
            return
        if call.timer is not None:
            call.timer.cancel()
        if isinstance(result, Refusal):
            _refuse(self._core, call, result)
            return
        call.authorisation = result
        call.plan = self._plan
        call.next_target = 0
        self._try_next()


def _refuse(core: Core, call: Call, refusal: Refusal) -> None:
    """End a call that may not be sent on; the caller hears no more than that nobody is there."""
    cause = SUBSCRIBER_ABSENT
    call.outcome = Outcome(480, "", cause, "platform", cause, refusal.q850_cause, refusal.code, refusal.fraud_rule_id)
    core.fire(call, Input.EXHAUSTED)
