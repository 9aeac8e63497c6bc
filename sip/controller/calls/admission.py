"""From a caller's INVITE to a call that may be hunted for: who calls, may it, where to, is it paid for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sip.controller.addressing import show_peer
from sip.controller.calls import pickup
from sip.controller.calls.call import Call, Outcome
from sip.controller.calls.session_timers import interval_is_long_enough
from sip.controller.calls.states import Input
from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.headers import ALLOW_ROW, SUPPORTED_TAGS, has_option, requires
from sip.controller.limits import AUTHORISE_S_MAX, CALLER_CHARS_MAX, CALLS_MAX, TEXT_CHARS_MAX
from sip.controller.live import announce
from sip.controller.outbound.watching import trunk_of
from sip.controller.policy import Authorisation, CallOffer, Refusal
from sip.controller.q850 import CALL_REJECTED, NO_CIRCUIT, TEMPORARY_FAILURE, UNALLOCATED, USER_BUSY
from sip.controller.registration.gruu import is_gruu, resolve
from sip.controller.registration.instance import Instance
from sip.controller.registration.options import REGISTER_TAGS
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.telephone import dialled
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ServerTransaction

_SCHEMES: Final = frozenset({"sip", "sips", "tel"})


def receive_invite(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take an INVITE outside a dialog: answer what is no call, else open one.

    Raises:
        RemoteProtocolError: Session-Expires is unreadable, or Replaces names what the caller may not have.
    """
    if max(len(request.call_id), len(request.from_tag)) > TEXT_CHARS_MAX:
        core.reply(tx, request, 400, "Call-ID or Tag Too Long")
        return
    if (request.call_id, request.from_tag) in core.offers:
        core.reply(tx, request, 482)
        return
    try:
        uri = Uri.parse(request.uri)
        number = dialled(uri)
    except ValueError:
        core.reply(tx, request, 400, "Bad Request-URI")
        return
    if uri.scheme == "sips" and not flow.is_secure:
        # It came in the clear: what was asked for cannot be given any more.
        core.reply(tx, request, 480, headers=[("Warning", f'380 {core.config.realm} "SIPS Not Allowed"')])
        return
    if len(number) > CALLER_CHARS_MAX:
        core.reply(tx, request, 414)
        return
    if len(request.contacts) != 1 or (request.get("Record-Route") is not None and not request.record_routes):
        core.reply(tx, request, 400, "One Contact Expected")
        return
    caller = identify(core, tx, request, flow)
    if caller is None or not interval_is_long_enough(core, tx, request):
        return
    instance: Instance | None = None
    if uri.params and is_gruu(core, uri):
        instance = resolve(core, uri)
        if instance is None:
            core.reply(tx, request, 404)
            return
        number = instance.number
    offer = _offer(core, request, flow, caller, number)
    if request.get("Replaces") is not None:
        pickup.receive(core, tx, request, flow, caller, offer)
    else:
        _open(core, tx, request, flow, caller, offer, instance)


def enter(core: Core, call: Call, caller: LineEntry, uri: Uri) -> None:
    """Let a call in that nobody's INVITE asks for: the rights and the money are those of any call of ``caller``.

    ``uri`` is where it is to go; where it names one phone (a GRUU), no other rings.
    """
    if uri.params and is_gruu(core, uri):
        call.instance = resolve(core, uri)
        if call.instance is None:
            refuse(core, call, Refusal(404, "", UNALLOCATED, "route.none"))
            return
        call.offer = replace(call.offer, dialled=call.instance.number)
    refusal = _decide(core, call, caller)
    if refusal is None:
        _authorise(core, call)
    else:
        refuse(core, call, refusal)


