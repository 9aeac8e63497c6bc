"""The callee's side is built anew: nothing of the caller's leg is copied but what ``headers`` names."""

from __future__ import annotations

from sip.controller.addressing import contact_row
from sip.controller.calls.call import Attempt, Branch, Call
from sip.controller.calls.session_timers import SUPPORTED_100REL_ROW, SUPPORTED_ROW, first_rows
from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.headers import ALLOW_ROW, end_to_end_rows
from sip.controller.limits import MAX_FORWARDS
from sip.controller.location import Binding
from sip.controller.outbound.login import preempt
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri


def line_branch(core: Core, call: Call, attempt: Attempt, line: LineEntry, binding: Binding) -> Branch:
    """Return the branch to one contact of a line, not yet sent."""
    to = Uri("sip", line.username, core.config.realm)
    uri = binding.target
    if uri[:5].lower() == "sips:" and not call.is_secure:
        uri = f"sip:{uri[5:]}"  # RFC 5630 §5.3: over TLS all the same, which is the way it registered.
    request = _invite(core, call, attempt, uri, to, binding.flow)
    if call.transfer is not None and call.request is not None:
        # RFC 3892 §3: the referring line, as we know it; a carrier learns nothing of it.
        request.add("Referred-By", call.request.get("Referred-By") or "")
    for route in reversed(binding.path):
        request.prepend("Route", route)
    return Branch(
        call, attempt, request, binding.flow, core.config.token(), is_100rel_offered=offers_100rel(core, call)
    )


def trunk_branch(core: Core, call: Call, attempt: Attempt, trunk: TrunkEntry, flow: Flow) -> Branch:
    """Return the branch to one server of a carrier, not yet sent."""
    uri = attempt.uri
    if uri is None:
        params = () if flow.transport == "UDP" or call.is_secure else (("transport", flow.transport.lower()),)
        user = attempt.target.called
        if call.number_params:
            user += call.number_params
            params = (*params, ("user", "phone"))
        uri = Uri("sips" if call.is_secure else "sip", user, trunk.host, trunk.port, params)
    to = Uri("sip", attempt.target.called, uri.host)
    request = _invite(core, call, attempt, str(uri), to, flow)
    if call.diversion:
        request.add("Diversion", call.diversion)
    return Branch(call, attempt, request, flow, core.config.token(), is_100rel_offered=offers_100rel(core, call))


def send(core: Core, branch: Branch) -> None:
    """Send a branch's INVITE, the first or once more."""
    branch.tx = core.endpoint.send_request(branch.request, branch.flow, core.now)
    branch.tx.user = branch


def _invite(core: Core, call: Call, attempt: Attempt, uri: str, to: Uri, flow: Flow) -> Request:
    incoming = call.request
    if incoming is None:  # pragma: no cover - a call in set-up has it
        raise AssertionError("a call without INVITE")
    config = core.config
    target = attempt.target
    caller = NameAddr(Uri("sip", target.caller or "anonymous", config.realm), _printable(target.caller_name))
    hops = min(incoming.max_forwards if incoming.max_forwards is not None else MAX_FORWARDS, MAX_FORWARDS) - 1
    headers = [
        ("Max-Forwards", str(hops)),
        ("From", f"{caller};tag={config.token()}"),
        ("To", f"<{to}>"),
        ("Call-ID", config.token()),
        ("CSeq", "1 INVITE"),
        contact_row(config, flow, call.is_secure),
        ALLOW_ROW,
        SUPPORTED_100REL_ROW if offers_100rel(core, call) else SUPPORTED_ROW,
        ("User-Agent", config.server_name),
        *first_rows(core),
        *end_to_end_rows(incoming),
        *config.passed_headers.rows(incoming),
    ]
    return Request("INVITE", uri, headers, incoming.body)


def offers_100rel(core: Core, call: Call) -> bool:
    """Tell whether callees may answer provisionally in a reliable way: the caller can, or we do it for the caller.

    The second only where the caller has made an offer: it could not answer one in a PRACK.
    """
    has_offer = call.request is not None and bool(call.request.body)
    return call.reliability > 0 or (core.config.always_100rel and has_offer)


def with_reliability(branch: Branch) -> Request:
    """Return the branch's INVITE once more, with 100rel among what is supported (RFC 3261 §21.4.16)."""
    again = _again(branch.request)
    again.set(*SUPPORTED_100REL_ROW)
    return again


def with_credentials(branch: Branch, row: tuple[str, str]) -> Request:
    """Return the branch's INVITE once more, with the answer to a challenge and the next number (RFC 3261 §22.2)."""
    again = _again(branch.request)
    again.set(*row)
    return again


def send_again(core: Core, branch: Branch, request: Request) -> None:
    """Send another INVITE in the branch's place; credentials are made anew, since a nonce's count must go up."""
    trunk = core.directory.trunks.get(branch.attempt.target.id) if branch.login is not None else None
    if branch.login is not None and trunk is not None:
        row = preempt(branch.login, trunk, request, core.config.token)
        if row is not None:
            request.set(*row)
    branch.request = request
    send(core, branch)


def _again(request: Request) -> Request:
    again = Request(request.method, request.uri, [pair for pair in request.headers if pair[0] != "Via"], request.body)
    again.set("CSeq", f"{request.cseq.number + 1} INVITE")
    return again


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(char for char in text if char.isprintable())
