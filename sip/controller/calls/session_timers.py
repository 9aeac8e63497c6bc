"""Session timers (RFC 4028) of each leg by itself, as refresher and as refreshed; the table is ``sip.stack.session``.

A leg whose party does not know the extension has none, and costs nothing but the header that offers it; the OPTIONS
probe of ``limits_of_call`` watches over it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sip.controller.calls.call import Leg, Refresh, Session
from sip.controller.calls.legs import make_request, redirect, send_ack, trunk_answer
from sip.controller.calls.limits import REFRESH_AGAIN_S, REFRESH_TRIES_MAX, RETRY_AFTER_S_MAX, SESSION_S_MAX
from sip.controller.calls.limits_of_call import end_by_platform
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.headers import ALLOW_ROW, allows, has_option
from sip.controller.q850 import TIMER_EXPIRED
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.grammar import parse_digits
from sip.stack.message.message import Headers, Message, Request, Response
from sip.stack.message.session_expires import SessionExpires
from sip.stack.session import (
    SESSION,
    SESSION_S_MIN,
    SessionAction,
    SessionInput,
    SessionState,
    refresh_delay_s,
    watch_delay_s,
)
from sip.stack.transaction.base import ServerTransaction

_SDP_ROW: Final = ("Content-Type", "application/sdp")


def interval_is_long_enough(core: Core, tx: ServerTransaction, request: Request) -> bool:
    """Answer 422 to an INVITE or UPDATE that wants refreshes too often (RFC 4028 §9); returns whether it may go on.

    Raises:
        RemoteProtocolError: 400, Session-Expires or Min-SE is unreadable.
    """
    asked = _session_expires(request)
    _ = _min_se(request)
    if asked is None or asked.delta_s >= _shortest(core) or not has_option(request, "timer"):
        return True
    core.reply(tx, request, 422, headers=[("Min-SE", str(_shortest(core)))])
    return False


def _shortest(core: Core) -> int:
    return max(core.config.session_min_s, SESSION_S_MIN)


def _session_expires(message: Message) -> SessionExpires | None:
    text = message.get("Session-Expires")
    if text is None:
        return None
    try:
        return SessionExpires.parse(text)
    except ValueError as error:
        raise RemoteProtocolError(str(error)) from error


def _min_se(message: Message) -> int:
    """Return Min-SE in seconds, 0 where there is none."""
    text = message.get("Min-SE")
    if text is None:
        return 0
    try:
        return min(parse_digits(text.partition(";")[0].strip(), 2**32 - 1), SESSION_S_MAX)
    except ValueError as error:
        raise RemoteProtocolError(f"Min-SE: {error}") from error


def accept(core: Core, leg: Leg, request: Request) -> Headers:
    """Return what our 2xx to the leg's INVITE or UPDATE says of the session timer, and run it from now (RFC 4028 §9).

    ``request`` has passed ``interval_is_long_enough``.
    """
    asked, wanted = _session_expires(request), core.config.session_expires_s
    if asked is None and leg.session is None and not wanted:
        return []
    knows = has_option(request, "timer")
    if (asked is None and not (wanted and knows)) or (asked is not None and asked.delta_s < SESSION_S_MIN):
        _feed(core, leg, SessionInput.NO_TIMER)
        return []
    least = max(_min_se(request), SESSION_S_MIN)
    most = max(wanted or SESSION_S_MAX, least)
    session = _session_of(leg, request, most if asked is None else min(asked.delta_s, most))
    session.min_s = max(session.min_s, _min_se(request))
    refresher = asked.refresher if asked is not None else ""
    if not knows:
        refresher = "uas"
    elif not refresher:
        # Row 4 of table 2 leaves it to us: the party does it, unless it is our part already.
        refresher = "uas" if session.state in (SessionState.WAITING, SessionState.REFRESHING) else "uac"
    _feed(core, leg, SessionInput.PEER_REFRESHES if refresher == "uac" else SessionInput.WE_REFRESH)
    rows = [("Session-Expires", f"{session.interval_s};refresher={refresher}")]
    return [*rows, ("Require", "timer")] if knows else rows


def confirmed(core: Core, leg: Leg, response: Response) -> None:
    """Take what the party's 2xx to our INVITE or UPDATE says of the session timer (RFC 4028 §7.2)."""
    try:
        said = _session_expires(response)
    except RemoteProtocolError:
        said = None
    if said is None:
        _feed(core, leg, SessionInput.NO_TIMER)
        return
    _session_of(leg, response, max(said.delta_s, SESSION_S_MIN))
    _feed(core, leg, SessionInput.PEER_REFRESHES if said.refresher == "uas" else SessionInput.WE_REFRESH)