def identify(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> LineEntry | TrunkEntry | None:
    """Return who calls, blocked or not, ``None`` when answered already: a trunk by ``trunk_of``, a line by digest."""
    trunk = trunk_of(core, flow)
    if trunk is not None and not core.auth.has_credentials(request):
        tx.is_proven = True
        return trunk
    return core.auth.check(core, tx, request, 407)


def _offer(core: Core, request: Request, flow: Flow, caller: LineEntry | TrunkEntry, number: str) -> CallOffer:
    is_line = isinstance(caller, LineEntry)
    return CallOffer(
        call_id=core.config.call_id(),
        tenant_id=caller.tenant_id,
        line_id=caller.id if is_line else None,
        trunk_id=None if is_line else caller.id,
        caller=own_number(caller) if isinstance(caller, LineEntry) else claimed_number(request),
        dialled=number,
        peer=show_peer(flow),
        received_at=core.wall,
    )


def _open(
    core: Core,
    tx: ServerTransaction,
    request: Request,
    flow: Flow,
    caller: LineEntry | TrunkEntry,
    offer: CallOffer,
    instance: Instance | None,
) -> None:
    call = Call(
        offer,
        request.call_id,
        request.from_tag,
        (request.get("User-Agent") or "")[:TEXT_CHARS_MAX],
        core.now,
        request=request,
        tx=tx,
        flow=flow,
        tag=core.config.token(),
        instance=instance,
        is_secure=request.uri[:5].lower() == "sips:",
        reliability=2 if requires(request, "100rel") else 1 if has_option(request, "100rel") else 0,
    )
    tx.user = call
    core.calls[call.call_id] = call
    core.offers[(call.sip_call_id, call.from_tag)] = call
    core.reply(tx, request, 100)
    refusal = _decide(core, call, caller)
    if refusal is None:
        _authorise(core, call)
    else:
        refuse(core, call, refusal)


def _decide(core: Core, call: Call, caller: LineEntry | TrunkEntry) -> Refusal | None:
    """Set the call's plan, or return why there is none.

    An emergency call goes on whatever hinders its caller: a block and a full line are meant for other calls.
    """
    hindrance = _hindrance(core, call, caller)
    refusal = core.policy.screen(call.offer) if hindrance is None else None
    if refusal is not None:
        return refusal
    plan = core.policy.route(call.offer)
    if isinstance(plan, Refusal):
        return hindrance or plan
    if call.instance is not None and any(
        target.kind != "line" or target.id != call.instance.line.id for target in plan.targets
    ):
        # RFC 5627 §6.1: a GRUU means one phone; where the business would send its number elsewhere, it leads nowhere.
        return hindrance or Refusal(404, "", UNALLOCATED, "route.none")
    call.plan = plan
    return None if plan.is_emergency else hindrance


def own_number(line: LineEntry) -> str:
    """Return the number a line calls with."""
    return line.caller_number or line.extension or line.username


def claimed_number(request: Request) -> str:
    """Return the number a trunk says is calling: P-Asserted-Identity (RFC 3325, a trunk is trusted), else From."""
    asserted = request.get("P-Asserted-Identity")
    if asserted:
        try:
            user = NameAddr.parse(asserted.split(",")[0]).uri.user
        except ValueError:
            user = ""
        if user:
            return user[:CALLER_CHARS_MAX]
    try:
        return request.from_.uri.user[:CALLER_CHARS_MAX]
    except RemoteProtocolError:
        return ""


def _hindrance(core: Core, call: Call, caller: LineEntry | TrunkEntry) -> Refusal | None:
    """Take the caller's place, or say what is in its way: a block, or a bound that is reached."""
    if not caller.is_active:
        code = "line.blocked" if isinstance(caller, LineEntry) else "trunk.inactive"
        return Refusal(403, "", CALL_REJECTED, code)
    if core.is_journal_full:
        return Refusal(503, "", TEMPORARY_FAILURE, "limit.journal", retry_after_s=5)
    if len(core.calls) > CALLS_MAX or core.stopping:
        return Refusal(503, "", TEMPORARY_FAILURE, "limit.node_calls", retry_after_s=5)
    if isinstance(caller, LineEntry):
        call.release = core.take_place(core.line_calls, caller.id, caller.calls_max)
        if call.release is None:
            return Refusal(486, "", USER_BUSY, "limit.line_calls")
    else:
        call.release = core.take_place(core.trunk_calls, caller.id, caller.calls_max)
        if call.release is None:
            return Refusal(503, "", NO_CIRCUIT, "limit.trunk_calls")
    return None


def _authorise(core: Core, call: Call) -> None:
    plan = call.plan
    if plan is None:  # pragma: no cover - set by the caller
        raise AssertionError("a call without plan")
    call.authorising = True
    call.timer = core.after(AUTHORISE_S_MAX, lambda: _unanswered(core, call))
    announce(core, call)
    core.policy.authorise(call.offer, plan, lambda result: core.post(lambda: _authorised(core, call, result)))


def _authorised(core: Core, call: Call, result: Authorisation | Refusal) -> None:
    if not call.authorising:
        return
    call.authorising = False
    if isinstance(result, Refusal):
        refuse(core, call, result)
        return
    call.authorisation = result
    core.fire(call, Input.GRANTED)


def _unanswered(core: Core, call: Call) -> None:
    call.authorising = False
    refuse(core, call, Refusal(503, "", TEMPORARY_FAILURE, "billing.unavailable"))


def refuse(core: Core, call: Call, refusal: Refusal) -> None:
    """End a call the platform does not make."""
    if call.outcome is None:
        call.outcome = Outcome(
            refusal.status,
            refusal.reason,
            refusal.q850_cause,
            "platform",
            refusal.q850_cause,
            0,
            refusal.code,
            refusal.fraud_rule_id,
            refusal.retry_after_s,
        )
    core.fire(call, Input.REFUSED)


def check_request(core: Core, tx: ServerTransaction, request: Request) -> bool:
    """Answer what may not go on whatever it asks: 416, 483, 420; returns whether it may."""
    if request.uri.partition(":")[0].lower() not in _SCHEMES:
        core.reply(tx, request, 416)  # RFC 3261 §8.2.2.1
        return False
    if request.max_forwards == 0:
        core.reply(tx, request, 483)
        return False
    if request.get("Require") is not None or request.get("Proxy-Require") is not None:
        required = [*request.values("Require"), *request.values("Proxy-Require")]
        known = REGISTER_TAGS if request.method == "REGISTER" else SUPPORTED_TAGS
        unknown = [tag for tag in required if tag.lower() not in known]
        if unknown:
            core.reply(tx, request, 420, headers=[("Unsupported", ", ".join(unknown)), ALLOW_ROW])
            return False
    return True
