"""Reliable provisional responses (RFC 3262): given to the caller until its PRACK comes, acknowledged to the callee.

The sender's table is ``sip.stack.reliable``.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Final

from sip.controller.calls import relaying
from sip.controller.calls.call import Early, Leg, Outcome, Prack, Provisional, Reliable
from sip.controller.calls.legs import make_request, trunk_answer
from sip.controller.calls.limits import RELIABLE_QUEUED_MAX
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.q850 import TIMER_EXPIRED
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Headers, Request, Response
from sip.stack.message.rack import RAck
from sip.stack.reliable import RELIABLE, ReliableAction, ReliableInput, ReliableState
from sip.stack.transaction.base import ServerTransaction


def give(core: Core, early: Early, provisional: Provisional) -> None:
    """Send a provisional response to the caller reliably, now or when the one before has its PRACK."""
    if early.reliable is None:
        # RFC 3262 §3: the first number is anybody's; the tag is unguessable, so what is made of it is as well.
        early.reliable = Reliable(zlib.crc32(early.a_tag.encode()) >> 2)
    early.reliable.queue.append(provisional)
    del early.reliable.queue[RELIABLE_QUEUED_MAX:]
    _fire(core, early, early.reliable, ReliableInput.GIVEN)


def _fire(core: Core, early: Early, reliable: Reliable, given: ReliableInput) -> None:
    arrow = RELIABLE.get((reliable.state, given))
    if arrow is not None:
        reliable.state, action = arrow
        _ACTIONS[action](core, early, reliable)


def _send(core: Core, early: Early, reliable: Reliable) -> None:
    call = early.branch.call
    if call.tx is None or call.request is None:
        return
    provisional = reliable.waiting = reliable.queue.pop(0)
    reliable.number += 1
    rows = [*provisional.headers, ("Require", "100rel"), ("RSeq", str(reliable.number))]
    reliable.response = core.endpoint.make_response(
        call.request, provisional.status, "", early.a_tag, rows, provisional.body
    )
    timers = core.endpoint.config.timers
    reliable.interval_s = timers.t1_s
    reliable.expiry_timer = core.after(timers.timeout_s, lambda: _fire(core, early, reliable, ReliableInput.EXPIRED))
    _transmit(core, early, reliable)


def _transmit(core: Core, early: Early, reliable: Reliable) -> None:
    call = early.branch.call
    if call.tx is not None and reliable.response is not None:
        core.endpoint.respond(call.tx, reliable.response, core.now)
    reliable.repeat_timer = core.after(reliable.interval_s, lambda: _fire(core, early, reliable, ReliableInput.REPEAT))


def _again(core: Core, early: Early, reliable: Reliable) -> None:
    reliable.interval_s *= 2
    _transmit(core, early, reliable)


def _stop(core: Core, early: Early, reliable: Reliable) -> None:
    for timer in (reliable.repeat_timer, reliable.expiry_timer):
        if timer is not None:
            timer.cancel()
    reliable.repeat_timer = reliable.expiry_timer = None
    reliable.response = None


def _next(core: Core, early: Early, reliable: Reliable) -> None:
    _stop(core, early, reliable)
    reliable.waiting = None
    if reliable.queue:
        _fire(core, early, reliable, ReliableInput.GIVEN)


def _give_up(core: Core, early: Early, reliable: Reliable) -> None:
    """Refuse the INVITE of a caller that acknowledges nothing; one whose 2xx waited gets it, and is left to its ACK."""
    _stop(core, early, reliable)
    call = early.branch.call
    if call.state is State.HUNTING and call.outcome is None:
        call.outcome = Outcome(504, "", TIMER_EXPIRED, "platform", TIMER_EXPIRED, TIMER_EXPIRED, "caller.no_prack")
        core.fire(call, Input.EXHAUSTED)
    else:
        core.fire(call, Input.RELEASED)


_ACTIONS: Final[dict[ReliableAction, Callable[[Core, Early, Reliable], None]]] = {
    ReliableAction.SEND: _send,
    ReliableAction.QUEUE: lambda core, early, reliable: None,
    ReliableAction.AGAIN: _again,
    ReliableAction.NEXT: _next,
    ReliableAction.GIVE_UP: _give_up,
    ReliableAction.STOP: _stop,
}


def must_wait(early: Early | None) -> bool:
    """Tell whether the 2xx must wait: a session description sent reliably has no PRACK (RFC 3262 §3)."""
    reliable = early.reliable if early is not None else None
    if reliable is None or reliable.state is not ReliableState.WAITING or reliable.waiting is None:
        return False
    return bool(reliable.waiting.body)


def stop(core: Core, early: Early) -> None:
    """Send nothing reliably any more: the INVITE has its final response."""
    reliable, a_leg = early.reliable, early.branch.call.a_leg
    if reliable is None:
        return
    if reliable.state is ReliableState.WAITING and a_leg is not None and a_leg.dialog.local_tag == early.a_tag:
        a_leg.open_rseq = reliable.number
    _fire(core, early, reliable, ReliableInput.FINAL)


def receive_prack(core: Core, early: Early | None, tx: ServerTransaction, request: Request) -> None:
    """Take a caller's PRACK: it stops the repetition, and goes through where the callee's waits for it.

    Raises:
        RemoteProtocolError: 400, RAck is unreadable.
    """
    rack = _read_rack(request)
    reliable = early.reliable if early is not None else None
    if early is None or reliable is None or not _is_of(early, reliable, rack):
        core.reply(tx, request, 481)
        return
    callees = reliable.waiting.rack if reliable.waiting is not None else None
    is_over = early.branch.final > 0 or early.branch.abandoned
    if callees is not None and early.a_leg is not None and not is_over:
        relaying.pass_prack(core, early.a_leg, tx, request, callees)
    elif request.body:
        # There is nobody to answer an offer: the callee has given its own answer unreliably.
        core.reply(tx, request, 488)
    else:
        core.reply(tx, request, 200)
    _fire(core, early, reliable, ReliableInput.PRACK)
    core.fire(early.branch.call, Input.RELEASED)


def receive_late_prack(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """Take a PRACK that comes after the 2xx (RFC 3262 §3).

    Raises:
        RemoteProtocolError: 400, RAck is unreadable.
    """
    is_open = leg.open_rseq > 0 and _read_rack(request).response_number == leg.open_rseq
    if is_open:
        leg.open_rseq = 0
    core.reply(tx, request, 200 if is_open else 481)


def _read_rack(request: Request) -> RAck:
    try:
        return RAck.parse(request.get("RAck") or "")
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def _is_of(early: Early, reliable: Reliable, rack: RAck) -> bool:
    invite = early.branch.call.request
    if reliable.state is not ReliableState.WAITING or invite is None:
        return False
    return (rack.response_number, rack.cseq_number, rack.method) == (reliable.number, invite.cseq.number, "INVITE")


def acknowledge(core: Core, leg: Leg, rack: RAck) -> None:
    """Send a PRACK of our own: the caller has none to send."""
    _transmit_prack(core, Prack(leg), [("RAck", str(rack))])


def _transmit_prack(core: Core, prack: Prack, headers: Headers) -> None:
    request = make_request(core, prack.leg, "PRACK", [*headers, ("User-Agent", core.config.server_name)])
    core.endpoint.send_request(request, prack.leg.flow, core.now).user = prack


def on_prack_response(core: Core, prack: Prack, request: Request, response: Response) -> None:
    """Take the end of our PRACK: a carrier's challenge is answered once; what else goes wrong the callee sees."""
    row = trunk_answer(core, prack.leg, request, response, prack.answers)
    if row is not None:
        prack.answers += 1
        _transmit_prack(core, prack, [("RAck", request.get("RAck") or ""), row])
