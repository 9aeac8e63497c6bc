"""Where a request for one of our users goes: contacts, in the order the user asked for (RFC 3261 §16.5)."""

from __future__ import annotations

from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.location import Binding
from sip.controller.registration import gruu
from sip.stack.message.telephone import dialled
from sip.stack.message.uri import Uri


def find_line(core: Core, uri: Uri, caller: LineEntry | TrunkEntry | None) -> tuple[LineEntry, str] | None:
    """Return the line a URI of our domain names, and which of its phones ("" for all).

    By GRUU (RFC 5627 §6.1), by username, or for a line of the same tenant by extension. A line of another tenant is
    answered like none at all; carriers and dialogs that are up reach every line.
    """
    found: LineEntry | None
    instance = ""
    if gruu.is_gruu(core, uri):
        phone = gruu.resolve(core, uri)
        if phone is None:
            return None
        found, instance = phone.line, phone.id
    else:
        found = _by_user(core, uri, caller)
    if found is None or not found.is_active:
        return None
    if isinstance(caller, LineEntry) and caller.tenant_id != found.tenant_id:
        return None
    return found, instance


def _by_user(core: Core, uri: Uri, caller: LineEntry | TrunkEntry | None) -> LineEntry | None:
    try:
        user = dialled(uri)
    except ValueError:
        return None
    found = core.directory.line_by_username(user)
    if found is None and isinstance(caller, LineEntry):
        found = core.directory.line_by_extension(caller.tenant_id, user)
    return found


def contacts_of(core: Core, line: LineEntry, instance: str) -> tuple[Binding, ...]:
    """Return where a line is, or one phone of it."""
    bindings = core.locations.bindings(line.username, core.wall)
    return tuple([binding for binding in bindings if binding.instance == instance]) if instance else bindings
