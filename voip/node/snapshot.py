"""All a node must know to switch calls, read from the database in sections and kept whole in memory.

A section is reloaded when PostgreSQL notifies of it. The snapshot is immutable: a change makes a new one.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import psycopg

from billing.decks import CompiledDeck
from billing.snapshot import AccountEntry, load_accounts, load_decks
from dids.snapshot import DidEntry, load_dids
from fraud.screening import RuleEntry
from fraud.snapshot import load_rules
from sip.controller.directory import LineEntry, RouteEntry, TrunkEntry
from sip.snapshot import load_lines, load_routes, load_trunks

DISK_FORMAT = 5
"""Raised whenever an entry's shape changes, so that an older file is not read."""


@dataclass(frozen=True, slots=True)
class TenantEntry:
    """One tenant: where it stands and how its dialling is read."""

    id: int
    ancestor_ids: tuple[int, ...]
    country: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent-enough state of the platform; each field is a section."""

    tenants: Mapping[int, TenantEntry] = field(default_factory=dict)
    lines: tuple[LineEntry, ...] = ()
    trunks: tuple[TrunkEntry, ...] = ()
    routes: tuple[RouteEntry, ...] = ()
    dids: Mapping[str, DidEntry] = field(default_factory=dict)
    accounts: Mapping[int, AccountEntry] = field(default_factory=dict)
    decks: Mapping[int, CompiledDeck] = field(default_factory=dict)
    rules: tuple[RuleEntry, ...] = ()


def load_tenants(cursor: psycopg.Cursor[Any]) -> dict[int, TenantEntry]:
    """Read all tenants."""
    cursor.execute("SELECT id, ancestor_ids, country, is_active FROM tenants_tenant")
    return {row[0]: TenantEntry(row[0], tuple(row[1]), row[2], row[3]) for row in cursor.fetchall()}


LOADERS: dict[str, Callable[[Any], Any]] = {
    "tenants": load_tenants,
    "lines": lambda cursor: tuple(load_lines(cursor)),
    "trunks": lambda cursor: tuple(load_trunks(cursor)),
    "routes": lambda cursor: tuple(load_routes(cursor)),
    "dids": load_dids,
    "accounts": load_accounts,
    "decks": load_decks,
    "rules": lambda cursor: tuple(load_rules(cursor)),
}
# A tenant that is switched off switches off its lines, trunks and account; a new one is under fraud rules from above.
ALSO: dict[str, tuple[str, ...]] = {"tenants": ("lines", "trunks", "accounts", "rules")}


def load(cursor: Any, sections: Iterable[str], base: Snapshot) -> Snapshot:
    """Return ``base`` with these sections read anew; names that are no section are ignored."""
    wanted = set(sections) & LOADERS.keys()
    for section in tuple(wanted):
        wanted.update(ALSO.get(section, ()))
    return replace(base, **{section: LOADERS[section](cursor) for section in sorted(wanted)})


class _Pickler(pickle.Pickler):
    """Writes entries of the network as what they are made of: a compiled class has no state that pickle could see."""

    def reducer_override(self, value: Any) -> Any:
        """Say how an entry is made again; leave anything else to pickle."""
        if isinstance(value, LineEntry | TrunkEntry | RouteEntry):
            return type(value), tuple([getattr(value, item.name) for item in fields(value)])
        return NotImplemented


def save(snapshot: Snapshot, path: Path) -> None:
    """Keep the snapshot on disk, whole or not at all, so that a node can start while the database is away."""
    values = {item.name: getattr(snapshot, item.name) for item in fields(snapshot)}
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        _Pickler(file, protocol=5).dump((DISK_FORMAT, values))
    part.chmod(0o600)
    part.replace(path)


def restore(path: Path) -> Snapshot | None:
    """Return the snapshot kept on disk, or ``None`` if there is none this version can read."""
    try:
        # The file is the platform's own, in its own folder of mode 0700: whoever can write it can change the code too.
        version, values = pickle.loads(path.read_bytes())  # noqa: S301
    except (OSError, pickle.UnpicklingError, EOFError, AttributeError, ImportError, ValueError, TypeError):
        return None
    return Snapshot(**values) if version == DISK_FORMAT else None
