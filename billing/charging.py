"""From call records to money: each answered, billable call is charged exactly once.

Set-based throughout: thousands of calls take a few statements. A call no rate is found for is kept as unrated, never
dropped; ``rerate`` charges it once there is a rate, with the deck of its own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from billing import holds, ledger
from billing.choices import ChargeStatus, EntryKind, LedgerKind
from billing.errors import IdempotencyConflict
from billing.events import announce_low_balances
from billing.limits import CHARGE_BATCH_MAX
from billing.models import Charge, LedgerAccount
from billing.pricing import Billable, CallCharge, PriceBook, billable
from sip.cdr.record import CallRecord
from sip.cdr.rows import array_text, execute
from sip.partitions import ensure_partitions, month_of
from tenants.scope import system_scope

_COLUMNS = tuple(field.name for field in fields(CallCharge))
_VALUES = attrgetter(*_COLUMNS)
_TYPES = {
    "call_id": "uuid",
    "started_at": "timestamptz",
    **dict.fromkeys(("status", "problem", "number", "currency", "prefix", "destination"), "text"),
    **dict.fromkeys(("cost_currency", "cost_prefix"), "text"),
    **dict.fromkeys(("duration_s", "billed_s", "deck_version"), "integer"),
    **dict.fromkeys(("first_s", "next_s"), "smallint"),
}
_ARRAYS = ", ".join(f"%s::{_TYPES.get(name, 'bigint')}[]" for name in _COLUMNS)
_INSERT = (
    f"INSERT INTO billing_charge ({', '.join(_COLUMNS)}, charged_at) SELECT *, now() FROM unnest({_ARRAYS})"
    " ON CONFLICT DO NOTHING RETURNING call_id"
)
_SETTABLE = [name for name in _COLUMNS if name not in {"call_id", "tenant_id", "started_at"}]
_RERATE = (
    f"UPDATE billing_charge c SET {', '.join(f'{name} = n.{name}' for name in _SETTABLE)}, charged_at = now()"
    f" FROM unnest({_ARRAYS}) AS n ({', '.join(_COLUMNS)})"
    " WHERE c.call_id = n.call_id AND c.started_at = n.started_at AND c.status = 'unrated' RETURNING c.call_id"
)
_LOCK = (
    "SELECT id FROM billing_account WHERE id = ANY (%s::bigint[])"
    " OR id IN (SELECT account_id FROM billing_hold WHERE call_id = ANY (%s::uuid[])) ORDER BY id FOR NO KEY UPDATE"
)


def charge_calls(records: Sequence[CallRecord]) -> dict[str, CallCharge]:
    """Price the calls, write charges, ledger entries and balances, and remove the holds; returns charges by call id.

    Runs in the caller's transaction, or its own. A call that is charged already is left as it is and its charge is
    returned. Calls never answered, without account, or free by their kind have no charge; their holds go all the same.

    Raises:
        IdempotencyConflict: a call was charged before as another one (other account, number or duration).
    """
    charges: dict[str, CallCharge] = {}
    for start in range(0, len(records), CHARGE_BATCH_MAX):
        batch = records[start : start + CHARGE_BATCH_MAX]
        calls = [call for record in batch if (call := billable(record)) is not None]
        with system_scope():
            ensure_partitions("billing_charge", {month_of(call.started_at) for call in calls})
            charges |= _charge_batch(calls, [UUID(record.call_id) for record in batch])
    return charges


@transaction.atomic
def _charge_batch(calls: Sequence[Billable], ended: Sequence[UUID]) -> dict[str, CallCharge]:
    over = array_text(ended)
    # Accounts first and in order, as the holds do, so that nobody waits in a circle.
    execute(_LOCK, [array_text(sorted({call.account_id for call in calls})), over])
    execute(holds.RELEASE_CALLS, {"calls": over})
    if not calls:
        return {}
    book = PriceBook(calls)
    charges = [book.price(call) for call in calls]
    new = {row[0] for row in execute(_INSERT, _arrays(charges))}
    _post([charge for charge in charges if charge.call_id in new], book)
    known = _known([charge for charge in charges if charge.call_id not in new])
    return {charge.call_id.hex: known.get(charge.call_id, charge) for charge in charges}


def _arrays(charges: Sequence[CallCharge]) -> list[str]:
    # Not dataclasses.astuple: it copies every value deeply, at twenty times the time.
    return [array_text(column) for column in zip(*map(_VALUES, charges), strict=True)]


def _known(charges: Sequence[CallCharge]) -> dict[UUID, CallCharge]:
    """Return the stored charges of calls that were charged before."""
    if not charges:
        return {}
    stored = Charge.objects.filter(
        call_id__in=[charge.call_id for charge in charges],
        started_at__gte=min(charge.started_at for charge in charges),
        started_at__lte=max(charge.started_at for charge in charges),
    )
    by_id = {row["call_id"]: CallCharge(**row) for row in stored.values(*_COLUMNS)}
    for charge in charges:
        before = by_id.get(charge.call_id)
        if before is None or _identity(before) != _identity(charge):
            raise IdempotencyConflict(f"call {charge.call_id} was charged before as another call")
    return by_id


def _identity(charge: CallCharge) -> dict[str, Any]:
    return {
        "account": charge.account_id,
        "number": charge.number,
        "duration_s": charge.duration_s,
        "started_at": charge.started_at.isoformat(),
    }


def _post(charges: Sequence[CallCharge], book: PriceBook) -> None:
    """Write the entries of rated charges: the customer pays revenue, cost is owed to the vendor."""
    paid = [charge for charge in charges if charge.status == ChargeStatus.RATED]
    if not paid:
        return
    rows = LedgerAccount.objects.filter(account_id__in={charge.account_id for charge in paid})
    customers = {pk: ledger_id for pk, ledger_id in rows.values_list("account_id", "pk") if pk is not None}
    own = ledger.own_accounts(key for charge in paid for key in _own_keys(charge, book))
    drafts = []
    for charge in paid:
        lines = _lines(charge, book, customers[charge.account_id], own)
        if lines:
            key = f"call:{charge.call_id.hex}"
            input_hash = ledger.hash_of(_identity(charge))
            drafts.append(ledger.Draft(charge.tenant_id, key, EntryKind.CALL, input_hash, lines))
    posted = ledger.post(drafts)  # The accounts are locked by now.
    announce_low_balances(book.accounts, posted.balances)


def _own_keys(charge: CallCharge, book: PriceBook) -> list[ledger.OwnAccount]:
    keys = [(book.seller_of(charge), str(LedgerKind.REVENUE), charge.currency)]
    if charge.cost_nanos:
        keys.append((book.buyer_of(charge), str(LedgerKind.VENDOR_COST), charge.cost_currency))
        keys.append((book.buyer_of(charge), str(LedgerKind.VENDOR_PAYABLE), charge.cost_currency))
    return keys


def _lines(
    charge: CallCharge, book: PriceBook, customer_id: int, own: dict[ledger.OwnAccount, int]
) -> tuple[ledger.Line, ...]:
    """Return the postings of a charge; none for a call that costs nobody anything."""
    lines: list[ledger.Line] = []
    if charge.amount_nanos:
        seller_id = book.seller_of(charge)
        revenue = own[seller_id, LedgerKind.REVENUE, charge.currency]
        lines.append(ledger.Line(customer_id, charge.tenant_id, charge.currency, -charge.amount_nanos))
        lines.append(ledger.Line(revenue, seller_id, charge.currency, charge.amount_nanos))
    if charge.cost_nanos:
        buyer_id = book.buyer_of(charge)
        cost = own[buyer_id, LedgerKind.VENDOR_COST, charge.cost_currency]
        payable = own[buyer_id, LedgerKind.VENDOR_PAYABLE, charge.cost_currency]
        lines.append(ledger.Line(cost, buyer_id, charge.cost_currency, -charge.cost_nanos))
        lines.append(ledger.Line(payable, buyer_id, charge.cost_currency, charge.cost_nanos))
    return tuple(lines)


def rerate(before: datetime | None = None, limit: int = CHARGE_BATCH_MAX) -> int:
    """Charge unrated calls for which there is a rate by now; returns how many were charged.

    Only calls that have no price are touched. ``before`` keeps to calls that started before it.
    """
    with system_scope(), transaction.atomic():
        unrated = Charge.objects.unrated().filter(started_at__lt=before or timezone.now())
        calls = [_again(charge) for charge in unrated.order_by("started_at")[:limit]]
        if not calls:
            return 0
        execute(_LOCK, [array_text(sorted({call.account_id for call in calls})), "{}"])
        book = PriceBook(calls)
        priced = [charge for charge in map(book.price, calls) if charge.status == ChargeStatus.RATED]
        if not priced:
            return 0
        changed = {row[0] for row in execute(_RERATE, _arrays(priced))}
        _post([charge for charge in priced if charge.call_id in changed], book)
        return len(changed)


def _again(charge: Charge) -> Billable:
    return Billable(
        charge.call_id,
        charge.tenant_id,
        charge.account_id,
        charge.started_at,
        charge.number,
        charge.duration_s,
        charge.problem if charge.problem == "duration" else "",
        charge.trunk_id,
    )


def charges_of(call_ids: Iterable[str]) -> dict[str, Charge]:
    """Return the charges of calls by call id (32 hex digits), of those in scope."""
    found = Charge.objects.visible().filter(call_id__in=[UUID(call_id) for call_id in call_ids])
    return {charge.call_id.hex: charge for charge in found}
