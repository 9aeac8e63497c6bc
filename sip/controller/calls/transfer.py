"""REFER (RFC 3515) within a call: one party hands the other over, and the switch itself makes the new connection.

Blind: a new call of the referring line, allowed and paid as any call it makes; when it is answered, its callee and the
party that stays are joined. Attended (Refer-To with Replaces, RFC 3891): two calls of the line, both here; their far
parties are joined and the line's dialogs end. Who pays what is in docs/adr/0024.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from sip.cdr.record import EndedBy
from sip.controller.addressing import contact_row, show_peer
from sip.controller.calls import admission, bridging, session_timers
from sip.controller.calls.call import Bridge, BridgeState, Call, Leg, Outcome, Transfer
from sip.controller.calls.legs import forget, send_bye
from sip.controller.calls.limits import TRANSFER_CHAIN_MAX
from sip.controller.calls.limits_of_call import end_by_platform
from sip.controller.calls.relaying import abort_relays, save
from sip.controller.calls.saved import open_payload
from sip.controller.calls.states import Input, State
from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import refer
from sip.controller.events.subscription import Subscription
from sip.controller.headers import ALLOW_ROW, body_rows
from sip.controller.limits import CALLER_CHARS_MAX, MAX_FORWARDS
from sip.controller.live import touch
from sip.controller.policy import CallOffer
from sip.controller.q850 import INTERWORKING, NORMAL_CLEARING
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.replaces import Replaces
from sip.stack.message.telephone import dialled
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ServerTransaction
from sip.stack.transaction.responses import REASONS


def receive_refer(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """Take a party's REFER within a call that is up.

    Raises:
        RemoteProtocolError: 400 for what cannot be read, 403 for what the party may not, 481 and 491 for a bad moment.
    """
    uri = _refer_to(request)
    number, replaces = _number(uri), _replaces(uri)
    line = _referring_line(core, leg)
    _check_referred_by(request, line)
    stays = leg.other
    if leg.call.state is not State.UP or stays is None or stays.gone or stays.bye_sent or leg.is_left:
        raise RemoteProtocolError("Call/Transaction Does Not Exist", 481)
    if leg.transfer is not None or stays.transfer is not None or leg.own is not None or stays.own is not None:
        raise RemoteProtocolError("Request Pending", 491)
    if len(leg.call.group or ()) >= TRANSFER_CHAIN_MAX:
        raise RemoteProtocolError("Too Many Transfers", 403)
    reference = _accept(core, leg, tx, request)
    transfer = Transfer(leg, stays, reference, partial(_told, core))
    leg.transfer = transfer
    if replaces is None:
        _call(core, transfer, line, number, uri)
    else:
        _connect(core, transfer, line, replaces)


def _refer_to(request: Request) -> Uri:
    values = request.values("Refer-To")
    if len(values) != 1:
        raise RemoteProtocolError(f"Refer-To: one expected, {len(values)} given")
    try:
        uri = NameAddr.parse(values[0]).uri
    except ValueError as error:
        raise RemoteProtocolError(f"Refer-To: {error}") from error
    if uri.scheme not in ("sip", "sips", "tel"):
        raise RemoteProtocolError("Unsupported URI Scheme", 416)
    if (uri.param("method") or "INVITE").upper() != "INVITE":
        raise RemoteProtocolError("Forbidden", 403)
    return uri


def _number(uri: Uri) -> str:
    try:
        number = dialled(uri)
    except ValueError as error:
        raise RemoteProtocolError(f"Refer-To: {error}") from error
    if len(number) > CALLER_CHARS_MAX:
        raise RemoteProtocolError("Refer-To: number too long")
    return number


def _replaces(uri: Uri) -> Replaces | None:
    found = [value for name, value in uri.headers if name.lower() == "replaces"]
    if not found:
        return None
    try:
        return Replaces.parse(found[0])
    except ValueError as error:
        raise RemoteProtocolError(f"Refer-To: {error}") from error


def line_of(core: Core, leg: Leg) -> LineEntry | None:
    """Return the line at the far end of a leg, ``None`` for a trunk."""
    call = leg.call
    line_id = call.offer.line_id
    if not leg.is_a:
        target = call.attempt.target if call.attempt is not None else None
        line_id = target.id if target is not None and target.kind == "line" else None
    return core.directory.lines.get(line_id) if line_id is not None else None


def _referring_line(core: Core, leg: Leg) -> LineEntry:
    """Return who asks: a line that may make calls. A carrier's REFER would call at the expense of its customer."""
    line = line_of(core, leg)
    if line is None or not line.is_active:
        raise RemoteProtocolError("Forbidden", 403)
    return line


