"""REGISTER (RFC 3261 §10.3): which contacts a line is reached at, and for how long."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.location import Binding, Reason
from sip.controller.registration.answer import answer_rows
from sip.controller.registration.bind import Binder, check_order
from sip.controller.registration.denied import Denied
from sip.controller.registration.gruu import is_gruu
from sip.controller.registration.outbound import uses_outbound
from sip.controller.registration.paths import read_path
from sip.controller.registration.wishes import read_wishes
from sip.stack.flow import Flow
from sip.stack.message.message import Request
from sip.stack.message.uri import Uri
from sip.stack.message.uri_equality import same_uri
from sip.stack.transaction.base import ServerTransaction

_REGISTRARS_KEPT: Final = 1024


def receive_register(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Authenticate, change the line's bindings, and answer with all it has now; or change nothing at all."""
    try:
        _check_domain(core, request)
        line = core.auth.check(core, tx, request, 401)
        if line is None:
            return
        _check_address(core, line, request)
        current = core.locations.bindings(line.username, core.wall)
        bindings, outbound = _apply(core, line, request, flow, current)
    except Denied as denied:
        core.reply(tx, request, denied.status, denied.reason, headers=denied.headers)
        return
    if bindings is not current:
        reason: Reason = "registered" if len(bindings) >= len(current) else "unregistered"
        core.locations.replace(line.username, bindings, core.wall, reason)
    core.reply(tx, request, 200, headers=answer_rows(core, line, request, bindings, outbound))


def _check_domain(core: Core, request: Request) -> None:
    """Refuse what is addressed to a registrar elsewhere (§10.3 step 1); we forward no REGISTER."""
    if not core.domains.has(_host_of(request.uri)):
        raise Denied(404, "Domain Not Served")


@lru_cache(_REGISTRARS_KEPT)
def _host_of(uri: str) -> str:
    """Return the host of a Request-URI, "" when it has none; phones ask for few registrars again and again."""
    try:
        return Uri.parse(uri).host
    except ValueError:
        return ""


def _check_address(core: Core, line: LineEntry, request: Request) -> None:
    """Let a line change the bindings of its own address only (§10.3 steps 4 and 5): no third party's."""
    address = request.to.uri
    if address.scheme not in ("sip", "sips"):
        raise Denied(400, "Address Of Record Is No SIP URI")  # RFC 4475 §3.3.4
    if not core.domains.has(address.host):
        raise Denied(404)
    if not line.is_active or address.user != line.username:
        raise Denied(403)


def _apply(
    core: Core, line: LineEntry, request: Request, flow: Flow, current: tuple[Binding, ...]
) -> tuple[tuple[Binding, ...], bool]:
    """Return the bindings after the request, the very same tuple when it only asked, and whether it is about flows."""
    if request.contact_is_star:
        if request.expires != 0 or len(request.values("Contact")) != 1:
            raise Denied(400, "Bad Wildcard")
        for binding in current:
            check_order(binding, request)
        return (), False
    wishes = read_wishes(request)
    path = read_path(core, request, flow)
    if not wishes:
        return current, False
    outbound = uses_outbound(request, wishes, path)
    binder = Binder(core, line, request, flow, path, outbound, current)
    for wish in wishes:
        if wish.uri.user == line.username or wish.uri.param("gr") is not None:
            _check_loop(core, request, wish.uri)
        binder.apply(wish)
    return binder.within_bounds(), outbound


def _check_loop(core: Core, request: Request, contact: Uri) -> None:
    """Refuse a contact that is the line's own address or a GRUU of it: a call to it would come back (RFC 5627 §5.1)."""
    if same_uri(contact, request.to.uri) or is_gruu(core, contact):
        raise Denied(403, "Contact Leads Here")
