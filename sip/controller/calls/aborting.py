"""The end of a call that met a bug of ours: 500 for who waits, BYE for who talks, and nothing left behind.

First the usual way is tried, so that record, holds and places are what they are for any call that failed. When the
bug is in that way itself, the call is taken apart piece by piece, each piece whether or not the others can be.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from sip.cdr.record import CallRecord
from sip.controller.calls import limits_of_call
from sip.controller.calls.answering import leave_setup
from sip.controller.calls.call import Branch, Bridge, Call, Goodbye, Leg, Outcome, Prack, Probe, Refresh, Relay
from sip.controller.calls.closing import end_group
from sip.controller.calls.hunting import cancel_branches
from sip.controller.calls.legs import send_bye
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.live import announce_end
from sip.controller.q850 import TEMPORARY_FAILURE
from sip.controller.records import build_record
from sip.stack.events import (
    AckReceived,
    Event,
    FlowFailed,
    RequestPassing,
    RequestReceived,
    ResponsePassing,
    StrayAnswer,
)
from sip.stack.transaction.base import ServerTransaction

CODE: Final = "node.bug"
"""``refusal_code`` of the call's record."""

_WAYS_OUT: Final[dict[State, Input]] = {
    State.AUTHORISING: Input.REFUSED,
    State.HUNTING: Input.EXHAUSTED,
    State.CANCELLING: Input.SETTLED,
    State.UP: Input.HANGUP,
}
"""Calls in other states wait for the disk, and whether it will ever answer is what a bug there leaves open."""


def end_after_bug(core: Core, error: Exception, owner: object, tx: ServerTransaction | None) -> None:
    """Note a bug and end what it belongs to: the call ``owner``, and the request ``tx`` it was met at."""
    call = owner if isinstance(owner, Call) else None
    core.bugs.note(error, _describe(call, tx), core.now)
    if call is not None:
        _end(core, call)
    if tx is not None:
        _attempt(core, partial(core.reply, tx, tx.request, 500))


def owner_of(core: Core, event: Event) -> Call | None:
    """Return the call an event belongs to, as far as can be told; ``None`` for one of no call."""
    if isinstance(event, StrayAnswer | FlowFailed | RequestPassing | ResponsePassing):
        return None
    user = None if event.tx is None else event.tx.user
    if isinstance(user, Call):
        return user
    if isinstance(user, Branch):
        return user.call
    if isinstance(user, Goodbye | Prack | Probe | Refresh):
        return user.leg.call
    if isinstance(user, Bridge):
        return user.first.call
    if isinstance(user, Relay):
        return user.source.call
    if isinstance(event, RequestReceived | AckReceived):
        request = event.request
        leg = core.dialogs.get((request.call_id, request.to_tag, request.from_tag))
        return None if leg is None else leg.call
    return None


def _describe(call: Call | None, tx: ServerTransaction | None) -> str:
    if call is not None:
        return f"call {call.call_id}"
    return f"a {tx.method} with Call-ID {tx.request.get('Call-ID')!r}" if tx is not None else "a piece of work"


def _end(core: Core, call: Call) -> None:
    way_out = _WAYS_OUT.get(call.state)
    if way_out is not None:
        call.outcome = _outcome(call)
        call.authorising = False
        if _attempt(core, partial(_fire, core, call, way_out)):
            return
    if call.state is State.ANSWERING:
        call.answered_at = None  # The caller has not heard of the answer, and pays for none.
    for step in _STEPS:
        _attempt(core, partial(step, core, call))


def _fire(core: Core, call: Call, way_out: Input) -> None:
    if call.state is State.UP:
        _answer(core, call)
    core.fire(call, way_out)


def _outcome(call: Call) -> Outcome:
    if call.outcome is not None:
        return call.outcome
    status = 500 if call.answered_at is None else 200
    return Outcome(status, "", TEMPORARY_FAILURE, "platform", TEMPORARY_FAILURE, TEMPORARY_FAILURE, CODE)


def _attempt(core: Core, step: Callable[[], object]) -> bool:
    """Do one step; a bug in it is noted and stops no other. Returns whether it was done."""
    try:
        step()
    except Exception as error:  # noqa: BLE001 - what is being ended after a bug must end whatever else is broken
        core.bugs.note(error, "a step of ending a call", core.now)
        return False
    return True


def _stop_timers(core: Core, call: Call) -> None:
    limits_of_call.stop(call)


def _answer(core: Core, call: Call) -> None:
    """Give 500 to a caller who still waits; one who has an answer is told nothing by the transaction."""
    if call.tx is not None:
        core.reply(call.tx, call.tx.request, 500, "", call.tag)


def _answer_byes(core: Core, call: Call) -> None:
    for tx, request in call.closing:
        core.reply(tx, request, 200)
    call.closing.clear()


def _cancel(core: Core, call: Call) -> None:
    if call.attempt is not None:
        cancel_branches(core, call.attempt)


def _legs(call: Call) -> list[Leg]:
    """Return every dialog of the call, those of phones that answered and lost too."""
    branches = [*call.attempt.branches] if call.attempt is not None else []
    if call.winner is not None:
        branches.append(call.winner)
    legs = [call.a_leg, call.b_leg, *[branch.leg for branch in branches]]
    return [leg for leg in legs if leg is not None]


def _hang_up(core: Core, call: Call) -> None:
    for leg in _legs(call):
        _attempt(core, partial(send_bye, core, leg, TEMPORARY_FAILURE))


def _end_group(core: Core, call: Call) -> None:
    end_group(core, call, _outcome(call))


def _give_places_back(core: Core, call: Call) -> None:
    releases = [call.release, call.attempt.release if call.attempt is not None else None]
    call.release = None
    if call.attempt is not None:
        call.attempt.release = None
    for release in releases:
        if release is not None:
            release()


def _write(core: Core, call: Call) -> None:
    """Have the end on disk, else the next start would take the call up again and charge for it."""
    if call.recorded:
        return
    call.recorded = True
    core.write({"t": "end", "record": _record(core, call).to_json()}, None)


def _settle(core: Core, call: Call) -> None:
    if not call.settled:
        call.settled = True
        core.policy.settle(_record(core, call))


def _record(core: Core, call: Call) -> CallRecord:
    call.outcome = _outcome(call)
    if call.ended_at is None:
        call.ended_at = core.wall
        if call.answered_at is not None:
            call.duration_s = round(max(0.0, min(core.now - call.answered_now, call.limit_s)), 6)
    return build_record(core.config.node, call, call.outcome)


def _forget(core: Core, call: Call) -> None:
    leave_setup(core, call)
    core.offers.pop((call.sip_call_id, call.from_tag), None)
    core.calls.pop(call.call_id, None)
    for leg in _legs(call):
        core.dialogs.pop(leg.dialog.key, None)
        leg.other = None
    call.state = State.ENDED
    call.request = call.answer = call.tx = call.attempt = call.winner = call.a_leg = call.b_leg = None


def _tell_live_view(core: Core, call: Call) -> None:
    announce_end(core, call)


_STEPS: Final[tuple[Callable[[Core, Call], None], ...]] = (
    _stop_timers,
    _answer,
    _answer_byes,
    _cancel,
    _hang_up,
    _end_group,
    _give_places_back,
    _write,
    _settle,
    _forget,
    _tell_live_view,
)
