"""Requests inside a confirmed dialog: what is passed to the other leg, and what is answered here."""

from __future__ import annotations

from typing import Final

from sip.controller.addressing import contact_row
from sip.controller.calls import session_timers
from sip.controller.calls.call import Leg, Relay
from sip.controller.calls.legs import make_request, redirect, send_ack, trunk_answer
from sip.controller.calls.limits_of_call import end_by_platform
from sip.controller.calls.saved import open_payload
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW, body_rows, end_to_end_rows
from sip.controller.q850 import TEMPORARY_FAILURE, TIMER_EXPIRED
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Headers, Message, Request, Response
from sip.stack.message.rack import RAck
from sip.stack.transaction.base import ServerTransaction

NOT_HERE: Final = frozenset({"NOTIFY", "PUBLISH", "REFER", "REGISTER", "SUBSCRIBE"})
"""Methods that have no meaning between the two parties of a call; MESSAGE, INFO and what nobody knows go through."""

_OFFERS: Final = frozenset({"INVITE", "UPDATE"})
"""Methods that carry offer and answer: one at a time in a call (RFC 3261 §14, 3311 §5.2)."""


def relay(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """Pass a request on to the other leg, or say why not now.

    Raises:
        RemoteProtocolError: 400, Session-Expires is unreadable.
    """
    call, target = leg.call, leg.other
    is_open = call.state is State.UP or (leg.is_early and call.state is State.HUNTING)
    if is_open and target is not None and target.gone and target.transfer is not None:
        core.reply(tx, request, 491)  # Its party has been handed over; who comes next is not there yet.
        return
    if not is_open or target is None or target.gone or target.bye_sent:
        core.reply(tx, request, 491 if call.state is State.ANSWERING else 481)
        return
    passing = Relay(leg, target, request, tx)
    if request.method in _OFFERS:
        if not session_timers.interval_is_long_enough(core, tx, request) or _is_in_the_way(core, leg, tx, request):
            return
        is_refresh = request.method == "UPDATE" and not request.body and request.get("Session-Expires") is not None
        if is_refresh and not leg.is_early:
            _refresh_here(core, leg, tx, request)
            return
        leg.relay = leg.relay or passing
    tx.user = passing
    _send(core, passing, [])


def pass_prack(core: Core, leg: Leg, tx: ServerTransaction, request: Request, rack: RAck) -> None:
    """Pass a caller's PRACK on to the callee, whose own response ``rack`` names (RFC 3262 §7.2)."""
    target = leg.other
    if target is None:  # pragma: no cover - both legs are made before
        raise AssertionError("a PRACK for nobody")
    passing = Relay(leg, target, request, tx, rows=(("RAck", str(rack)),))
    tx.user = passing
    target.sdp = request.body or target.sdp
    _send(core, passing, [])


def _is_in_the_way(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> bool:
    """Answer what would cross another offer; returns whether there was one.

    Its sender's own former request is still open: 500 and a while at random (RFC 3261 §14.2, 3311 §5.2). One of the
    other side, or of ours, is under way towards the sender: 491. An UPDATE without offer only waits for an UPDATE.
    """
    target, open_here = leg.other, leg.relay
    is_bare = request.method == "UPDATE" and not request.body
    if open_here is not None and not (is_bare and open_here.request.method == "INVITE"):
        core.reply(tx, request, 500, headers=[("Retry-After", str(int(core.config.random() * 11)))])
        return True
    if is_bare or target is None:
        return False
    # RFC 5407 §3.1.4: a caller whose ACK is lost may go on once its offer has been answered; §3.1.5: not before.
    is_settled = leg.is_early or (target.acked and (leg.acked or leg.is_a))
    if target.relay is not None or not is_settled:
        core.reply(tx, request, 491)
        return True
    if leg.own is not None or target.own is not None:
        core.reply(tx, request, 491)
        return True
    return False


def _refresh_here(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """Answer an UPDATE that only keeps the session alive: each leg has a timer of its own (RFC 4028 §9)."""
    leg.dialog.refresh_target(request)
    redirect(leg, leg.flow)
    rows = session_timers.accept(core, leg, request)
    core.reply(tx, request, 200, headers=[contact_row(core.config, leg.flow, leg.call.is_secure), ALLOW_ROW, *rows])


def _send(core: Core, passing: Relay, credentials: Headers) -> None:
    target, request = passing.target, passing.request
    rows = [*passing.rows, *_crossing(core, request), ALLOW_ROW, ("User-Agent", core.config.server_name), *credentials]
    if request.method in _OFFERS:
        rows += session_timers.request_rows(target)
    sent = make_request(core, target, request.method, rows, request.body)
    passing.client = core.endpoint.send_request(sent, target.flow, core.now)
    passing.client.user = passing


def _crossing(core: Core, message: Message) -> Headers:
    return [*end_to_end_rows(message), *core.config.passed_headers.rows(message)]


def on_relay_response(core: Core, passing: Relay, response: Response) -> None:
    """Take the other leg's answer to a request that was passed on."""
    if response.status < 200:
        return
    if passing.answered:
        if passing.ack is not None:
            core.endpoint.send_ack(passing.ack, passing.target.flow, core.now)
        elif response.status < 300 and passing.request.method == "INVITE" and passing.source.relay is not passing:
            send_ack(core, passing.target, [], b"")
        return
    if response.status < 300:
        _pass_success(core, passing, response)
    elif not _authenticate(core, passing, response):
        _pass_failure(core, passing, response)


def _pass_success(core: Core, passing: Relay, response: Response) -> None:
    source, target, request = passing.source, passing.target, passing.request
    passing.answered = True
    is_invite = request.method == "INVITE"
    try:
        target.dialog.receive_response(response)
    except RemoteProtocolError:
        # Its Contact is unreadable: the old target stands.
        pass
    else:
        redirect(target, target.flow)
    if is_invite and request.body:
        passing.ack = send_ack(core, target, [], b"")
    headers = _crossing(core, response)
    if request.method in _OFFERS:
        headers = [*_take_session(core, passing, response), *headers]
    _answer(core, passing, response.status, headers, response.body)
    if not is_invite:
        source.relay = None if source.relay is passing else source.relay
    if request.method in _OFFERS and source.call.state is State.UP:
        save(core, source, target)


def save(core: Core, leg: Leg, other: Leg) -> None:
    """Have the journal know how two legs stand now; after a transfer they are of different calls."""
    core.write(open_payload(core, leg.call), None)
    if other.call is not leg.call and other.call.state is State.UP:
        core.write(open_payload(core, other.call), None)


def _take_session(core: Core, passing: Relay, response: Response) -> Headers:
    """Note what an INVITE or UPDATE changed on both legs; returns the rows about the source's own leg."""
    source, target, request = passing.source, passing.target, passing.request
    source.dialog.refresh_target(request)
    redirect(source, source.flow)
    if request.body:
        target.sdp = request.body
    if response.body:
        source.sdp = response.body
    if source.is_early:
        return [
            contact_row(core.config, source.flow, source.call.is_secure),
            ALLOW_ROW,
        ]  # A session begins with the 2xx of its INVITE.
    session_timers.confirmed(core, target, response)
    timer_rows = session_timers.accept(core, source, request)
    return [contact_row(core.config, source.flow, source.call.is_secure), ALLOW_ROW, *timer_rows]


def _authenticate(core: Core, passing: Relay, response: Response) -> bool:
    """Answer a carrier's challenge once; returns whether the request was sent again."""
    client = passing.client
    if client is None:
        return False
    row = trunk_answer(core, passing.target, client.request, response, passing.answers)
    if row is None:
        return False
    passing.answers += 1
    _send(core, passing, [row])
    return True


def _pass_failure(core: Core, passing: Relay, response: Response) -> None:
    # A challenge that crossed would make the party send its own credentials to a stranger.
    status = 403 if response.status in (401, 407) else 488 if response.status < 400 else response.status
    if status == 422 and passing.request.method in _OFFERS and _ask_longer(core, passing, response):
        return
    _finish(core, passing, status, [*_crossing(core, response), *_patience(response)])
    if response.status in (408, 481):
        passing.target.gone = response.status == 481
        end_by_platform(core, passing.source.call, TEMPORARY_FAILURE)


def _patience(response: Response) -> Headers:
    text = response.get("Retry-After")
    return [("Retry-After", text)] if text is not None else []


def _ask_longer(core: Core, passing: Relay, response: Response) -> bool:
    """Send the request again with the session interval that the target wants: it concerns the target's leg alone."""
    session = passing.target.session
    if session is None or passing.asked_longer:
        return False
    passing.asked_longer = True
    session_timers.learn_min_se(session, response)
    _send(core, passing, [])
    return True


def on_relay_failure(core: Core, passing: Relay, status: int) -> None:
    """Learn that the other leg is silent (408: its dialog is over, RFC 3261 §12.2.1.2) or out of reach (503)."""
    if not passing.answered:
        _finish(core, passing, status)
        if status == 408:
            end_by_platform(core, passing.source.call, TIMER_EXPIRED)


def _finish(core: Core, passing: Relay, status: int, headers: Headers | None = None) -> None:
    passing.answered = True
    if passing.source.relay is passing:
        passing.source.relay = None
    _answer(core, passing, status, headers or [])


def _answer(core: Core, passing: Relay, status: int, headers: Headers, body: bytes = b"") -> None:
    """Give the source its final response, and let go of both transactions, which know the relay themselves."""
    if passing.server is not None:
        core.reply(passing.server, passing.request, status, "", "", headers, body)
    passing.server = passing.client = None


def on_relay_cancelled(core: Core, passing: Relay) -> None:
    """Take back a re-INVITE whose sender took it back; the other leg's 487 ends it."""
    if not passing.answered and passing.client is not None:
        core.endpoint.cancel(passing.client, core.now)


def on_relay_ack(core: Core, passing: Relay, ack: Request) -> None:
    """Take the ACK of a re-INVITE that was answered 2xx; it carries the answer where the 2xx had the offer."""
    if passing.ack is None and passing.answered:
        passing.ack = send_ack(core, passing.target, body_rows(ack), ack.body)
        passing.target.sdp = ack.body or passing.target.sdp
    if passing.source.relay is passing:
        passing.source.relay = None


def on_relay_no_ack(core: Core, passing: Relay) -> None:
    """End a call whose party never acknowledged its own re-INVITE's 2xx."""
    if passing.source.relay is passing:
        passing.source.relay = None
    end_by_platform(core, passing.source.call, TIMER_EXPIRED)


def abort_relays(core: Core, leg: Leg) -> None:
    """Answer what is still open when the call ends (RFC 3261 §15.1.2)."""
    passing = leg.relay
    if passing is None:
        return
    leg.relay = None
    if not passing.answered:
        passing.answered = True
        if passing.client is not None and passing.request.method == "INVITE":
            core.endpoint.cancel(passing.client, core.now)
        _answer(core, passing, 487, [])
    elif passing.ack is None and passing.request.method == "INVITE":
        passing.ack = send_ack(core, passing.target, [], b"")
