"""From the callee's 200 to the caller's ACK, with the journal between the two."""

from __future__ import annotations

from sip.controller.addressing import contact_row
from sip.controller.calls import bridging, early, limits_of_call, reliable, session_timers
from sip.controller.calls.call import Branch, Bridge, Call, Early, Leg, Outcome, Relay
from sip.controller.calls.hunting import cancel_branches
from sip.controller.calls.legs import came_through_nat, make_leg, send_ack, send_bye
from sip.controller.calls.relaying import on_relay_ack
from sip.controller.calls.saved import open_payload
from sip.controller.calls.session_timers import SUPPORTED_ROW
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW, body_rows, end_to_end_rows
from sip.controller.limits import CALL_S_MAX, CROSSED_BYE_S_MAX
from sip.controller.live import announce
from sip.controller.q850 import NORMAL_CLEARING, TIMER_EXPIRED
from sip.stack.dialog import Dialog
from sip.stack.events import AckReceived
from sip.stack.message.message import Response


def open_call(core: Core, call: Call) -> None:
    """Write the start of a call whose callee answered; nothing is told to the caller yet."""
    branch, attempt = call.winner, call.attempt
    if branch is None or attempt is None or branch.leg is None:  # pragma: no cover - the table says otherwise
        raise AssertionError("answered without a winner")
    if call.outcome is not None:
        # The caller's CANCEL came first, but the callee's 200 was on its way: the call counts as answered.
        call.outcome, call.crossed = None, True
    for timer in (call.timer, attempt.ring_timer, attempt.trunk_silent):
        if timer is not None:
            timer.cancel()
    cancel_branches(core, attempt, branch)
    call.answered_at, call.answered_now = core.wall, core.now
    granted = call.authorisation.duration_max_s if call.authorisation is not None else CALL_S_MAX
    call.limit_s = min(granted, CALL_S_MAX)
    call.b_leg = branch.leg
    if branch.request.body:
        branch.leg.ack = send_ack(core, branch.leg, [], b"")
    if call.transfer is None:
        _open_a_leg(core, call, branch)
    elif call.answer is not None:
        session_timers.confirmed(core, branch.leg, call.answer)
    if call.plan is not None:
        core.policy.answered(call.offer, call.plan)
    announce(core, call)
    core.write(open_payload(core, call), lambda: core.fire(call, Input.OPENED))


def _open_a_leg(core: Core, call: Call, branch: Branch) -> None:
    """Build the caller's 200 and its dialog."""
    request, flow, answer = call.request, call.flow, call.answer
    if request is None or flow is None or answer is None or call.b_leg is None:  # pragma: no cover - as above
        raise AssertionError("answered without an INVITE")
    mirror = early.early_of_answer(branch, answer)
    shown = answer
    if not answer.body and not call.reliability and mirror is not None and mirror.answer is not None:
        shown = mirror.answer  # The callee has answered reliably, and says nothing again; the caller has heard nothing.
    headers = [contact_row(core.config, flow, call.is_secure), ALLOW_ROW, SUPPORTED_ROW, *end_to_end_rows(answer)]
    headers += body_rows(shown) if shown is not answer else []
    headers += core.config.passed_headers.rows(answer)
    tag = mirror.a_tag if mirror is not None else core.config.token() if branch.earlies else branch.a_tag
    call.answer = core.endpoint.make_response(request, 200, "", tag, headers, shown.body)
    call.a_leg = _caller_leg(core, call, mirror, call.answer)
    for name, value in session_timers.accept(core, call.a_leg, request):
        call.answer.add(name, value)
    session_timers.confirmed(core, call.b_leg, answer)
    call.a_leg.sdp = shown.body or call.a_leg.sdp
    call.b_leg.sdp = call.b_leg.sdp or branch.request.body
    call.a_leg.other, call.b_leg.other = call.b_leg, call.a_leg


def _caller_leg(core: Core, call: Call, mirror: Early | None, answer: Response) -> Leg:
    """Return the caller's leg: the one of the early dialog, where requests have made one of it."""
    request, flow = call.request, call.flow
    if request is None or flow is None:  # pragma: no cover - a call in set-up has both
        raise AssertionError("answered without an INVITE")
    if mirror is None or mirror.a_leg is None:
        dialog = Dialog.as_server(request, answer, flow)
        return make_leg(core, call, dialog, flow, True, came_through_nat(request, flow))
    mirror.a_leg.is_early = False
    core.dialogs[mirror.a_leg.dialog.key] = mirror.a_leg
    return mirror.a_leg


