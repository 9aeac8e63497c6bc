"""Taking up, after a restart, the calls that were up before it."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from sip.controller.calls import limits_of_call, session_timers
from sip.controller.calls.call import Call, Leg
from sip.controller.calls.saved import call_from_json, join, saved_messages
from sip.controller.core import Core
from sip.controller.limits import ANSWER_AGAIN_S, ANSWER_DOUBT_S, ANSWER_REPEATED_S, NO_BOUND
from sip.controller.live import announce
from sip.controller.policy import CallOffer
from sip.controller.q850 import TEMPORARY_FAILURE
from sip.stack.dialog import flow_from_json
from sip.stack.errors import ProtocolError
from sip.stack.transaction.base import ServerTransaction

log = logging.getLogger(__name__)


def restore(core: Core, states: Iterable[dict[str, Any]]) -> int:
    """Go on with the calls the journal has open; returns how many could be read."""
    found: list[tuple[Call, dict[str, Any]]] = []
    for state in states:
        try:
            found.append((call_from_json(state, core.now, core.wall), state))
        except (KeyError, TypeError, ValueError) as error:
            log.error("call %s cannot be taken up: %s", state.get("call_id"), error)
    torn = join(found)
    newest = max((call.answered_now for call, _ in found), default=0.0)
    for call, state in found:
        # The old process died about when the newest call was answered. Older calls have had their ACK.
        _take_up(core, call, state, newest - call.answered_now <= ANSWER_DOUBT_S)
    for call in torn:
        limits_of_call.end_by_platform(core, call, TEMPORARY_FAILURE)
    return len(found)


def _take_up(core: Core, call: Call, state: dict[str, Any], in_doubt: bool) -> None:
    core.calls[call.call_id] = call
    for leg in (call.a_leg, call.b_leg):
        if leg is not None:
            core.dialogs[leg.dialog.key] = leg
            session_timers.resume(core, leg)
    _count(core, call, call.offer)
    if call.a_leg is not None:
        _absorb_invite(core, call, call.a_leg, state, in_doubt)
    limits_of_call.start(core, call)
    if call.plan is not None:
        core.policy.answered(call.offer, call.plan)
    announce(core, call)


def _absorb_invite(core: Core, call: Call, leg: Leg, state: dict[str, Any], in_doubt: bool) -> None:
    """Let the caller's INVITE, should it come again, make no second call; a 200 that may be lost is sent later."""
    is_young = core.now - call.answered_now < ANSWER_REPEATED_S
    tx = _restore_invite(core, call, leg, state) if is_young else None
    if tx is not None:
        core.endpoint.ack_received(tx, core.now)
    leg.acked = tx is None or not in_doubt
    if not leg.acked:
        core.after(ANSWER_AGAIN_S, lambda: _answer_again(core, call, leg, state))


def _answer_again(core: Core, call: Call, leg: Leg, state: dict[str, Any]) -> None:
    """Send the 200 of a caller who has given no sign of having it.

    Not at once: a BYE that was under way comes again within T2, and shows that the caller has its 200.
    """
    if not leg.acked and not leg.gone:
        _restore_invite(core, call, leg, state)


def _restore_invite(core: Core, call: Call, leg: Leg, state: dict[str, Any]) -> ServerTransaction | None:
    invite, answer = saved_messages(state)
    if not invite or not answer:
        return None  # Saved anew by a later change of the call: the caller had its 200 by then.
    reply_to = flow_from_json(state["reply_to"]) if state["reply_to"] else leg.flow
    try:
        call.tx = core.endpoint.restore_invite_server(invite, answer, reply_to, core.now)
    except ProtocolError as error:
        log.error("answer of call %s cannot be repeated: %s", call.call_id, error)
        return None
    call.tx.user = call
    return call.tx


def _count(core: Core, call: Call, offer: CallOffer) -> None:
    """Take the places of both sides again, over the bound too: these calls exist."""
    if call.a_leg is None:
        pass  # The calling line has handed its party over and is free.
    elif offer.line_id is not None:
        call.release = core.take_place(core.line_calls, offer.line_id, NO_BOUND)
    elif offer.trunk_id is not None:
        call.release = core.take_place(core.trunk_calls, offer.trunk_id, NO_BOUND)
    attempt = call.attempt
    if attempt is not None and call.b_leg is not None:
        counter = core.line_calls if attempt.target.kind == "line" else core.trunk_calls
        attempt.release = core.take_place(counter, attempt.target.id, NO_BOUND)
