"""REGISTER (RFC 3261 §10.3): which contacts a line is reached at, and for how long."""

from __future__ import annotations

from sip.controller.addressing import follow
from sip.controller.calls.legs import came_through_nat
from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.limits import (
    BINDING_S_DEFAULT,
    BINDING_S_MAX,
    BINDING_S_MIN,
    BINDINGS_MAX,
    CONTACT_CHARS_MAX,
    REGISTER_CONTACTS_MAX,
)
from sip.controller.location import Binding, Reason
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.transaction.base import ServerTransaction


class _Denied(Exception):
    """The REGISTER changes nothing; this is its answer."""

    def __init__(self, status: int, reason: str = "", headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.headers = headers


def receive_register(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Authenticate, change the line's bindings, and answer with all it has now; or change nothing at all."""
    line = core.auth.check(core, tx, request, 401)
    if line is None:
        return
    if not line.is_active or request.to.uri.user != line.username:
        core.reply(tx, request, 403)
        return
    current = core.locations.bindings(line.username, core.wall)
    try:
        changed = _apply(core, line, request, flow, current)
    except _Denied as denied:
        core.reply(tx, request, denied.status, denied.reason, headers=denied.headers)
        return
    if changed is not current:
        reason: Reason = "registered" if len(changed) >= len(current) else "unregistered"
        core.locations.replace(line.username, changed, core.wall, reason)
    core.reply(tx, request, 200, headers=[_contact_row(core, binding) for binding in changed])


def _contact_row(core: Core, binding: Binding) -> tuple[str, str]:
    row = f"<{binding.uri}>;expires={max(0, round(binding.expires_at - core.wall))}"
    if binding.q:
        row += f";q={binding.q}"
    if binding.instance:
        row += f';+sip.instance="{binding.instance}"'
    return ("Contact", row)


def _apply(
    core: Core, line: LineEntry, request: Request, flow: Flow, current: tuple[Binding, ...]
) -> tuple[Binding, ...]:
    """Return the bindings after the request; the very same tuple when it only asked (§10.3 steps 6 and 7)."""
    if request.contact_is_star:
        if request.expires != 0 or len(request.values("Contact")) != 1:
            raise _Denied(400, "Bad Wildcard")
        for binding in current:
            _check_order(binding, request)
        return ()
    contacts = request.contacts
    if not contacts:
        return current
    if len(contacts) > REGISTER_CONTACTS_MAX:
        raise _Denied(400, "Too Many Contacts")
    bindings = list(current)
    for contact in contacts:
        _apply_contact(core, request, flow, contact, bindings)
    # A phone that restarts on another port must get in: the oldest goes, not the newest.
    most = max(1, min(line.contacts_max, BINDINGS_MAX))
    return tuple(bindings[-most:])


def _check_order(binding: Binding, request: Request) -> None:
    """Refuse a request older than the binding it would change (§10.3 step 7): it was overtaken on its way."""
    if binding.call_id == request.call_id and request.cseq.number <= binding.cseq:
        raise _Denied(500, "CSeq Out Of Order")


def _apply_contact(core: Core, request: Request, flow: Flow, contact: NameAddr, bindings: list[Binding]) -> None:
    uri = str(contact.uri)
    if contact.uri.scheme != "sip" or contact.uri.headers or len(uri) > CONTACT_CHARS_MAX:
        raise _Denied(400, "Bad Contact")
    expires_s = _expires_s(request, contact)
    instance = (contact.param("+sip.instance") or "")[:CONTACT_CHARS_MAX].replace('"', "")
    for position in range(len(bindings) - 1, -1, -1):
        binding = bindings[position]
        if binding.uri == uri or (instance and binding.instance == instance):
            _check_order(binding, request)
            del bindings[position]
    if expires_s > 0:
        reached = follow(contact.uri.host, contact.uri.port, flow, came_through_nat(request, flow))
        bindings.append(
            Binding(
                uri,
                reached,
                instance,
                contact.param("q") or "",
                request.call_id,
                request.cseq.number,
                core.wall + expires_s,
                (request.get("User-Agent") or "")[:CONTACT_CHARS_MAX],
            )
        )


def _expires_s(request: Request, contact: NameAddr) -> int:
    """Return the time a contact is granted; what is not a number counts as the default (RFC 3261 §20.10)."""
    wish = contact.param("expires")
    if wish is not None and wish.isascii() and wish.isdigit() and len(wish) <= 10:
        expires_s = int(wish)
    elif request.expires is not None:
        expires_s = request.expires
    else:
        expires_s = BINDING_S_DEFAULT
    if 0 < expires_s < BINDING_S_MIN:
        raise _Denied(423, "", (("Min-Expires", str(BINDING_S_MIN)),))
    return min(expires_s, BINDING_S_MAX)
