"""Trying targets one after the other, all contacts of a line at once, until somebody answers or nobody is left."""

from __future__ import annotations

from sip.controller.calls import attempts, early, forks, outgoing, redirecting, trunking
from sip.controller.calls.call import Attempt, Branch, Call, Outcome
from sip.controller.calls.legs import hang_up_stray, repeat_ack
from sip.controller.calls.limits import INTERVAL_TRIES_MAX
from sip.controller.calls.session_timers import longer_interval
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.headers import requires
from sip.controller.limits import TEXT_CHARS_MAX, TRUNK_SILENCE_S_MAX
from sip.controller.live import touch
from sip.controller.outbound.login import TrunkLogin, answer
from sip.controller.q850 import SUBSCRIBER_ABSENT, USER_BUSY, cause_of_status, parse_reason
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Response


def hunt(core: Core, call: Call) -> None:
    """Try the next target; when there is none the call is exhausted."""
    if call.timer is not None:
        call.timer.cancel()
    if call.plan is not None and call.plan.is_emergency:
        call.plan = trunking.down_last(core, call.plan)
    try_next(core, call)


def try_next(core: Core, call: Call) -> None:
    """Start the next target that can be tried at all."""
    targets = call.plan.targets if call.plan is not None else ()
    while call.next_target < len(targets):
        target = targets[call.next_target]
        call.next_target += 1
        attempt = Attempt(len(call.attempts) + 1, target, core.wall)
        call.attempt = attempt
        failure = _launch(core, call, attempt)
        if failure is None:
            return
        attempts.close(core, call, attempt, failure)
    core.fire(call, Input.EXHAUSTED)


def _launch(core: Core, call: Call, attempt: Attempt) -> Outcome | None:
    """Send the INVITEs of a target; returns why none could be sent."""
    target = attempt.target
    if target.kind == "line":
        failure = _add_line(core, call, attempt)
    else:
        failure = trunking.start(core, call, attempt, lambda outcome: _not_begun(core, call, attempt, outcome))
    if failure is not None:
        return failure
    if target.kind == "line":
        for branch in attempt.branches:
            outgoing.send(core, branch)
    else:
        _await_word(core, call, attempt)
    attempt.ring_s = forks.ring_s(target.ring_timeout_s, len(attempt.rounds) + 1)
    attempt.ring_timer = core.after(attempt.ring_s, lambda: _rang_out(core, call, attempt))
    touch(core, call)
    return None


def _not_begun(core: Core, call: Call, attempt: Attempt, failure: Outcome) -> None:
    """Go on after a trunk whose servers were looked for in vain."""
    if not attempt.closed and call.state is State.HUNTING:
        attempts.close(core, call, attempt, failure)
        try_next(core, call)


def _await_word(core: Core, call: Call, attempt: Attempt) -> None:
    """Give a carrier some seconds to say a first word."""
    attempt.trunk_silent = core.after(TRUNK_SILENCE_S_MAX, lambda: _said_nothing(core, call, attempt))


def _add_line(core: Core, call: Call, attempt: Attempt) -> Outcome | None:
    line = core.directory.lines.get(attempt.target.id)
    bindings = core.locations.bindings(line.username, core.wall) if line is not None and line.is_active else ()
    if call.instance is not None:
        bindings = tuple([binding for binding in bindings if binding.instance == call.instance.id])
    if call.is_secure:
        # RFC 5630 §5.3: a contact that was registered with sip: is not reached by a sips: request.
        bindings = tuple([one for one in bindings if one.uri[:5].lower() == "sips:" and one.flow.is_secure])
    if line is None or not bindings:
        return attempts.local_failure(480, SUBSCRIBER_ABSENT, "")
    attempt.release = core.take_place(core.line_calls, line.id, line.calls_max)
    if attempt.release is None:
        return attempts.local_failure(486, USER_BUSY, "limit.line_calls")
    attempt.rounds = forks.rounds_of(bindings)
    forks.add_round(core, call, attempt)
    return None


def on_response(core: Core, branch: Branch, response: Response) -> None:
    """Take any response to an INVITE of ours that opens a leg."""
    branch.heard = True
    silent = branch.attempt.trunk_silent
    if silent is not None:
        silent.cancel()
    if branch.attempt.hop is not None:
        trunking.note_answer(core, branch, response)
    if response.status < 200:
        early.on_provisional(core, branch, response)
    elif response.status < 300:
        _on_answer(core, branch, response)
    elif not branch.final:
        if response.status in (401, 407) and _authenticate(core, branch, response):
            return
        if response.status == 422 and _lengthen(core, branch, response):
            return
        if response.status == 421 and _offer_reliability(core, branch, response):
            return
        if response.status < 400:
            branch.redirect = redirecting.contacts_of(response)
        branch.reason = response.reason[:TEXT_CHARS_MAX]
        cause = parse_reason(response.get_all("Reason"))
        _end_branch(core, branch, response.status, cause if cause is not None else cause_of_status(response.status))


def on_failure(core: Core, branch: Branch, status: int) -> None:
    """Learn that no final response will come: 408 for silence, 503 for a broken transport."""
    if not branch.final:
        branch.failed = True
        if not branch.heard:
            trunking.note_silence(core, branch.attempt)
        _end_branch(core, branch, status, cause_of_status(status))


def _on_answer(core: Core, branch: Branch, response: Response) -> None:
    call = branch.call
    wanted = call.winner is None and not branch.abandoned and call.state in (State.HUNTING, State.CANCELLING)
    if not wanted:
        if branch.leg is None or not repeat_ack(core, branch.leg, response):
            _hang_up_stray(core, branch, response)
        return
    try:
        branch.leg = early.confirm(core, branch, response)
    except RemoteProtocolError:
        _end_branch(core, branch, 502, cause_of_status(502))
        return
    branch.final = response.status
    branch.tx = None
    call.winner = branch
    call.answer = response
    core.fire(call, Input.ANSWERED)


