"""INVITE with Replaces (RFC 3891): a phone takes a call over from another phone of its tenant, ringing or up.

A call that rings is answered by the new phone: its caller and the phone get each other's offer as answer, and a
re-INVITE right after settles what both can do. In a call that is up the far party is offered the new phone's session
first; only with its answer does the new phone come in the old one's place.
"""

from __future__ import annotations

from functools import partial

from sip.controller.addressing import contact_row
from sip.controller.calls import attempts, bridging
from sip.controller.calls.call import Attempt, Branch, Bridge, BridgeState, Call, Early, Leg
from sip.controller.calls.hunting import cancel_branches
from sip.controller.calls.legs import came_through_nat, redirect, send_bye
from sip.controller.calls.limits_of_call import end_by_platform
from sip.controller.calls.relaying import save
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.headers import ALLOW_ROW, body_rows
from sip.controller.limits import NO_BOUND
from sip.controller.policy import CallOffer, Target
from sip.controller.q850 import NORMAL_CLEARING, TIMER_EXPIRED
from sip.stack.dialog import Dialog
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.message.replaces import Replaces
from sip.stack.transaction.base import ServerTransaction


def receive(
    core: Core, tx: ServerTransaction, request: Request, flow: Flow, caller: LineEntry | TrunkEntry, offer: CallOffer
) -> None:
    """Take an INVITE that is to replace a dialog of ours; ``offer`` is the call it would otherwise be.

    Raises:
        RemoteProtocolError: 400 for what cannot be read, 403 and 481 for what is not the caller's, 486, 488, 491, 603.
    """
    replaces = _read(request)
    if not isinstance(caller, LineEntry) or not caller.is_active:
        raise RemoteProtocolError("Forbidden", 403)
    refusal = core.policy.screen(offer)
    if refusal is not None:
        raise RemoteProtocolError(refusal.reason or "Forbidden", refusal.status)
    if not request.body:
        raise RemoteProtocolError("Not Acceptable Here", 488)
    # Phones that learnt the dialog from a lamp (RFC 4235) disagree about whose tag is which.
    swapped = (replaces.call_id, replaces.from_tag, replaces.to_tag)
    leg = core.dialogs.get(replaces.key) or core.dialogs.get(swapped)
    early = core.early.get(replaces.key) or core.early.get(swapped)
    if leg is not None:
        _take_over(core, tx, request, flow, caller, leg, replaces)
    elif early is not None and early.branch.request.call_id == replaces.call_id:
        _pick_up(core, tx, request, flow, caller, early)
    else:
        # A caller's early dialog is one that we did not begin: RFC 3891 §3 has no replacement for it either.
        raise RemoteProtocolError("Call/Transaction Does Not Exist", 481)


def _read(request: Request) -> Replaces:
    rows = request.get_all("Replaces")
    if len(rows) != 1:
        raise RemoteProtocolError("Replaces: more than one")
    try:
        return Replaces.parse(rows[0])
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def _check_tenant(core: Core, line_id: int | None, caller: LineEntry) -> None:
    """Answer a dialog of another tenant, or of a carrier, like one that is not there."""
    line = core.directory.lines.get(line_id) if line_id is not None else None
    if line is None or line.tenant_id != caller.tenant_id:
        raise RemoteProtocolError("Call/Transaction Does Not Exist", 481)


def _line_id(leg: Leg) -> int | None:
    if leg.is_a:
        return leg.call.offer.line_id
    target = leg.call.attempt.target if leg.call.attempt is not None else None
    return target.id if target is not None and target.kind == "line" else None


def _new_leg(core: Core, call: Call, request: Request, flow: Flow, is_a: bool) -> Leg:
    """Return the new phone's leg, its dialog opened by the 200 that it will get."""
    response = core.endpoint.make_response(request, 200, "", core.config.token(), [contact_row(core.config, flow)])
    leg = Leg(call, is_a, Dialog.as_server(request, response, flow), flow, behind_nat=came_through_nat(request, flow))
    redirect(leg, flow)
    # From its 200 on it may be hung up on; its ACK carries nothing that anybody waits for.
    leg.acked = True
    return leg


