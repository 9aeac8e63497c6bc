"""Joining two parties of different calls: an offer of the one, an answer of the other, both fetched by re-INVITE.

RFC 3725 §4 calls it flow I: the first party's 2xx carries the offer, waits for its ACK until the second party has
answered, and gets the answer in it::

    ASKING -> OFFERING -> JOINED        (an INVITE without offer that was answered 2xx begins at OFFERING)
       \\---------\\-----> BROKEN
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from sip.controller.addressing import contact_row
from sip.controller.calls import session_timers
from sip.controller.calls.call import Bridge, BridgeState, Leg
from sip.controller.calls.legs import make_request, redirect, send_ack, trunk_answer
from sip.controller.calls.limits import BRIDGE_TRIES_MAX
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW, body_rows
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Headers, Request, Response

_SUCCESSES: Final = range(200, 300)


class _Input(Enum):
    """What can come of a re-INVITE."""

    OFFER = auto()
    """2xx with a body from the first party."""
    ANSWER = auto()
    """2xx with a body from the second."""
    LATER = auto()
    """491: two offers crossed."""
    FAILED = auto()


class _Action(Enum):
    OFFER = auto()
    JOIN = auto()
    RETRY = auto()
    BREAK = auto()


_TABLE: Final[dict[tuple[BridgeState, _Input], tuple[BridgeState, _Action]]] = {
    (BridgeState.ASKING, _Input.OFFER): (BridgeState.OFFERING, _Action.OFFER),
    (BridgeState.ASKING, _Input.LATER): (BridgeState.ASKING, _Action.RETRY),
    (BridgeState.ASKING, _Input.FAILED): (BridgeState.BROKEN, _Action.BREAK),
    (BridgeState.OFFERING, _Input.ANSWER): (BridgeState.JOINED, _Action.JOIN),
    (BridgeState.OFFERING, _Input.LATER): (BridgeState.OFFERING, _Action.RETRY),
    (BridgeState.OFFERING, _Input.FAILED): (BridgeState.BROKEN, _Action.BREAK),
}


def start(core: Core, bridge: Bridge) -> None:
    """Join the parties; ``bridge.done`` is told what came of it."""
    bridge.first.own = bridge.second.own = bridge
    _send(core, bridge, [])


def abort(core: Core, leg: Leg) -> None:
    """Give up joining, because a party hangs up."""
    if isinstance(leg.own, Bridge):
        bridge = leg.own
        bridge.state = BridgeState.BROKEN
        _let_go(core, bridge)


def _turn(bridge: Bridge) -> Leg:
    return bridge.first if bridge.state is BridgeState.ASKING else bridge.second


def _send(core: Core, bridge: Bridge, credentials: Headers) -> None:
    leg = _turn(bridge)
    offer = bridge.offer if bridge.state is BridgeState.OFFERING else b""
    rows = [
        *(bridge.offer_rows if offer else []),
        ALLOW_ROW,
        *session_timers.request_rows(leg),
        ("User-Agent", core.config.server_name),
        *credentials,
    ]
    bridge.tries += 1
    request = make_request(core, leg, "INVITE", rows, offer)
    core.endpoint.send_request(request, leg.flow, core.now).user = bridge


def on_response(core: Core, bridge: Bridge, request: Request, response: Response) -> None:
    """Take a party's answer to our re-INVITE."""
    if response.status < 200:
        return
    leg = bridge.first if request.call_id == bridge.first.dialog.call_id else bridge.second
    if response.status in _SUCCESSES:
        _on_success(core, bridge, leg, response)
        return
    if leg is _turn(bridge) and (bridge.state, _Input.FAILED) in _TABLE:
        row = trunk_answer(core, leg, request, response, bridge.answers)
        if row is not None:
            bridge.answers += 1
            _send(core, bridge, [row])
            return
    if response.status == 481:
        leg.gone = True
    is_glare = response.status == 491 and bridge.tries < BRIDGE_TRIES_MAX
    _fire(core, bridge, _Input.LATER if is_glare else _Input.FAILED, leg, response)


