"""The end of a call: cancelled, failed or hung up; its record is on disk before anybody gets the last answer."""

from __future__ import annotations

from sip.controller.calls import attempts, bridging, limits_of_call, session_timers
from sip.controller.calls.answering import leave_setup, release_answer
from sip.controller.calls.call import Call, Leg, Outcome
from sip.controller.calls.hunting import cancel_branches
from sip.controller.calls.legs import forget, let_go, send_bye
from sip.controller.calls.relaying import abort_relays
from sip.controller.calls.states import TRANSITIONS, Input, State
from sip.controller.core import Core
from sip.controller.events import refer
from sip.controller.limits import CANCEL_S_MAX
from sip.controller.live import announce_end
from sip.controller.q850 import NORMAL_CLEARING, SUBSCRIBER_ABSENT, TEMPORARY_FAILURE, cause_of_status, reason_header
from sip.controller.records import build_record


def cancel(core: Core, call: Call) -> None:
    """Take it that the caller does not want the call any more; too late once it has its final response."""
    if (call.state, Input.CANCELLED) not in TRANSITIONS:
        return
    if call.outcome is None:
        call.outcome = Outcome(487, "", NORMAL_CLEARING, "caller", NORMAL_CLEARING, NORMAL_CLEARING)
    core.fire(call, Input.CANCELLED)


def cancel_call(core: Core, call: Call) -> None:
    """Take all INVITEs back and wait a little for the last words: a 200 may be on its way."""
    if call.timer is not None:
        call.timer.cancel()
    attempt = call.attempt
    if attempt is not None:
        for branch in attempt.branches:
            if branch.tx is not None and not branch.final and not branch.abandoned:
                core.endpoint.cancel(branch.tx, core.now)
    call.timer = core.after(CANCEL_S_MAX, lambda: _stop_waiting(core, call))
    settle(core, call)


def _stop_waiting(core: Core, call: Call) -> None:
    call.authorising = False
    core.fire(call, Input.SETTLED)


def settle(core: Core, call: Call) -> None:
    """End a cancelled call once neither callee nor business owes an answer."""
    attempt = call.attempt
    waiting = attempt is not None and any(not (b.final or b.abandoned) for b in attempt.branches)
    if not waiting and not call.authorising:
        core.fire(call, Input.SETTLED)


def refuse_for_stop(core: Core, call: Call) -> None:
    """End a call in set-up because the node stops; one whose answer is being written is let through."""
    if call.state in (State.AUTHORISING, State.HUNTING):
        call.authorising = False
        call.outcome = Outcome(
            503, "", TEMPORARY_FAILURE, "platform", TEMPORARY_FAILURE, 0, "limit.node_stops", None, 5
        )
        core.fire(call, Input.REFUSED if call.state is State.AUTHORISING else Input.EXHAUSTED)


def fail(core: Core, call: Call) -> None:
    """End a call that was never answered."""
    call.ended_at = core.wall
    attempt = call.attempt
    if attempt is not None:
        cancel_branches(core, attempt)
        attempts.close_cancelled(core, call, attempt)
    if call.outcome is None:
        call.outcome = call.last_failure or Outcome(480, "", SUBSCRIBER_ABSENT, "platform", 0, 0, "route.none")
    _close(core, call, call.outcome)


def hang_up(core: Core, call: Call) -> None:
    """End a call that is up: BYE to who has not sent one, and the record."""
    outcome, attempt = call.outcome, call.attempt
    if outcome is None:  # pragma: no cover - set by whoever fires the input
        raise AssertionError("hung up without an outcome")
    if call.answer_waits:
        release_answer(core, call)
    call.ended_at = core.wall
    call.duration_s = round(max(0.0, min(core.now - call.answered_now, call.limit_s)), 6)
    if attempt is not None:
        attempts.close_answered(core, call, attempt, outcome.b_cause)
    for leg in (call.a_leg, call.b_leg):
        if leg is not None:
            session_timers.stop(core, leg)
            abort_relays(core, leg)
            bridging.abort(core, leg)
            _give_up_transfer(core, leg)
            send_bye(core, leg, outcome.cause)
    end_group(core, call, outcome)
    _close(core, call, outcome)


def _give_up_transfer(core: Core, leg: Leg) -> None:
    """Take back what a REFER began in the call that ends."""
    transfer, leg.transfer = leg.transfer, None
    if transfer is None:
        return
    if transfer.call is not None:
        cancel(core, transfer.call)
    elif transfer.reference is not None:
        refer.finish(core, transfer.reference, 487, "Request Terminated")


def end_group(core: Core, call: Call, outcome: Outcome) -> None:
    """End the calls that transfers have joined with this one: each has at most one party left, and that is alone."""
    group, call.group = call.group or [], None
    for other in group:
        other.group = None
    for other in group:
        if other is not call and other.state is State.UP and other.outcome is None:
            side = outcome.ended_by
            if side != "platform":
                # For each call the side that is not here any more stands for whoever came in its place.
                side = "callee" if other.a_leg is not None and not other.a_leg.is_left else "caller"
            other.outcome = Outcome(200, "", outcome.cause, side, outcome.cause, outcome.cause)
            core.fire(other, Input.HANGUP)


def _close(core: Core, call: Call, outcome: Outcome) -> None:
    limits_of_call.stop(call)
    leave_setup(core, call)
    record = build_record(core.config.node, call, outcome)
    if call.release is not None:
        call.release()
        call.release = None
    call.settled = True
    core.policy.settle(record)
    announce_end(core, call)
    core.write({"t": "end", "record": record.to_json()}, lambda: core.fire(call, Input.CLOSED))
    call.recorded = True


def finish(core: Core, call: Call) -> None:
    """Give the answers that waited for the disk, and forget the call."""
    outcome = call.outcome
    if call.answered_at is None and call.tx is not None and call.request is not None and outcome is not None:
        headers = [reason_header(outcome.a_cause or cause_of_status(outcome.status))]
        if outcome.retry_after_s is not None:
            headers.append(("Retry-After", str(outcome.retry_after_s)))
        core.reply(call.tx, call.request, outcome.status, outcome.reason, call.tag, headers)
    if call.transfer is not None and outcome is not None:
        call.transfer.tell(call, outcome.status)
    for tx, request in call.closing:
        core.reply(tx, request, 200)
    call.closing.clear()
    call.request = call.answer = None
    for leg in (call.a_leg, call.b_leg):
        if leg is not None and leg.gone:
            forget(core, leg)
    core.calls.pop(call.call_id, None)
    let_go(core, call)
