"""Use cases of accounts."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction
from django.db.models import Q

from billing import holds, ledger
from billing.choices import AccountMode, DeckKind, EntryKind, LedgerKind
from billing.limits import AMOUNT_NANOS_MAX
from billing.models import Account, Entry, LedgerAccount, RateDeck
from billing.money import exponent
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.scope import system_scope


@transaction.atomic
def open_account(
    *,
    tenant: Tenant,
    mode: AccountMode | str,
    currency: str = "",
    deck: RateDeck | None = None,
    credit_limit_nanos: int = 0,
    low_balance_nanos: int | None = None,
    terms_days: int = 14,
) -> Account:
    """Open a tenant's account with the tenant above it; the currency is the tenant's unless given.

    Raises:
        DomainError: the tenant is the operator, has an account, or the deck does not fit; ``field`` says which.
    """
    currency = currency or tenant.currency
    seller_id = _check_account(tenant, currency, deck)
    if mode == AccountMode.PREPAID and credit_limit_nanos:
        raise DomainError("a prepaid account has no credit", field="credit_limit_nanos")
    if not 0 <= credit_limit_nanos <= AMOUNT_NANOS_MAX:
        raise DomainError("the credit limit is out of range", field="credit_limit_nanos")
    account = Account.objects.create(
        tenant=tenant,
        seller_id=seller_id,
        currency=currency,
        mode=mode,
        deck=deck,
        credit_limit_nanos=credit_limit_nanos,
        low_balance_nanos=low_balance_nanos,
        terms_days=terms_days,
    )
    LedgerAccount.objects.create(tenant=tenant, kind=LedgerKind.CUSTOMER, currency=currency, account=account)
    return account


def _check_account(tenant: Tenant, currency: str, deck: RateDeck | None) -> int:
    if tenant.parent_id is None:
        raise DomainError("the operator sells to others and has no account", field="tenant")
    if Account.objects.active().of(tenant).exists():
        raise DomainError("the tenant has an account already", field="tenant", code="exists")
    try:
        exponent(currency)
    except ValueError as error:
        raise DomainError(str(error), field="currency") from None
    if deck is not None:
        check_deck(tenant, currency, deck)
    return tenant.parent_id


def check_deck(tenant: Tenant, currency: str, deck: RateDeck) -> None:
    """Refuse a deck that cannot price this tenant's calls.

    Raises:
        DomainError: a vendor's deck, another currency, or a seller who does not stand above the tenant.
    """
    if deck.kind != DeckKind.CUSTOMER:
        raise DomainError("a vendor's deck prices what we buy", field="deck")
    if deck.currency != currency:
        raise DomainError(f"the deck is in {deck.currency}, the account in {currency}", field="deck")
    if deck.tenant_id not in tenant.ancestor_ids:
        raise DomainError("the deck belongs to none of the tenant's sellers", field="deck")


def account_for(tenant: Tenant) -> Account | None:
    """Return the tenant's active account, if it has one."""
    return Account.objects.active().of(tenant).select_related("deck").first()


@transaction.atomic
def adjust_balance(account: Account, amount_nanos: int, *, key: str, memo: str) -> Entry:
    """Credit (positive) or debit an account by hand; the same ``key`` does it once.

    Raises:
        IdempotencyConflict: the key was used for something else.
        DomainError: the amount is zero or absurd.
    """
    if amount_nanos == 0 or abs(amount_nanos) > AMOUNT_NANOS_MAX:
        raise DomainError("the amount is zero or out of range", field="amount")
    lines = ledger.customer_lines(account, amount_nanos, LedgerKind.ADJUSTMENT)
    entry_key = f"adjustment:{account.pk}:{key}"
    input_hash = ledger.hash_of({"account": account.pk, "amount": amount_nanos, "memo": memo})
    draft = ledger.Draft(account.tenant_id, entry_key, EntryKind.ADJUSTMENT, input_hash, lines, memo)
    posted = ledger.post([draft], [account.pk])
    account.refresh_balance()
    return Entry.objects.get(pk=posted.entry_ids[entry_key])


def expire_holds(now: datetime) -> int:
    """Give back holds no live call can have any more; returns how many there were."""
    with system_scope(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(holds.RELEASE_EXPIRED, {"now": now})
        return int(cursor.fetchone()[0])


def decks_for(tenant: Tenant) -> list[RateDeck]:
    """Return the decks an account of this tenant may use."""
    own_sellers = Q(tenant_id__in=tenant.ancestor_ids)
    return list(RateDeck.objects.filter(own_sellers, kind=DeckKind.CUSTOMER).order_by("name"))