def on_failure(core: Core, bridge: Bridge, status: int) -> None:
    """Learn that a party is silent, or cannot be reached."""
    _fire(core, bridge, _Input.FAILED, bridge.first, None)


def _on_success(core: Core, bridge: Bridge, leg: Leg, response: Response) -> None:
    ack = bridge.first_ack if leg is bridge.first else bridge.second_ack
    if ack is not None:
        core.endpoint.send_ack(ack, leg.flow, core.now)
        return
    if leg is not _turn(bridge) or (bridge.state, _Input.FAILED) not in _TABLE:
        if bridge.state is BridgeState.BROKEN:
            _keep_ack(bridge, leg, send_ack(core, leg, [], b""))
        return  # The first party repeats its 2xx while the second is asked.
    try:
        leg.dialog.receive_response(response)
    except RemoteProtocolError:
        pass  # Its Contact is unreadable: the old target stands.
    else:
        redirect(leg, leg.flow)
    session_timers.confirmed(core, leg, response)
    if not response.body:
        _keep_ack(bridge, leg, send_ack(core, leg, [], b""))
        _fire(core, bridge, _Input.FAILED, leg, response)
    else:
        given = _Input.OFFER if bridge.state is BridgeState.ASKING else _Input.ANSWER
        _fire(core, bridge, given, leg, response)


def _keep_ack(bridge: Bridge, leg: Leg, ack: Request) -> None:
    if leg is bridge.first:
        bridge.first_ack = leg.ack = ack
    else:
        bridge.second_ack = ack


def _fire(core: Core, bridge: Bridge, given: _Input, leg: Leg, response: Response | None) -> None:
    arrow = _TABLE.get((bridge.state, given))
    if arrow is None:
        return
    bridge.state, action = arrow
    if action is _Action.OFFER and response is not None:
        bridge.offer, bridge.offer_rows, bridge.tries = response.body, body_rows(response), 0
        bridge.answers = 0
        _send(core, bridge, [])
    elif action is _Action.JOIN and response is not None:
        _join(core, bridge, response)
    elif action is _Action.RETRY and response is not None:
        delay_s = session_timers.again_in_s(core, leg, response)
        bridge.timer = core.after(delay_s, lambda: _again(core, bridge))
    else:
        _let_go(core, bridge)
        bridge.done(False)


def _again(core: Core, bridge: Bridge) -> None:
    if (bridge.state, _Input.FAILED) in _TABLE:
        _send(core, bridge, [])


def _join(core: Core, bridge: Bridge, answer: Response) -> None:
    first, second = bridge.first, bridge.second
    _keep_ack(bridge, second, send_ack(core, second, [], b""))
    if bridge.invite is None:
        _keep_ack(bridge, first, send_ack(core, first, body_rows(answer), answer.body))
    else:
        _answer_first(core, bridge, answer)
    first.sdp, second.sdp = answer.body, bridge.offer
    first.own = second.own = None
    bridge.offer = b""
    bridge.done(True)


def _answer_first(core: Core, bridge: Bridge, answer: Response) -> None:
    if bridge.invite is None:
        return
    tx, request = bridge.invite
    bridge.invite = None
    leg = bridge.first
    rows = [contact_row(core.config, leg.flow), ALLOW_ROW, *body_rows(answer)]
    rows += session_timers.accept(core, leg, request)
    core.reply(tx, request, 200, "", leg.dialog.local_tag, rows, answer.body)


def _let_go(core: Core, bridge: Bridge) -> None:
    """Leave both dialogs to others; a 2xx that waits for its ACK gets one."""
    if bridge.timer is not None:
        bridge.timer.cancel()
    if bridge.invite is not None:
        core.reply(*bridge.invite, 488)
    elif bridge.offer and bridge.first_ack is None:
        _keep_ack(bridge, bridge.first, send_ack(core, bridge.first, [], b""))
    bridge.first.own = bridge.second.own = None
