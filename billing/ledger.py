"""The books. This module alone writes entries and postings, and moves balances with them.

Credit is positive. A customer's account in the books holds what we owe the customer: a payment raises it, a call
lowers it, and ``Account.balance_nanos`` is always the sum of its postings.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from billing.choices import EntryKind, LedgerKind
from billing.errors import BooksDiffer, IdempotencyConflict
from billing.limits import ENTRY_POSTINGS_MAX
from billing.models import Account, Entry, LedgerAccount, Posting
from sip.cdr.rows import array_text, execute
from tenants.errors import Conflict
from tenants.scope import system_scope

_encode = json.JSONEncoder(sort_keys=True, default=str).encode
OwnAccount = tuple[int, str, str]
"""Seller's tenant id, ``LedgerKind``, currency."""

_INSERT_ENTRIES = """
INSERT INTO billing_entry (tenant_id, key, input_hash, kind, memo, reverses_id, at)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
ON CONFLICT (tenant_id, key) DO NOTHING RETURNING id, tenant_id, key
"""
_INSERT_POSTINGS = """
INSERT INTO billing_posting (entry_id, tenant_id, ledger_account_id, amount_nanos, currency)
SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
"""
_MOVE_BALANCES = """
UPDATE billing_account a SET balance_nanos = a.balance_nanos + d.amount
FROM (
  SELECT l.account_id, sum(p.amount)::bigint AS amount
  FROM unnest(%s::bigint[], %s::bigint[]) AS p (ledger_account_id, amount)
  JOIN billing_ledgeraccount l ON l.id = p.ledger_account_id WHERE l.account_id IS NOT NULL GROUP BY l.account_id
) d WHERE a.id = d.account_id
RETURNING a.id, a.balance_nanos, d.amount
"""
_UNEVEN = "SELECT currency, sum(amount_nanos) FROM billing_posting GROUP BY 1 HAVING sum(amount_nanos) <> 0"
_LOCK = "SELECT id FROM billing_account WHERE id = ANY (%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be."""

    ledger_account_id: int
    tenant_id: int
    currency: str
    amount_nanos: int


@dataclass(frozen=True, slots=True)
class Draft:
    """One entry to be. ``input_hash`` (``hash_of``) says from what it was made."""

    tenant_id: int
    key: str
    kind: EntryKind
    input_hash: str
    lines: tuple[Line, ...]
    memo: str = ""
    reverses_id: int | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """An account's balance after a post, and by how much it moved."""

    balance_nanos: int
    by_nanos: int


@dataclass(frozen=True, slots=True)
class Posted:
    """What a post did: entry ids by key, which of them are new, and the balances that moved."""

    entry_ids: dict[str, int]
    new_keys: frozenset[str]
    balances: dict[int, Moved]


def hash_of(values: Mapping[str, Any]) -> str:
    """Return the SHA-256 of an entry's input, so that the same key with other input is found out."""
    return hashlib.sha256(_encode(values).encode()).hexdigest()


@transaction.atomic
def post(drafts: Sequence[Draft], account_ids: Iterable[int] = (), at: datetime | None = None) -> Posted:
    """Write entries with their postings and move the balances, all in a few statements.

    ``account_ids`` are the accounts the lines move, unless the caller has locked them; they are locked first, in order.
    An entry whose key is there with the same input is left as it is.

    Raises:
        IdempotencyConflict: a key is there with other input; nothing is written.
        ValueError: a draft does not sum to zero in each currency.
    """
    for draft in drafts:
        _check(draft)
    with system_scope():
        locked = sorted(set(account_ids))
        if locked:
            execute(_LOCK, [array_text(locked)])
        new_ids = _insert_entries(drafts, at or timezone.now())
        old_ids = _known_entries(draft for draft in drafts if (draft.tenant_id, draft.key) not in new_ids)
        new = [draft for draft in drafts if (draft.tenant_id, draft.key) in new_ids]
        balances = _insert_postings(new, new_ids) if new else {}
    ids = {key: entry_id for (_, key), entry_id in (new_ids | old_ids).items()}
    return Posted(ids, frozenset(draft.key for draft in new), balances)


def _check(draft: Draft) -> None:
    sums: dict[str, int] = defaultdict(int)
    for line in draft.lines:
        sums[line.currency] += line.amount_nanos
    if any(sums.values()) or not 1 < len(draft.lines) <= ENTRY_POSTINGS_MAX:
        raise ValueError(f"entry {draft.key} does not balance: {dict(sums)}")


def _insert_entries(drafts: Sequence[Draft], at: datetime) -> dict[tuple[int, str], int]:
    rows = execute(
        _INSERT_ENTRIES,
        [
            array_text([draft.tenant_id for draft in drafts]),
            array_text([draft.key for draft in drafts]),
            array_text([draft.input_hash for draft in drafts]),
            array_text([draft.kind for draft in drafts]),
            array_text([draft.memo for draft in drafts]),
            array_text([draft.reverses_id for draft in drafts]),
            array_text([at] * len(drafts)),
        ],
    )
    return {(tenant_id, key): entry_id for entry_id, tenant_id, key in rows}


