"""Early dialogs: a callee's provisional responses, their mirrors towards the caller, and requests within them."""

from __future__ import annotations

from typing import Final

from sip.controller.addressing import contact_row
from sip.controller.calls import relaying, reliable
from sip.controller.calls.call import Branch, Call, Early, Leg, Provisional
from sip.controller.calls.legs import came_through_nat, contact_is_elsewhere, make_leg, redirect
from sip.controller.calls.limits import EARLY_DIALOGS_MAX
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW, CAPABILITIES, body_rows, requires
from sip.controller.live import announce, touch
from sip.stack.dialog import Dialog
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.message.rack import RAck, parse_rseq
from sip.stack.transaction.base import ServerTransaction

_RING: Final = (180, 183)
"""What stops the post-dial delay. 100 never does (ITU-T E.431 counts to the first tone the caller hears)."""

_PASSED_ON: Final = frozenset({180, 181, 182, 183})


def on_provisional(core: Core, branch: Branch, response: Response) -> None:
    """Take a provisional response of a callee, and pass it to the caller in the dialog that mirrors the callee's.

    Whether it is reliable is each leg's own affair: where both are, the caller's PRACK goes through to the callee
    (RFC 3262 §5: it may carry an answer or an offer), else each PRACK ends here.
    """
    call = branch.call
    if response.status == 100 or call.state is not State.HUNTING or branch.abandoned:
        return
    early = _early_of(core, branch, response)
    if early is None:
        return
    rack: RAck | None = None
    if requires(response, "100rel") and response.to_tag:
        rack = _take_number(early, response)
        if rack is None:
            return  # It came again, or one before it was lost: the callee repeats it (RFC 3262 §4).
        if response.body:
            early.answer = response
    is_told = response.status in _PASSED_ON
    if rack is not None and not (is_told and call.reliability):
        reliable.acknowledge(core, callee_leg(early), rack)
        rack = None
    if is_told:
        if response.status in _RING:
            _note_ringing(core, branch)
        _tell_caller(core, call, early, response, rack)


def _tell_caller(core: Core, call: Call, early: Early, response: Response, rack: RAck | None) -> None:
    request, tx, flow = call.request, call.tx, call.flow
    if call.transfer is not None:
        call.transfer.tell(call, response.status)
    if tx is None or request is None or flow is None:
        return
    headers = [contact_row(core.config, flow, call.is_secure), ALLOW_ROW, *body_rows(response)]
    headers += core.config.passed_headers.rows(response)
    if rack is None and call.reliability < 2:
        core.reply(tx, request, response.status, "", early.a_tag, headers, response.body)
    elif request.body or response.body or early.reliable is not None:
        reliable.give(core, early, Provisional(response.status, headers, response.body, rack))
    # Else it may not be sent: the first reliable response to an INVITE without offer has one (RFC 3262 §5).


def _early_of(core: Core, branch: Branch, response: Response) -> Early | None:
    """Return the early dialog of a provisional response, a new one if need be; ``None`` when there are too many."""
    b_tag = response.to_tag
    for early in branch.earlies:
        if early.b_tag == b_tag or not b_tag:
            return early
        if not early.b_tag:
            early.b_tag, early.response = b_tag, response
            _list_callee(core, early)
            return early
    if len(branch.earlies) >= EARLY_DIALOGS_MAX:
        return None
    call = branch.call
    early = Early(branch, core.config.token() if branch.earlies else branch.a_tag, b_tag, response)
    branch.earlies.append(early)
    call.earlies.append(early)
    _list(core, call, (call.sip_call_id, early.a_tag, call.from_tag), early)
    if b_tag:
        _list_callee(core, early)
    return early


def early_of_answer(branch: Branch, response: Response) -> Early | None:
    """Return the early dialog that a 2xx confirms, ``None`` when it opens one of its own."""
    for early in branch.earlies:
        if early.b_tag in (response.to_tag, ""):
            return early
    return None


def confirm(core: Core, branch: Branch, response: Response) -> Leg:
    """Return the callee's leg that a 2xx confirms or opens, and have its requests found (RFC 3261 §13.2.2.4).

    Raises:
        RemoteProtocolError: no readable Contact or Record-Route.
    """
    early = early_of_answer(branch, response)
    leg = early.b_leg if early is not None else None
    if leg is None:
        dialog = Dialog.as_client(branch.request, response, branch.flow)
        dialog.local_cseq = max(dialog.local_cseq, branch.cseq_used)
        leg = make_leg(core, branch.call, dialog, branch.flow, False, contact_is_elsewhere(branch))
        leg.login = branch.login
        return leg
    leg.dialog.confirm(response)
    leg.is_early = False
    redirect(leg, leg.flow)
    core.dialogs[leg.dialog.key] = leg
    return leg


