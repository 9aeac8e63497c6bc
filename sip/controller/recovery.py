"""Taking up, after a restart, the calls that were up before it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sip.controller.calls import limits_of_call
from sip.controller.calls.call import Call, Leg
from sip.controller.calls.saved import call_from_json, saved_messages
from sip.controller.core import Core
from sip.controller.limits import NO_BOUND
from sip.controller.live import announce
from sip.controller.policy import CallOffer
from sip.stack.dialog import flow_from_json
from sip.stack.errors import ProtocolError

log = logging.getLogger(__name__)

ANSWER_REPEATED_S = 32.0
"""64 * T1: a younger call's 200 may not have reached the caller, and is sent again until its ACK comes."""


def restore(core: Core, states: Iterable[dict[str, Any]]) -> int:
    """Go on with the calls the journal has open; returns how many could be read."""
    restored = 0
    for state in states:
        try:
            call = call_from_json(state, core.now, core.wall)
        except (KeyError, TypeError, ValueError) as error:
            log.error("call %s cannot be taken up: %s", state.get("call_id"), error)
            continue
        _take_up(core, call, state)
        restored += 1
    return restored


def _take_up(core: Core, call: Call, state: dict[str, Any]) -> None:
    core.calls[call.call_id] = call
    for leg in (call.a_leg, call.b_leg):
        if leg is not None:
            core.dialogs[leg.dialog.key] = leg
    _count(core, call, call.offer)
    if call.a_leg is not None and core.now - call.answered_now < ANSWER_REPEATED_S:
        _repeat_answer(core, call, call.a_leg, state)
    elif call.a_leg is not None:
        call.a_leg.acked = True
    limits_of_call.start(core, call)
    if call.plan is not None:
        core.policy.answered(call.offer, call.plan)
    announce(core, call)


def _repeat_answer(core: Core, call: Call, leg: Leg, state: dict[str, Any]) -> None:
    invite, answer = saved_messages(state)
    reply_to = flow_from_json(state["reply_to"]) if state["reply_to"] else leg.flow
    if not invite or not answer:
        # Saved anew by a later change of the call: the caller had its 200 by then.
        leg.acked = True
        return
    try:
        call.tx = core.endpoint.restore_invite_server(invite, answer, reply_to, core.now)
    except ProtocolError as error:
        log.error("answer of call %s cannot be repeated: %s", call.call_id, error)
        leg.acked = True
        return
    call.tx.user = call


def _count(core: Core, call: Call, offer: CallOffer) -> None:
    """Take the places of both sides again, over the bound too: these calls exist."""
    if offer.line_id is not None:
        call.release = core.take_place(core.line_calls, offer.line_id, NO_BOUND)
    elif offer.trunk_id is not None:
        call.release = core.take_place(core.trunk_calls, offer.trunk_id, NO_BOUND)
    attempt = call.attempt
    if attempt is not None:
        counter = core.line_calls if attempt.target.kind == "line" else core.trunk_calls
        attempt.release = core.take_place(counter, attempt.target.id, NO_BOUND)
