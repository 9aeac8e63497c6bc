"""A trunk as a target: its servers are found, and tried one after the other (RFC 3263 §4.3), within one attempt.

The number may first be looked up by ENUM (RFC 6116). A server that is silent, cannot be reached or says 503 is followed
by the next; any other answer is the trunk's. What was learned of a server stays for the calls that follow.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from sip.controller import sending
from sip.controller.calls import attempts, outgoing
from sip.controller.calls.call import Attempt, Branch, Call, Outcome
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.directory import TrunkEntry
from sip.controller.limits import NO_BOUND
from sip.controller.outbound.limits import HOPS_TRIED_MAX, URIS_TRIED_MAX
from sip.controller.outbound.quarantine import retry_after_s
from sip.controller.outbound.trunks import numeric_hop, trunk_uri
from sip.controller.policy import RoutePlan
from sip.controller.q850 import NO_CIRCUIT, UNALLOCATED
from sip.stack.flow import Flow
from sip.stack.locating.enum import PUBLIC_SUFFIX, NumberAnswer
from sip.stack.locating.records import Hop
from sip.stack.message.grammar import is_address
from sip.stack.message.message import Response

DOWN: Final = "route.trunk_down"
NOT_IN_ENUM: Final = "route.enum_none"

Failed = Callable[[Outcome], None]


def start(core: Core, call: Call, attempt: Attempt, failed: Failed) -> Outcome | None:
    """Begin to try a trunk; returns why that cannot be, or tells ``failed`` later."""
    trunk = core.directory.trunks.get(attempt.target.id)
    if trunk is None or not trunk.is_active:
        return attempts.local_failure(503, NO_CIRCUIT, DOWN)
    is_emergency = call.plan is not None and call.plan.is_emergency
    if not is_emergency and core.trunks.is_down(trunk.id):
        return attempts.local_failure(503, NO_CIRCUIT, DOWN)
    attempt.release = core.take_place(core.trunk_calls, trunk.id, NO_BOUND if is_emergency else trunk.calls_max)
    if attempt.release is None:
        return attempts.local_failure(503, NO_CIRCUIT, "limit.trunk_calls")
    if is_address(trunk.host):
        return _take_hops(core, call, attempt, trunk, (numeric_hop(trunk),))
    search = _Search(core, call, attempt, trunk, failed)
    return search.look_up() if trunk.enum_suffix else search.locate()


def down_last(core: Core, plan: RoutePlan) -> RoutePlan:
    """Return an emergency call's plan with the trunks that do not answer behind all others."""
    down = core.trunks.down()
    if not down:
        return plan
    behind = [target for target in plan.targets if target.kind == "trunk" and target.id in down]
    return replace(plan, targets=(*[target for target in plan.targets if target not in behind], *behind))


class _Search:
    """A trunk whose servers are being looked for; an answer at once is told as the method's result."""

    __slots__ = ("_attempt", "_call", "_core", "_failed", "_failure", "_is_late", "_trunk")

    def __init__(self, core: Core, call: Call, attempt: Attempt, trunk: TrunkEntry, failed: Failed) -> None:
        self._core = core
        self._call = call
        self._attempt = attempt
        self._trunk = trunk
        self._failed = failed
        self._failure: Outcome | None = None
        self._is_late = False

    def look_up(self) -> Outcome | None:
        """Look the called number up."""
        called = self._attempt.target.called
        if not called.startswith("+"):
            # RFC 6116 §3.7: only E.164 numbers may be asked for.
            return attempts.local_failure(404, UNALLOCATED, NOT_IN_ENUM)
        sending.look_up(self._core, called, self._trunk.enum_suffix, self._found)
        self._is_late = True
        return self._failure

    def locate(self) -> Outcome | None:
        """Find the servers of the trunk's name, or of the number's next URI."""
        uri = self._attempt.uri or trunk_uri(self._trunk)
        sending.locate(self._core, uri, self._located)
        self._is_late = True
        return self._failure

    def _found(self, answer: NumberAnswer) -> None:
        if not self._is_wanted():
            return
        if answer.is_dipped:
            rn = answer.routing_number
            self._call.number_params = f";npdi;rn={rn}" if rn else ";npdi"
        if not answer.uris:
            self._fail(attempts.local_failure(404, UNALLOCATED, NOT_IN_ENUM))
            return
        self._attempt.uri, *self._attempt.uris = answer.uris[:URIS_TRIED_MAX]
        sending.locate(self._core, self._attempt.uri, self._located)

    def _located(self, hops: Sequence[Hop]) -> None:
        if not self._is_wanted():
            return
        failure = _take_hops(self._core, self._call, self._attempt, self._trunk, hops)
        if failure is None:
            return
        if self._attempt.uris:
            self._attempt.uri = self._attempt.uris.pop(0)
            sending.locate(self._core, self._attempt.uri, self._located)
        else:
            self._fail(failure)

    def _is_wanted(self) -> bool:
        return not self._attempt.closed and self._call.state is State.HUNTING

    def _fail(self, failure: Outcome) -> None:
        if self._is_late:
            self._failed(failure)
        else:
            self._failure = failure


