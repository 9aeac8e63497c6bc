"""What a node must know of money to price a call: accounts and compiled decks. Plain cursors, no ORM."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from billing.decks import CompiledDeck
from billing.deckstore import DeckStore

_store = DeckStore()
"""One a process: a change of one deck must not compile all of them anew."""


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """Who pays for a tenant's calls, and at which rates."""

    id: int
    tenant_id: int
    currency: str
    mode: str
    deck_id: int | None
    is_active: bool
    """The account and its tenant are both active."""


def load_accounts(cursor: Any) -> dict[int, AccountEntry]:
    """Read all accounts by id."""
    cursor.execute(
        "SELECT a.id, a.tenant_id, a.currency, a.mode, a.deck_id, a.is_active AND t.is_active"
        " FROM billing_account a JOIN tenants_tenant t ON t.id = a.tenant_id"
    )
    return {row[0]: AccountEntry(*row) for row in cursor.fetchall()}


def load_decks(cursor: Any, now: datetime | None = None) -> dict[int, CompiledDeck]:
    """Read the rates in force ``now`` of all decks we sell by; decks that did not change are not read again."""
    moment = now or datetime.now(UTC)
    heads = _store.heads_of_kind(cursor, "customer")
    return {deck_id: _store.at(cursor, head, moment) for deck_id, head in heads.items()}
