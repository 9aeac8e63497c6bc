"""Calls as the live view shows them."""

from __future__ import annotations

from typing import Literal

from sip.controller.calls.call import Call
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.ports import LiveCall

LiveState = Literal["trying", "ringing", "answered"]


def live_state(call: Call) -> LiveState:
    """Return how far a call is."""
    if call.answered_at is not None:
        return "answered"
    return "ringing" if call.ringing_at is not None else "trying"


def live_call(call: Call) -> LiveCall:
    """Return one call as the live view shows it."""
    plan = call.plan
    target = call.attempt.target if call.attempt is not None else None
    offer = call.offer
    trunk_id = offer.trunk_id
    if trunk_id is None and target is not None and target.kind == "trunk":
        trunk_id = target.id
    return {
        "call_id": call.call_id,
        "tenant_id": plan.tenant_id if plan is not None else offer.tenant_id,
        "state": live_state(call),
        "caller": offer.caller,
        "called": plan.called if plan is not None else offer.dialled,
        "line_id": offer.line_id,
        "trunk_id": trunk_id,
        "started_at": offer.received_at,
        "answered_at": call.answered_at,
    }


def announce(core: Core, call: Call) -> None:
    """Tell the live view, and who watches the call's lines, how a call stands now."""
    if call.state not in (State.CLOSING, State.ENDED):
        core.live.changed(live_call(call))
        touch(core, call)


def announce_end(core: Core, call: Call) -> None:
    """Tell the same that a call is over."""
    core.live.ended(call.call_id)
    if core.call_watch is not None:
        core.call_watch(call, True)


def touch(core: Core, call: Call) -> None:
    """Tell who watches the call's lines; for what the live view does not show."""
    if core.call_watch is not None:
        core.call_watch(call, False)