def _session_of(leg: Leg, message: Message, interval_s: int) -> Session:
    session = leg.session
    if session is None:
        session = leg.session = Session(interval_s)
    session.interval_s = min(interval_s, SESSION_S_MAX)
    told = allows(message, "UPDATE")
    if told is not None:
        session.by_update = told
    return session


def request_rows(leg: Leg) -> Headers:
    """Return what an INVITE or UPDATE of ours in the leg's dialog says of its session timer (RFC 4028 §7.4)."""
    session = leg.session
    if session is None or session.state is SessionState.OFF:
        return [SUPPORTED_ROW]
    refresher = "uas" if session.state is SessionState.WATCHING else "uac"
    interval_s = max(session.interval_s, session.min_s)
    rows = [SUPPORTED_ROW, ("Session-Expires", f"{interval_s};refresher={refresher}")]
    return [*rows, ("Min-SE", str(session.min_s))] if session.min_s else rows


SUPPORTED_ROW: Final = ("Supported", "norefersub, replaces, timer")
SUPPORTED_100REL_ROW: Final = ("Supported", "100rel, norefersub, replaces, timer")


def first_rows(core: Core) -> Headers:
    """Return what an INVITE that opens a leg says of session timers (RFC 4028 §7.1)."""
    wanted = core.config.session_expires_s
    return [("Session-Expires", str(wanted))] if wanted else []


def longer_interval(request: Request, response: Response) -> Request | None:
    """Return an INVITE once more with the interval its 422 asks for (RFC 4028 §7.3); ``None`` for no such wish."""
    try:
        least = _min_se(response)
    except RemoteProtocolError:
        return None
    if least < SESSION_S_MIN:
        return None
    again = Request(request.method, request.uri, [row for row in request.headers if row[0] != "Via"], request.body)
    again.set("CSeq", f"{request.cseq.number + 1} INVITE")
    again.set("Session-Expires", str(least))
    again.set("Min-SE", str(least))
    return again


def stop(core: Core, leg: Leg) -> None:
    """Watch no longer."""
    if leg.session is not None:
        _feed(core, leg, SessionInput.NO_TIMER)


def resume(core: Core, leg: Leg) -> None:
    """Go on after a restart: the state stands, the deadlines are set anew."""
    session = leg.session
    if session is None or session.state is SessionState.OFF:
        return
    if session.state is SessionState.WATCHING:
        margin_s = session.interval_s - watch_delay_s(session.interval_s)
        _arm(core, leg, session, session.expires_at - margin_s)
    else:
        session.state = SessionState.WAITING
        _arm(core, leg, session, session.expires_at - refresh_delay_s(session.interval_s))


def _feed(core: Core, leg: Leg, given: SessionInput, delay_s: float = 0.0) -> None:
    session = leg.session
    if session is None:
        return
    arrow = SESSION.get((session.state, given))
    if arrow is None:
        return
    session.state = arrow[0]
    if session.timer is not None:
        session.timer.cancel()
        session.timer = None
    _ACTIONS[arrow[1]](core, leg, session, delay_s)


def _arm(core: Core, leg: Leg, session: Session, at: float) -> None:
    session.timer = core.timers.add(min(at, session.expires_at), lambda: _due(core, leg, session))


def _due(core: Core, leg: Leg, session: Session) -> None:
    _feed(core, leg, SessionInput.EXPIRED if core.now >= session.expires_at else SessionInput.DUE)


def _watch(core: Core, leg: Leg, session: Session, delay_s: float) -> None:
    session.tries = 0
    session.expires_at = core.now + session.interval_s
    _arm(core, leg, session, core.now + watch_delay_s(session.interval_s))


def _wait(core: Core, leg: Leg, session: Session, delay_s: float) -> None:
    session.tries = 0
    session.expires_at = core.now + session.interval_s
    _arm(core, leg, session, core.now + refresh_delay_s(session.interval_s))


def _retry(core: Core, leg: Leg, session: Session, delay_s: float) -> None:
    session.tries += 1
    again = core.now + delay_s if session.tries < REFRESH_TRIES_MAX else session.expires_at
    _arm(core, leg, session, again)


def _end(core: Core, leg: Leg, session: Session, delay_s: float) -> None:
    end_by_platform(core, leg.call, TIMER_EXPIRED)


def _nothing(core: Core, leg: Leg, session: Session, delay_s: float) -> None:
    """The deadline is gone already."""