def _authenticate(core: Core, branch: Branch, response: Response) -> bool:
    """Answer a carrier's challenge once with the trunk's credentials; returns whether the INVITE was sent again."""
    trunk = core.directory.trunks.get(branch.attempt.target.id) if branch.attempt.target.kind == "trunk" else None
    if trunk is None or not trunk.username or branch.abandoned:
        return False
    branch.login = branch.login or TrunkLogin()
    row = answer(branch.login, trunk, branch.request, response, branch.answers, core.config.token)
    if row is None:
        return False
    branch.answers += 1
    branch.request = outgoing.with_credentials(branch, row)
    outgoing.send(core, branch)
    return True


def _lengthen(core: Core, branch: Branch, response: Response) -> bool:
    """Ask again with the session interval a server wants (422); returns whether the INVITE was sent again."""
    again = longer_interval(branch.request, response)
    if again is None or branch.abandoned or branch.intervals_tried >= INTERVAL_TRIES_MAX:
        return False
    branch.intervals_tried += 1
    outgoing.send_again(core, branch, again)
    return True


def _offer_reliability(core: Core, branch: Branch, response: Response) -> bool:
    """Ask again with 100rel where a server insists on it (421); returns whether the INVITE was sent again.

    An offer of the caller's must be there: an answer in PRACK is more than a caller without 100rel can give.
    """
    if branch.is_100rel_offered or branch.abandoned or not branch.request.body or not requires(response, "100rel"):
        return False
    branch.is_100rel_offered = True
    outgoing.send_again(core, branch, outgoing.with_reliability(branch))
    return True


def _hang_up_stray(core: Core, branch: Branch, response: Response) -> None:
    """Acknowledge and end an answer nobody wants: a phone that lost, or that answered after our CANCEL."""
    known = core.dialogs.get((branch.request.call_id, branch.request.from_tag, response.to_tag))
    if known is not None:
        repeat_ack(core, known, response)
        return
    try:
        leg = early.confirm(core, branch, response)
    except RemoteProtocolError:
        return
    if branch.leg is None:
        branch.leg = leg
    hang_up_stray(core, leg)


def _end_branch(core: Core, branch: Branch, status: int, cause: int) -> None:
    branch.final = status
    branch.cause = cause
    branch.tx = None
    call, attempt = branch.call, branch.attempt
    if attempt.closed or branch.abandoned:
        return
    if status >= 600:
        # RFC 3261 §16.7 step 5: the callee has spoken for all of its phones.
        cancel_branches(core, attempt)
        attempt.rounds.clear()
    elif forks.try_other_flow(core, branch):
        return
    if all(other.final or other.abandoned for other in attempt.branches):
        _end_attempt(core, call, attempt)


def _end_attempt(core: Core, call: Call, attempt: Attempt) -> None:
    if attempt.rounds and call.state is State.HUNTING and _next_round(core, call, attempt):
        return
    if attempt.hop is not None and _goes_on(core, call, attempt):
        return
    if _is_redirected(core, call, attempt):
        return
    failure = attempts.failure_of(attempt)
    advance = attempts.may_advance(attempt, failure)
    attempts.close(core, call, attempt, failure)
    if call.state is State.HUNTING and advance:
        try_next(core, call)
    else:
        core.fire(call, Input.EXHAUSTED)


def _next_round(core: Core, call: Call, attempt: Attempt) -> bool:
    """Let the contacts of the next lower q-value ring; returns whether there are any."""
    branches = forks.add_round(core, call, attempt)
    if not branches:
        return False
    if attempt.ring_timer is not None:
        attempt.ring_timer.cancel()
    attempt.ring_timer = core.after(attempt.ring_s, lambda: _rang_out(core, call, attempt))
    for branch in branches:
        outgoing.send(core, branch)
    return True


def _is_redirected(core: Core, call: Call, attempt: Attempt) -> bool:
    """Follow a 3xx, if that may be; returns whether it is."""
    if not redirecting.follows(
        core,
        call,
        attempt,
        lambda outcome: _not_begun(core, call, attempt, outcome),
        lambda: try_next(core, call),
    ):
        return False
    if not attempt.closed:
        _await_word(core, call, attempt)
    return True


def _goes_on(core: Core, call: Call, attempt: Attempt) -> bool:
    """Try the next server of a trunk whose latest failed; returns whether there was one."""
    if not trunking.goes_on(core, call, attempt, lambda outcome: _not_begun(core, call, attempt, outcome)):
        return False
    attempt.timed_out = False
    _await_word(core, call, attempt)
    return True


def cancel_branches(core: Core, attempt: Attempt, but: Branch | None = None) -> None:
    """Take every INVITE of the target back that has no final response; their late answers will be hung up."""
    for branch in attempt.branches:
        if branch is not but and not branch.abandoned and not branch.final:
            branch.abandoned = True
            if branch.tx is not None:
                core.endpoint.cancel(branch.tx, core.now)
                branch.tx = None


def _said_nothing(core: Core, call: Call, attempt: Attempt) -> None:
    """Give up a carrier's server that has not said a word."""
    if not attempt.closed:
        trunking.note_silence(core, attempt)
        _rang_out(core, call, attempt)


def _rang_out(core: Core, call: Call, attempt: Attempt) -> None:
    """Give up a target nobody answered at, or a carrier that has not said a word."""
    if attempt.closed or call.state is not State.HUNTING:
        return
    attempt.timed_out = not attempt.rounds
    cancel_branches(core, attempt)
    _end_attempt(core, call, attempt)