def _take_hops(core: Core, call: Call, attempt: Attempt, trunk: TrunkEntry, hops: Sequence[Hop]) -> Outcome | None:
    """Send to the best of these servers; returns why none could be sent to."""
    is_emergency = call.plan is not None and call.plan.is_emergency
    if trunk.enum_suffix == PUBLIC_SUFFIX:
        # Who owns a number writes its records: they must not lead into networks of ours.
        hops = [hop for hop in hops if ipaddress.ip_address(hop.remote[0]).is_global]
    attempt.hops = core.quarantine.arrange(hops, core.now, is_emergency)[:HOPS_TRIED_MAX]
    return None if next_hop(core, call, attempt, trunk) else attempts.local_failure(503, NO_CIRCUIT, DOWN)


def next_hop(core: Core, call: Call, attempt: Attempt, trunk: TrunkEntry) -> bool:
    """Send the INVITE to the next server of the trunk, with a new branch; returns whether there was one."""
    while attempt.hops:
        hop = attempt.hops.pop(0)
        flow = sending.flow_to(core, hop, trunk.zone, trunk.tls_name if trunk.host else "")
        if flow is not None and (flow.is_secure or not call.is_secure) and not _is_kept_back(core, call, flow):
            attempt.hop = hop
            branch = outgoing.trunk_branch(core, call, attempt, trunk, flow)
            attempt.branches.append(branch)
            outgoing.send(core, branch)
            return True
    return False


def _is_kept_back(core: Core, call: Call, flow: Flow) -> bool:
    """Tell whether the server has asked for fewer calls and this is one of those it shall not get (RFC 7339 §5.5)."""
    if not core.config.overload_feedback:
        return False
    is_emergency = call.plan is not None and call.plan.is_emergency
    restraint = core.endpoint.restraint
    restraint.watch(flow)
    return not is_emergency and restraint.keeps_back(flow, core.now)


def goes_on(core: Core, call: Call, attempt: Attempt, failed: Failed) -> bool:
    """Try the trunk's next server, or the number's next URI, after one that failed; returns whether there is one."""
    if call.state is not State.HUNTING or not (attempt.hops or attempt.uris) or not _has_failed(attempt):
        return False
    trunk = core.directory.trunks.get(attempt.target.id)
    if trunk is None:
        return False
    return next_hop(core, call, attempt, trunk) or next_uri(core, call, attempt, trunk, failed)


def next_uri(core: Core, call: Call, attempt: Attempt, trunk: TrunkEntry, failed: Failed) -> bool:
    """Try the next URI at which the trunk may be reached; returns whether there is one that can be."""
    if not attempt.uris:
        return False
    attempt.uri = attempt.uris.pop(0)
    return _Search(core, call, attempt, trunk, failed).locate() is None


def _has_failed(attempt: Attempt) -> bool:
    """Tell whether the latest server failed in the sense of RFC 3263 §4.3: 503, a broken transport, or silence."""
    branch = attempt.branches[-1]
    return branch.final == 503 or not branch.heard


def note_answer(core: Core, branch: Branch, response: Response) -> None:
    """Learn from a carrier's answer: it is there; one that names a time in its 503 is left alone until then."""
    hop = branch.attempt.hop
    if hop is None:
        return
    seconds = retry_after_s(response) if response.status == 503 else None
    if seconds is not None:
        core.quarantine.avoid(hop, seconds, core.now)
    else:
        core.quarantine.succeeded(hop)


def note_silence(core: Core, attempt: Attempt) -> None:
    """Learn that a carrier's server said nothing or could not be reached."""
    if attempt.hop is not None:
        core.quarantine.failed(attempt.hop, core.now)
