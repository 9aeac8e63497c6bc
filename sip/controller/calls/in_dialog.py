"""Requests with a To tag: found by their dialog, then ended, answered or passed on."""

from __future__ import annotations

from typing import Final

from sip.controller.calls import closing, relaying
from sip.controller.calls.call import Leg, Outcome
from sip.controller.calls.legs import redirect
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW
from sip.controller.q850 import NORMAL_CLEARING, parse_reason
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.transaction.base import ServerTransaction

_NOT_HERE: Final = frozenset({"NOTIFY", "PRACK", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE"})
"""Methods that have no meaning between the two parties of a call; MESSAGE, INFO and what nobody knows go through."""

CAPABILITIES: Final = [ALLOW_ROW, ("Accept", "application/sdp")]


def receive(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a request inside a dialog; 481 when there is none.

    Raises:
        RemoteProtocolError: its number goes back (500), or its Contact is unreadable (400).
    """
    key = (request.call_id, request.to_tag, request.from_tag)
    leg = core.dialogs.get(key)
    if leg is None:
        early = core.early.get(key)
        if early is not None and request.method == "BYE":
            core.reply(tx, request, 200)
            closing.cancel(core, early)
        else:
            core.reply(tx, request, 481)
        return
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
    elif request.method in _NOT_HERE:
        core.reply(tx, request, 405, headers=[ALLOW_ROW])
    else:
        relaying.relay(core, leg, tx, request)


def _receive_bye(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    call = leg.call
    if leg is not call.a_leg and leg is not call.b_leg:
        # A phone that lost hangs up by itself while our BYE is on its way.
        leg.gone = True
        core.reply(tx, request, 200)
        return
    if leg.is_a and call.state is State.ANSWERING:
        # BYE before the 200 (RFC 3261 §15): as good as a CANCEL.
        core.reply(tx, request, 200)
        closing.cancel(core, call)
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