def _known_entries(drafts: Iterable[Draft]) -> dict[tuple[int, str], int]:
    wanted = {(draft.tenant_id, draft.key): draft.input_hash for draft in drafts}
    if not wanted:
        return {}
    found = Entry.objects.filter(key__in={key for _, key in wanted}, tenant_id__in={tenant for tenant, _ in wanted})
    known: dict[tuple[int, str], int] = {}
    for entry in found:
        input_hash = wanted.get((entry.tenant_id, entry.key))
        if input_hash is None:
            continue
        if input_hash != entry.input_hash:
            raise IdempotencyConflict(f"entry {entry.key} was made from other input")
        known[entry.tenant_id, entry.key] = entry.pk
    return known


def _insert_postings(drafts: Sequence[Draft], ids: Mapping[tuple[int, str], int]) -> dict[int, Moved]:
    rows = [(ids[draft.tenant_id, draft.key], line) for draft in drafts for line in draft.lines]
    accounts = array_text([line.ledger_account_id for _, line in rows])
    amounts = array_text([line.amount_nanos for _, line in rows])
    execute(
        _INSERT_POSTINGS,
        [
            array_text([entry_id for entry_id, _ in rows]),
            array_text([line.tenant_id for _, line in rows]),
            accounts,
            amounts,
            array_text([line.currency for _, line in rows]),
        ],
    )
    moved = execute(_MOVE_BALANCES, [accounts, amounts])
    return {account_id: Moved(balance, by) for account_id, balance, by in moved}


def own_accounts(wanted: Iterable[OwnAccount]) -> dict[OwnAccount, int]:
    """Return the ids of sellers' own ledger accounts, making those that are not there yet."""
    keys = sorted(set(wanted))
    if not keys:
        return {}
    with system_scope():
        found = _find_own(keys)
        missing = [key for key in keys if key not in found]
        if missing:
            LedgerAccount.objects.bulk_create(
                [LedgerAccount(tenant_id=seller, kind=kind, currency=currency) for seller, kind, currency in missing],
                ignore_conflicts=True,
            )
            found = _find_own(keys)
    return found


def _find_own(keys: Sequence[OwnAccount]) -> dict[OwnAccount, int]:
    rows = LedgerAccount.objects.filter(
        tenant_id__in={key[0] for key in keys}, kind__in={key[1] for key in keys}, account__isnull=True
    ).values_list("tenant_id", "kind", "currency", "pk")
    wanted = set(keys)
    return {(seller, kind, money): pk for seller, kind, money, pk in rows if (seller, kind, money) in wanted}


def customer_lines(account: Account, amount_nanos: int, against: LedgerKind) -> tuple[Line, Line]:
    """Return two postings: ``amount_nanos`` to the customer (credit positive), the opposite to the seller's account."""
    with system_scope():
        customer_id = LedgerAccount.objects.values_list("pk", flat=True).get(account_id=account.pk)
    own_id = own_accounts([(account.seller_id, against, account.currency)])[
        account.seller_id, against, account.currency
    ]
    return (
        Line(customer_id, account.tenant_id, account.currency, amount_nanos),
        Line(own_id, account.seller_id, account.currency, -amount_nanos),
    )


@transaction.atomic
def reverse(entry: Entry, memo: str) -> Entry:
    """Write the opposite of an entry; told twice, it is done once.

    Raises:
        Conflict: the entry is itself a reversal.
    """
    if entry.kind == EntryKind.REVERSAL:
        raise Conflict("a reversal is not reversed: post the entry anew")
    with system_scope():
        postings = list(entry.postings.select_related("ledger_account"))
        lines = tuple(
            Line(item.ledger_account_id, item.tenant_id, item.currency, -item.amount_nanos) for item in postings
        )
        accounts = [item.ledger_account.account_id for item in postings if item.ledger_account.account_id is not None]
        key = f"reversal:{entry.pk}"
        draft = Draft(entry.tenant_id, key, EntryKind.REVERSAL, hash_of({"entry": entry.pk}), lines, memo, entry.pk)
        return Entry.objects.get(pk=post([draft], accounts).entry_ids[key])


def check_books() -> int:
    """Prove that every balance is the sum of its postings and held money the sum of its holds, and that the books
    balance in each currency; returns how many accounts were looked at.

    Raises:
        BooksDiffer: naming the first accounts that differ.
    """
    with system_scope(), connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.id, a.balance_nanos - coalesce(p.total, 0), a.held_nanos - coalesce(h.total, 0)
            FROM billing_account a
            LEFT JOIN billing_ledgeraccount l ON l.account_id = a.id
            LEFT JOIN (SELECT ledger_account_id, sum(amount_nanos) AS total FROM billing_posting GROUP BY 1) p
              ON p.ledger_account_id = l.id
            LEFT JOIN (SELECT account_id, sum(amount_nanos) AS total FROM billing_hold GROUP BY 1) h
              ON h.account_id = a.id
            """
        )
        rows = cursor.fetchall()
        cursor.execute(
            "SELECT currency, sum(amount_nanos) FROM billing_posting GROUP BY 1 HAVING sum(amount_nanos) <> 0"
        )
        uneven = cursor.fetchall()
    wrong = [f"account {pk}: balance off by {balance}, held by {held}" for pk, balance, held in rows if balance or held]
    wrong += [f"books in {currency} off by {rest}" for currency, rest in uneven]
    if wrong:
        raise BooksDiffer("; ".join(wrong[:10]))
    return len(rows)


def statement(account: Account, limit: int = 100) -> list[Posting]:
    """Return an account's last postings with their entries, the newest first."""
    return list(Posting.objects.of_account(account.pk).select_related("entry").order_by("-pk")[:limit])
