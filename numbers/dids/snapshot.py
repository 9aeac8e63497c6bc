"""Numbers as a node reads them: one statement, positional. The cursor must see all tenants."""

from __future__ import annotations

from dataclasses import dataclass

from sip.snapshot import Cursor

DIDS_SQL = "SELECT number, tenant_id, line_id, state FROM dids_did"


@dataclass(frozen=True, slots=True)
class DidEntry:
    """One number of the platform; a call to it never leaves through a trunk."""

    number: str
    tenant_id: int
    line_id: int | None
    """The line that rings; ``None`` while the number leads nowhere."""
    state: str


def load_dids(cursor: Cursor) -> dict[str, DidEntry]:
    """Return all numbers by their E.164 text."""
    cursor.execute(DIDS_SQL)
    return {row[0]: DidEntry(*row) for row in cursor.fetchall()}