def tell_caller(core: Core, call: Call) -> None:
    """Send the 200 that has waited for the disk; it may have to wait for a PRACK as well."""
    limits_of_call.start(core, call)
    if call.transfer is not None:
        call.request = None
        leave_setup(core, call)
        call.transfer.tell(call, 200)
    elif call.outcome is None and not call.crossed and reliable.must_wait(_winner(call)):
        call.answer_waits = True
    else:
        _send_answer(core, call)


def release_answer(core: Core, call: Call) -> None:
    """Send the 200 that waited for the PRACK of a session description, if there is one."""
    if call.answer_waits:
        _send_answer(core, call)


def _winner(call: Call) -> Early | None:
    """Return the early dialog that the call's answer confirmed."""
    tag = call.a_leg.dialog.local_tag if call.a_leg is not None else ""
    return next((early for early in call.earlies if early.a_tag == tag), None)


def _send_answer(core: Core, call: Call) -> None:
    call.answer_waits = False
    if call.tx is not None and call.answer is not None:
        core.endpoint.respond(call.tx, call.answer, core.now)
    call.request = call.answer = None
    leave_setup(core, call)
    leg = call.a_leg
    if leg is not None and leg.dialog.local_tag == call.left_tag:
        # RFC 5407 §3.1.3: the 200 ends the INVITE's transaction; its dialog has had the caller's BYE.
        leg.gone = True
        _hang_up_for_caller(core, call)
    elif call.outcome is not None:
        core.fire(call, Input.HANGUP)
    elif call.crossed:
        call.timer = core.after(CROSSED_BYE_S_MAX, lambda: _hang_up_for_caller(core, call))


def leave_setup(core: Core, call: Call) -> None:
    """Forget what only a call in set-up needs to be found by."""
    core.offers.pop((call.sip_call_id, call.from_tag), None)
    early.forget(core, call)


def note_crossed(core: Core, call: Call) -> None:
    """Remember that the caller gave up while its 200 was being written; it will have to hang up itself."""
    call.crossed = True
    if call.outcome is not None and call.outcome.status != 200:
        call.outcome = None


def defer(core: Core, call: Call) -> None:
    """Let a hang-up wait until the caller has its 200; the outcome is kept in the call."""


def _hang_up_for_caller(core: Core, call: Call) -> None:
    if call.outcome is None:
        call.outcome = Outcome(200, "", NORMAL_CLEARING, "caller", NORMAL_CLEARING, NORMAL_CLEARING)
    core.fire(call, Input.HANGUP)


def on_ack(core: Core, event: AckReceived) -> None:
    """Take the caller's ACK, or that of a re-INVITE."""
    request = event.request
    user = event.tx.user if event.tx is not None else None
    if isinstance(user, Relay):
        on_relay_ack(core, user, request)
        return
    leg = core.dialogs.get((request.call_id, request.to_tag, request.from_tag))
    if leg is not None and leg.is_a:
        _acknowledged(core, leg)
        other = leg.other
        if other is not None and not other.acked and other.call is leg.call:
            other.ack = send_ack(core, other, body_rows(request), request.body)
            other.sdp = request.body
        elif leg.call.is_picked_up and other is not None:
            leg.call.is_picked_up = False
            bridging.start(core, Bridge(leg, other, lambda is_joined: None))


def on_no_ack(core: Core, call: Call) -> None:
    """Give up a caller that never acknowledged its 200."""
    leg = call.a_leg
    if leg is None:
        return
    _acknowledged(core, leg)
    # After a restart the ACK may have come before it: then a silence means nothing, and the probe will tell.
    if call.state is State.UP and call.outcome is None and not call.restored:
        call.outcome = Outcome(200, "", TIMER_EXPIRED, "platform", TIMER_EXPIRED, TIMER_EXPIRED)
        core.fire(call, Input.HANGUP)


def on_stray_answer(core: Core, response: Response) -> None:
    """Acknowledge again a callee whose ACK was lost with the process that sent it."""
    leg = core.dialogs.get((response.call_id, response.from_tag, response.to_tag))
    if leg is not None and not leg.is_a and leg.acked and response.cseq.number == leg.dialog.invite_cseq:
        leg.ack = leg.ack or leg.dialog.request("ACK")
        core.endpoint.send_ack(leg.ack, leg.flow, core.now)


def _acknowledged(core: Core, leg: Leg) -> None:
    leg.acked = True
    call = leg.call
    if leg.is_a:
        # What set-up needed is most of what a call weighs: the caller's INVITE, our 200, the offer to the callee.
        call.tx = None
        if call.winner is not None:
            call.winner.request.body = b""
    if leg.bye_reason is not None:
        cause, leg.bye_reason = leg.bye_reason, None
        send_bye(core, leg, cause)
