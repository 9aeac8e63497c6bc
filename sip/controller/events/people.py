"""Who may be meant: lines of the asker's own tenant, and the lines behind numbers of the platform."""

from __future__ import annotations

from sip.controller.core import Core
from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.policy import CallOffer, Refusal
from sip.stack.errors import RemoteProtocolError


def colleague(core: Core, asker: LineEntry, user: str) -> LineEntry:
    """Return the line of the asker's tenant with this username or extension.

    Raises:
        RemoteProtocolError: 404; another tenant's line answers like one that is not there.
    """
    line = core.directory.line_by_username(user)
    if line is None or line.tenant_id != asker.tenant_id:
        line = core.directory.line_by_extension(asker.tenant_id, user)
    if line is None or not line.is_active:
        raise RemoteProtocolError("Not Found", 404)
    return line


def line_of_number(core: Core, trunk: TrunkEntry, number: str, peer: str) -> LineEntry | None:
    """Return the line that a call of the trunk to this number would ring; ``None`` when none would."""
    offer = CallOffer("", trunk.tenant_id, None, trunk.id, "", number, peer, core.wall)
    found = core.policy.line_of(offer)
    if isinstance(found, Refusal):
        return None
    line = core.directory.lines.get(found.id)
    return line if line is not None and line.is_active else None


def address(core: Core, line: LineEntry) -> str:
    """Return the line's address of record."""
    return f"sip:{line.username}@{core.config.realm}"