def _check_referred_by(request: Request, line: LineEntry) -> None:
    """Let a party name no other referrer than itself (RFC 3892 §2)."""
    text = request.get("Referred-By")
    if text is None:
        return
    try:
        user = NameAddr.parse(text).uri.user
    except ValueError as error:
        raise RemoteProtocolError(f"Referred-By: {error}") from error
    if user not in (line.username, line.extension, line.caller_number):
        raise RemoteProtocolError("Forbidden", 403)


def _accept(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> Subscription | None:
    """Answer 202 and open the subscription, unless the party wants none (RFC 4488 §4)."""
    rows = [contact_row(core.config, leg.flow, leg.call.is_secure), ALLOW_ROW]
    if (request.get("Refer-Sub") or "").strip().lower() == "false":
        core.reply(tx, request, 202, headers=[*rows, ("Refer-Sub", "false")])
        return None
    core.reply(tx, request, 202, headers=rows)
    return refer.open_reference(core, leg.dialog, request)


def _call(core: Core, transfer: Transfer, line: LineEntry, number: str, uri: Uri) -> None:
    """Make the new call: the line's own, with the line's rights and at the line's cost."""
    leg = transfer.referrer
    offer = CallOffer(
        call_id=core.config.call_id(),
        tenant_id=line.tenant_id,
        line_id=line.id,
        trunk_id=None,
        caller=admission.own_number(line),
        dialled=number,
        peer=show_peer(leg.flow),
        received_at=core.wall,
    )
    # Without offer: what the party that stays can do is asked once somebody has answered (RFC 3725 §4.1).
    referred_by = f"<sip:{line.username}@{core.config.realm}>"
    rows = [("Max-Forwards", str(MAX_FORWARDS)), ("Referred-By", referred_by)]
    request = Request("INVITE", f"sip:{number}@{core.config.realm}", rows)
    dialog = leg.dialog
    call = Call(offer, dialog.call_id, dialog.remote_tag, leg.call.user_agent if leg.is_a else "", core.now, request)
    call.transfer, transfer.call = transfer, call
    core.calls[call.call_id] = call
    # The line's place in the call it leaves is not free yet.
    admission.enter(core, call, replace(line, calls_max=line.calls_max + 1), uri)


def _connect(core: Core, transfer: Transfer, line: LineEntry, replaces: Replaces) -> None:
    """Join the far parties of two calls of the referring line's tenant."""
    leg, stays = transfer.referrer, transfer.stays
    known = core.dialogs.get(replaces.key)
    far = known.other if known is not None else None
    holder = line_of(core, known) if known is not None else None
    is_good = (
        known is not None
        and far is not None
        and holder is not None
        and holder.tenant_id == line.tenant_id
        and known.call.state is State.UP
        and known.call is not leg.call
        and known.transfer is None
        and not (known.is_left or known.own or far.gone or far.bye_sent or far.own or far.transfer)
        and not replaces.early_only
    )
    if not is_good or known is None or far is None:
        _report(core, transfer, 481)
        leg.transfer = None
        return
    known.other = None
    _leave(core, known)
    _join(core, transfer, Bridge(stays, far, partial(_joined, core, transfer, known)))


def _leave(core: Core, leg: Leg) -> None:
    leg.is_left = True
    session_timers.stop(core, leg)
    abort_relays(core, leg)
    _free_place(leg.call, leg.is_a)
    touch(core, leg.call)


def _free_place(call: Call, is_caller: bool) -> None:
    """Give back the place of a line that is no party of the call any more, so that it can make and take others."""
    attempt = call.attempt
    if is_caller and call.release is not None:
        call.release()
        call.release = None
    elif not is_caller and attempt is not None and attempt.release is not None:
        attempt.release()
        attempt.release = None


def _join(core: Core, transfer: Transfer, bridge: Bridge) -> None:
    """Make one call group of two calls and let their parties speak to each other."""
    first, second, leg = bridge.first, bridge.second, transfer.referrer
    for one in (first, second):
        abort_relays(core, one)
    leg.other = None
    _leave(core, leg)
    first.other, second.other = second, first
    group = [*(first.call.group or [first.call])]
    group += [call for call in second.call.group or [second.call] if call not in group]
    for call in group:
        call.group = group
        if call.a_leg is None:
            _free_place(call, True)
            touch(core, call)
    bridging.start(core, bridge)
    for call in group:
        core.write(open_payload(core, call), None)


def _told(core: Core, call: Call, status: int) -> None:
    """Learn how the new call of a blind transfer goes."""
    transfer = call.transfer
    if transfer is None:
        return
    if status < 200:
        if transfer.reference is not None:
            refer.progress(core, transfer.reference, status, REASONS.get(status, "Session Progress"))
        return
    transfer.call = None
    call.transfer = None
    if status < 300:
        _answered(core, transfer, call)
    else:
        _failed(core, transfer, status)


def _answered(core: Core, transfer: Transfer, call: Call) -> None:
    """Join who answered the new call and who stays; the offer is in the 200."""
    leg, stays, answer = call.b_leg, transfer.stays, call.answer
    call.answer = None
    is_wanted = stays.call.state is State.UP and not stays.gone and call.outcome is None and not call.crossed
    if leg is None or answer is None or not is_wanted or not answer.body:
        _failed(core, transfer, 488 if is_wanted else 487)
        end_by_platform(core, call, INTERWORKING if is_wanted else NORMAL_CLEARING)
        core.fire(call, Input.HANGUP)  # Its own callee may have hung up in the meantime.
        return
    bridge = Bridge(leg, stays, partial(_joined, core, transfer, None), BridgeState.OFFERING)
    bridge.offer, bridge.offer_rows = answer.body, body_rows(answer)
    _join(core, transfer, bridge)


def _joined(core: Core, transfer: Transfer, second: Leg | None, is_joined: bool) -> None:
    """Report, and let the referring party go; parties that could not be joined have nobody any more."""
    leg, stays = transfer.referrer, transfer.stays
    _report(core, transfer, 200 if is_joined else 488)
    leg.transfer = None
    for one in (leg, second):
        if one is not None:
            send_bye(core, one, NORMAL_CLEARING)
    if not is_joined:
        end_by_platform(core, stays.call, INTERWORKING)
    elif stays.other is not None and stays.call.state is State.UP:
        save(core, stays, stays.other)


def _failed(core: Core, transfer: Transfer, status: int) -> None:
    """Report that nobody else could be reached; who stays is alone if the referring party has left already."""
    _report(core, transfer, status)
    leg = transfer.referrer
    leg.transfer = None
    if leg.gone and leg.call.state is State.UP and leg.call.outcome is None:
        side: EndedBy = "caller" if leg.is_a else "callee"
        leg.call.outcome = Outcome(200, "", NORMAL_CLEARING, side, NORMAL_CLEARING, NORMAL_CLEARING)
        core.fire(leg.call, Input.HANGUP)


def _report(core: Core, transfer: Transfer, status: int) -> None:
    if transfer.reference is not None:
        refer.finish(core, transfer.reference, status, REASONS.get(status, "Unknown"))
        transfer.reference = None


def receive_bye(core: Core, leg: Leg, tx: ServerTransaction, request: Request) -> None:
    """Take the BYE of a party that has handed the other one over: the call goes on without it."""
    leg.gone = True
    core.reply(tx, request, 200)
    _leave(core, leg)
    forget(core, leg)