def forget(core: Core, call: Call) -> None:
    """Drop all early dialogs: the caller has, or is about to get, its final response."""
    for key in call.early_keys:
        core.early.pop(key, None)
    call.early_keys.clear()
    for early in call.earlies:
        reliable.stop(core, early)
        early.branch.earlies.clear()
        for leg in (early.a_leg, early.b_leg):
            if leg is None or leg is call.a_leg or leg is call.b_leg:
                continue
            relaying.abort_relays(core, leg)
            leg.other = None
            if leg is early.b_leg:
                early.branch.cseq_used = max(early.branch.cseq_used, leg.dialog.local_cseq)
    call.earlies.clear()


def _list_callee(core: Core, early: Early) -> None:
    request = early.branch.request
    _list(core, early.branch.call, (request.call_id, request.from_tag, early.b_tag), early)


def _list(core: Core, call: Call, key: tuple[str, str, str], early: Early) -> None:
    core.early[key] = early
    call.early_keys.append(key)


def _take_number(early: Early, response: Response) -> RAck | None:
    """Return what the PRACK of a reliable response says; ``None`` when it is not the next in order (RFC 3262 §4)."""
    try:
        number = parse_rseq(response.get("RSeq") or "")
    except ValueError:
        return None
    if early.seen and number != early.seen + 1:
        return None
    early.seen = number
    return RAck(number, response.cseq.number, "INVITE")


def _note_ringing(core: Core, branch: Branch) -> None:
    call, attempt = branch.call, branch.attempt
    branch.ringing = True
    if attempt.ringing_at is None:
        attempt.ringing_at = core.wall
    if call.ringing_at is None:
        call.ringing_at = core.wall
        call.pdd_s = round(core.now - call.started_now, 6)
        announce(core, call)
    else:
        touch(core, call)


def callee_leg(early: Early) -> Leg:
    """Return our side of the early dialog with the callee.

    Raises:
        RemoteProtocolError: the response that opened it has no readable Contact.
    """
    if early.b_leg is None:
        branch = early.branch
        dialog = Dialog.as_client(branch.request, early.response, branch.flow)
        behind_nat = contact_is_elsewhere(branch)
        early.b_leg = Leg(branch.call, False, dialog, branch.flow, behind_nat=behind_nat, login=branch.login)
        _pair(early, early.b_leg)
    return early.b_leg


def caller_leg(core: Core, early: Early) -> Leg | None:
    """Return our side of the early dialog with the caller; ``None`` when the caller's INVITE is gone."""
    call = early.branch.call
    if early.a_leg is None and call.request is not None and call.flow is not None:
        request, flow = call.request, call.flow
        rows = [contact_row(core.config, flow, call.is_secure)]
        response = core.endpoint.make_response(request, 183, "", early.a_tag, rows)
        dialog = Dialog.as_server(request, response, flow)
        early.a_leg = Leg(call, True, dialog, flow, behind_nat=came_through_nat(request, flow))
        _pair(early, early.a_leg)
    return early.a_leg


def _pair(early: Early, leg: Leg) -> None:
    leg.is_early = True
    redirect(leg, leg.flow)
    if early.a_leg is not None and early.b_leg is not None:
        early.a_leg.other, early.b_leg.other = early.b_leg, early.a_leg


def receive(core: Core, early: Early, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a request within an early dialog, of either party; the caller's BYE is taken before.

    Raises:
        RemoteProtocolError: 500 for a number that goes back, 400 for what cannot be read, 481 for no dialog.
    """
    call = early.branch.call
    is_caller = request.call_id == call.sip_call_id and request.to_tag == early.a_tag
    a_leg = caller_leg(core, early)
    if a_leg is None or request.method == "BYE":
        # RFC 3261 §15: a callee refuses the INVITE; it hangs up in no early dialog.
        core.reply(tx, request, 481)
        return
    b_leg = callee_leg(early)
    leg = a_leg if is_caller else b_leg
    leg.dialog.receive(request, request.method != "UPDATE")
    redirect(leg, flow)
    if request.method == "PRACK":
        reliable.receive_prack(core, early if is_caller else None, tx, request)
    elif request.method == "OPTIONS":
        core.reply(tx, request, 200, headers=CAPABILITIES)
    elif request.method in relaying.NOT_HERE or call.state is not State.HUNTING:
        core.reply(tx, request, 405 if call.state is State.HUNTING else 481, headers=[ALLOW_ROW])
    elif request.method == "UPDATE" and request.body and not (early.seen and call.reliability):
        # One side has no answer that it could be sure of: no second offer can be made to it (RFC 3311 §5.2).
        core.reply(tx, request, 504)
    else:
        relaying.relay(core, leg, tx, request)
