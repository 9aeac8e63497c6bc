"""Compiled decks by time: the rates in force at a moment, compiled once for each stretch between two changes.

Works on any DB-API cursor, so that the switch and the loader share it. A deck's ``revision`` tells what is stale.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from billing.decks import CompiledDeck
from billing.limits import COMPILED_DECKS_CACHED_MAX
from billing.rating import Rate

_HEADS = "SELECT id, currency, revision, created_at FROM billing_ratedeck"
_CHANGES = """
SELECT DISTINCT valid_from FROM billing_rate WHERE deck_id = %(deck)s
UNION SELECT DISTINCT valid_to FROM billing_rate WHERE deck_id = %(deck)s AND valid_to IS NOT NULL ORDER BY 1
"""
_IN_FORCE = """
SELECT r.prefix, r.destination, r.nanos_per_minute, r.connect_fee_nanos, r.first_s, r.next_s
FROM billing_rate r
WHERE r.deck_id = %(deck)s AND r.valid_from <= %(at)s AND (r.valid_to IS NULL OR r.valid_to > %(at)s)
"""
_VERSION = """
SELECT coalesce(max(v.number), 0) FROM billing_deckversion v
WHERE v.deck_id = %(deck)s AND EXISTS (
  SELECT FROM billing_rate r WHERE r.version_id = v.id
    AND r.valid_from <= %(at)s AND (r.valid_to IS NULL OR r.valid_to > %(at)s))
"""


@dataclass(frozen=True, slots=True)
class DeckHead:
    """What identifies one state of a deck's rates."""

    id: int
    currency: str
    revision: int
    created_at: datetime


class DeckStore:
    """Keeps the most recently used compiled decks of this process."""

    def __init__(self, kept_max: int = COMPILED_DECKS_CACHED_MAX) -> None:
        self._kept_max = kept_max
        self._changes: OrderedDict[DeckHead, Sequence[datetime]] = OrderedDict()
        self._compiled: OrderedDict[tuple[DeckHead, int], CompiledDeck] = OrderedDict()

    def heads(self, cursor: Any, deck_ids: Sequence[int]) -> dict[int, DeckHead]:
        """Read the present state of decks."""
        cursor.execute(f"{_HEADS} WHERE id = ANY (%(ids)s::bigint[])", {"ids": list(deck_ids)})
        return {row[0]: DeckHead(*row) for row in cursor.fetchall()}

    def heads_of_kind(self, cursor: Any, kind: str) -> dict[int, DeckHead]:
        """Read the present state of all decks of a kind."""
        cursor.execute(f"{_HEADS} WHERE kind = %(kind)s", {"kind": kind})
        return {row[0]: DeckHead(*row) for row in cursor.fetchall()}

    def at(self, cursor: Any, head: DeckHead, moment: datetime) -> CompiledDeck:
        """Return the deck as it prices a call that starts at ``moment``."""
        changes = self._changes_of(cursor, head)
        stretch = bisect_right(changes, moment)
        deck = self._compiled.get((head, stretch))
        if deck is None:
            deck = _compile(cursor, head, changes[stretch - 1] if stretch else None)
            self._compiled[head, stretch] = deck
            while len(self._compiled) > self._kept_max:
                self._compiled.popitem(last=False)
        self._compiled.move_to_end((head, stretch))
        return deck

    def _changes_of(self, cursor: Any, head: DeckHead) -> Sequence[datetime]:
        changes = self._changes.get(head)
        if changes is None:
            cursor.execute(_CHANGES, {"deck": head.id})
            changes = self._changes[head] = [row[0] for row in cursor.fetchall()]
            while len(self._changes) > self._kept_max:
                self._changes.popitem(last=False)
        self._changes.move_to_end(head)
        return changes


def _compile(cursor: Any, head: DeckHead, at: datetime | None) -> CompiledDeck:
    if at is None:
        return CompiledDeck.compile([], deck_id=head.id, currency=head.currency)
    values = {"deck": head.id, "at": at}
    cursor.execute(_VERSION, values)
    version = int(cursor.fetchone()[0])
    cursor.execute(_IN_FORCE, values)
    rates = [Rate(*row) for row in cursor.fetchall()]
    return CompiledDeck.compile(rates, deck_id=head.id, currency=head.currency, version=version)
