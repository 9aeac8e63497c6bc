"""Where a request for one of our users goes: contacts, in the order the user asked for (RFC 3261 §16.5)."""

from __future__ import annotations

from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.location import Binding
from sip.proxy.limits import TARGETS_MAX
from sip.stack.message.telephone import dialled
from sip.stack.message.uri import Uri


def find_line(core: Core, uri: Uri, caller: LineEntry | TrunkEntry | None) -> LineEntry | None:
    """Return the line a URI of our domain names, by username or, for a line of the same tenant, by extension.

    A line of another tenant is answered like none at all; carriers and dialogs that are up reach every line.
    """
    try:
        user = dialled(uri)
    except ValueError:
        return None
    found = core.directory.line_by_username(user)
    if found is None and isinstance(caller, LineEntry):
        found = core.directory.line_by_extension(caller.tenant_id, user)
    if found is None or not found.is_active:
        return None
    if isinstance(caller, LineEntry) and caller.tenant_id != found.tenant_id:
        return None
    return found


def by_preference(bindings: tuple[Binding, ...]) -> list[list[Binding]]:
    """Return contacts in groups of equal q, the highest first; without q it counts as 1 (RFC 3261 §16.6, §20.10)."""
    groups: dict[float, list[Binding]] = {}
    for binding in bindings[:TARGETS_MAX]:
        groups.setdefault(quality(binding.q), []).append(binding)
    return [groups[q] for q in sorted(groups, reverse=True)]


def quality(text: str) -> float:
    """Return a q-value as a number from 0 to 1; what is none counts as 1."""
    whole, dot, part = text.partition(".")
    if whole not in ("0", "1") or not (part.isascii() and part.isdigit() if dot and part else True) or len(part) > 3:
        return 1.0
    return min(float(f"{whole}.{part or 0}"), 1.0)