def _take_over(
    core: Core, tx: ServerTransaction, request: Request, flow: Flow, caller: LineEntry, old: Leg, replaces: Replaces
) -> None:
    _check_tenant(core, _line_id(old), caller)
    call, far = old.call, old.other
    if call.state is not State.UP or old.gone or old.bye_sent or far is None or far.gone or far.bye_sent:
        raise RemoteProtocolError("Decline", 603)
    if replaces.early_only:
        raise RemoteProtocolError("Busy Here", 486)
    is_busy = (old.relay, far.relay, old.own, far.own, old.transfer, far.transfer) != (None,) * 6
    if is_busy or old.is_left or not far.acked:
        raise RemoteProtocolError("Request Pending", 491)
    leg = _new_leg(core, call, request, flow, old.is_a)
    core.reply(tx, request, 100)
    bridge = Bridge(leg, far, partial(_taken_over, core, old, leg), BridgeState.OFFERING)
    bridge.offer, bridge.offer_rows, bridge.invite = request.body, body_rows(request), (tx, request)
    tx.user = bridge
    old.own = bridge
    bridging.start(core, bridge)


def _taken_over(core: Core, old: Leg, leg: Leg, is_joined: bool) -> None:
    """Put the new phone in the old one's place, or leave all as it was."""
    call, far = old.call, old.other
    old.own = None
    if not is_joined or far is None:
        return
    if old is call.a_leg:
        call.a_leg = leg
    else:
        call.b_leg = leg
    core.dialogs[leg.dialog.key] = leg
    leg.other, far.other = far, leg
    old.is_left, old.other = True, None
    send_bye(core, old, NORMAL_CLEARING)
    save(core, far, leg)


def _pick_up(core: Core, tx: ServerTransaction, request: Request, flow: Flow, caller: LineEntry, early: Early) -> None:
    """Let the new phone answer a call that rings elsewhere."""
    branch = early.branch
    call, old = branch.call, branch.attempt
    _check_tenant(core, old.target.id if old.target.kind == "line" else None, caller)
    if call.state is not State.HUNTING or old.closed or branch.abandoned:
        raise RemoteProtocolError("Decline", 603)
    if call.request is None or not call.request.body or early.seen or call.transfer is not None:
        # The caller's session is not one offer that waits for one answer: it cannot be handed on.
        raise RemoteProtocolError("Not Acceptable Here", 488)
    offered = call.request
    cancel_branches(core, old)
    old.rounds.clear()
    attempts.close_cancelled(core, call, old)
    leg = _new_leg(core, call, request, flow, False)
    target = Target("line", caller.id, old.target.called, old.target.caller, old.target.caller_name)
    attempt = Attempt(len(call.attempts) + 1, target, core.wall)
    attempt.release = core.take_place(core.line_calls, caller.id, NO_BOUND)
    answered = Branch(call, attempt, Request("INVITE", request.uri, [("Call-ID", request.call_id)]), flow, early.a_tag)
    answered.final, answered.leg = 200, leg
    attempt.branches.append(answered)
    call.attempt, call.winner = attempt, answered
    core.dialogs[leg.dialog.key] = leg
    call.answer = Response(200, "OK", body_rows(request), request.body)
    call.is_picked_up = True
    rows = [contact_row(core.config, flow), ALLOW_ROW, *body_rows(offered)]
    core.reply(tx, request, 200, "", leg.dialog.local_tag, rows, offered.body)
    tx.user = PickedUp(call)
    core.fire(call, Input.ANSWERED)


class PickedUp:
    """The new phone's INVITE, answered; the user of its transaction."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call = call


def on_no_ack(core: Core, user: PickedUp | Bridge) -> None:
    """End a call whose new phone never acknowledged its 200."""
    call = user.call if isinstance(user, PickedUp) else user.first.call
    end_by_platform(core, call, TIMER_EXPIRED)
