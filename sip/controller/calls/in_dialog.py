"""Requests with a To tag: found by their dialog, then ended, answered or passed on."""

from __future__ import annotations

from sip.controller.calls import closing, early, relaying, reliable, transfer
from sip.controller.calls.call import Call, Early, Leg, Outcome
from sip.controller.calls.legs import redirect
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW, CAPABILITIES
from sip.controller.q850 import NORMAL_CLEARING, parse_reason
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.transaction.base import ServerTransaction


def receive(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a request inside a dialog; 481 when there is none.

    Raises:
        RemoteProtocolError: its number goes back (500), or its Contact is unreadable (400).
    """
    key = (request.call_id, request.to_tag, request.from_tag)
    leg = core.dialogs.get(key)
    if leg is None or request.method == "PRACK":
        found = core.early.get(key)
        if found is not None:
            tx.is_proven = True
            _receive_early(core, found, tx, request, flow)
            return
    if leg is None:
        core.reply(tx, request, 481)
        return
    tx.is_proven = True
    leg.dialog.receive(request, request.method not in ("INVITE", "UPDATE"))
    redirect(leg, flow)
    if leg.is_a and not leg.acked and (leg.call.restored or request.method == "BYE"):
        # Who speaks in the dialog has the 200, whatever became of its ACK.
        leg.acked = True
        if leg.call.tx is not None:
            core.endpoint.ack_received(leg.call.tx, core.now)
    if request.method == "BYE":
        _receive_bye(core, leg, tx, request)
    elif leg.call.state not in (State.UP, State.ANSWERING):
        core.reply(tx, request, 481)
    elif request.method == "OPTIONS":
        core.reply(tx, request, 200, headers=CAPABILITIES)
    elif request.method == "PRACK":
        reliable.receive_late_prack(core, leg, tx, request)
    elif request.method == "REFER":
        transfer.receive_refer(core, leg, tx, request)
    elif request.method in relaying.NOT_HERE:
        core.reply(tx, request, 405, headers=[ALLOW_ROW])
    else:
        relaying.relay(core, leg, tx, request)


def _receive_early(core: Core, found: Early, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    if request.method == "BYE" and request.to_tag == found.a_tag:
        _receive_early_bye(core, found.branch.call, found.a_tag, tx, request)
    else:
        early.receive(core, found, tx, request, flow)


def _receive_early_bye(core: Core, call: Call, tag: str, tx: ServerTransaction, request: Request) -> None:
    """Let a caller hang up before its 200 (RFC 3261 §15): as good as a CANCEL, and it has left that dialog."""
    core.reply(tx, request, 200)
    call.left_tag = tag
    closing.cancel(core, call)


def _receive_bye(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    call = leg.call
    if leg is not call.a_leg and leg is not call.b_leg:
        # A phone that lost hangs up by itself while our BYE is on its way.
        leg.gone = True
        core.reply(tx, request, 200)
        return
    if leg.is_left or (leg.transfer is not None and call.state is State.UP):
        transfer.receive_bye(core, leg, tx, request)
        return
    if leg.is_a and call.state is State.ANSWERING:
        _receive_early_bye(core, call, leg.dialog.local_tag, tx, request)
        return
    leg.gone = True
    if call.state is State.ENDED:
        core.reply(tx, request, 200)
        return
    call.closing.append((tx, request))
    if call.outcome is None:
        cause = parse_reason(request.get_all("Reason"))
        cause = NORMAL_CLEARING if cause is None else cause
        call.outcome = Outcome(200, "", cause, "caller" if leg.is_a else "callee", cause, cause)
    core.fire(call, Input.HANGUP)