def _refresh(core: Core, leg: Leg, session: Session, delay_s: float) -> None:
    """Send UPDATE without offer where the party takes it, else a re-INVITE with the same offer (RFC 4028 §7.4)."""
    other = leg.other
    is_crossed = leg.relay is not None or (other is not None and other.relay is not None)
    busy = is_crossed or leg.own is not None or not leg.acked
    if leg.call.state is not State.UP or leg.gone or leg.bye_sent:
        _feed(core, leg, SessionInput.NO_TIMER)
    elif busy and not session.by_update:
        # One that is under way refreshes the session itself; should it fail, ours comes then.
        _feed(core, leg, SessionInput.REFUSED, REFRESH_AGAIN_S)
    else:
        _send(core, Refresh(leg), [])


def _send(core: Core, refresh: Refresh, credentials: Headers) -> None:
    leg = refresh.leg
    session = leg.session
    by_update = session is not None and session.by_update
    rows = [*request_rows(leg), ALLOW_ROW, ("User-Agent", core.config.server_name), *credentials]
    if by_update:
        request = make_request(core, leg, "UPDATE", rows)
    else:
        leg.own = refresh
        request = make_request(core, leg, "INVITE", [*rows, _SDP_ROW] if leg.sdp else rows, leg.sdp)
    core.endpoint.send_request(request, leg.flow, core.now).user = refresh


def on_refresh_response(core: Core, refresh: Refresh, request: Request, response: Response) -> None:
    """Take the party's answer to our refresh (RFC 4028 §10)."""
    leg = refresh.leg
    if response.status < 200:
        return
    if response.status < 300:
        _refreshed(core, refresh, request, response)
        return
    leg.own = None
    row = trunk_answer(core, leg, request, response, refresh.answers)
    if row is not None:
        refresh.answers += 1
        _send(core, refresh, [row])
        return
    if response.status in (408, 481):
        leg.gone = response.status == 481
        _feed(core, leg, SessionInput.GONE)
        return
    if response.status == 422 and leg.session is not None:
        learn_min_se(leg.session, response)
    _feed(core, leg, SessionInput.REFUSED, again_in_s(core, leg, response))


def _refreshed(core: Core, refresh: Refresh, request: Request, response: Response) -> None:
    leg = refresh.leg
    if request.method == "INVITE":
        if refresh.ack is not None:
            core.endpoint.send_ack(refresh.ack, leg.flow, core.now)
            return
        leg.own = None
    try:
        leg.dialog.receive_response(response)
    except RemoteProtocolError:
        pass  # Its Contact is unreadable: the old target stands.
    else:
        redirect(leg, leg.flow)
    if request.method == "INVITE":
        refresh.ack = send_ack(core, leg, [], b"")
    if leg.call.state is State.UP:
        confirmed(core, leg, response)


def on_refresh_failure(core: Core, refresh: Refresh, status: int) -> None:
    """Learn that our refresh was not answered (408), or could not be sent (503)."""
    refresh.leg.own = None
    if status == 408:
        _feed(core, refresh.leg, SessionInput.GONE)
    else:
        _feed(core, refresh.leg, SessionInput.REFUSED, REFRESH_AGAIN_S)


def learn_min_se(session: Session, response: Response) -> None:
    """Take the least interval a party asks for in its 422 (RFC 4028 §7.4)."""
    try:
        session.min_s = max(session.min_s, _min_se(response))
    except RemoteProtocolError:
        session.tries = REFRESH_TRIES_MAX


def again_in_s(core: Core, leg: Leg, response: Response) -> float:
    """Return after how long a request of ours that was refused may be sent again.

    491 waits at random, in steps of 10 ms: 2.1 to 4 s who owns the Call-ID (towards the callee), else 0 to 2 s
    (RFC 3261 §14.1); 422 not at all; any other as its Retry-After says.
    """
    if response.status == 491:
        chance = core.config.random()
        return round(chance * 2.0, 2) if leg.is_a else round(2.1 + chance * 1.9, 2)
    if response.status == 422:
        return 0.0
    text = (response.get("Retry-After") or "").partition(";")[0].partition("(")[0].strip()
    try:
        return min(float(parse_digits(text, 2**31)), RETRY_AFTER_S_MAX) if text else REFRESH_AGAIN_S
    except ValueError:
        return REFRESH_AGAIN_S


_ACTIONS: Final[dict[SessionAction, Callable[[Core, Leg, Session, float], None]]] = {
    SessionAction.WATCH: _watch,
    SessionAction.WAIT: _wait,
    SessionAction.REFRESH: _refresh,
    SessionAction.RETRY: _retry,
    SessionAction.END: _end,
    SessionAction.STOP: _nothing,
}
