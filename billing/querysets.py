"""Questions about money."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import F, Q, Sum

from billing.choices import AccountMode, ChargeStatus, InvoiceStatus, LedgerKind, PaymentStatus
from tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from billing.models import (  # noqa: F401
        Account,
        Charge,
        Entry,
        Hold,
        Invoice,
        LedgerAccount,
        Payment,
        Posting,
        Rate,
        RateDeck,
        TrunkDeck,
    )


class AccountQuerySet(TenantQuerySet["Account"]):
    """Questions about accounts."""

    def active(self) -> Self:
        """Keep accounts that may spend."""
        return self.filter(is_active=True)

    def prepaid(self) -> Self:
        """Keep accounts that pay before."""
        return self.filter(mode=AccountMode.PREPAID)

    def low(self) -> Self:
        """Keep accounts whose available money is under their own warning threshold."""
        return self.filter(low_balance_nanos__gt=F("balance_nanos") + F("credit_limit_nanos") - F("held_nanos"))


class LedgerAccountQuerySet(TenantQuerySet["LedgerAccount"]):
    """Questions about the accounts of the books."""

    def own(self, seller_id: int, kind: LedgerKind, currency: str) -> Self:
        """Keep the seller's own account of a kind."""
        return self.filter(tenant_id=seller_id, kind=kind, currency=currency, account__isnull=True)


class EntryQuerySet(TenantQuerySet["Entry"]):
    """Questions about entries."""

    def of_account(self, account_id: int) -> Self:
        """Keep entries that moved this account."""
        return self.filter(postings__ledger_account__account_id=account_id).distinct()


class PostingQuerySet(TenantQuerySet["Posting"]):
    """Questions about postings."""

    def of_account(self, account_id: int) -> Self:
        """Keep postings to this billing account."""
        return self.filter(ledger_account__account_id=account_id)

    def total_nanos(self) -> int:
        """Return the sum."""
        return int(self.aggregate(total=Sum("amount_nanos"))["total"] or 0)


class RateQuerySet(TenantQuerySet["Rate"]):
    """Questions about rates."""

    def in_force(self, at: datetime) -> Self:
        """Keep rates that price a call which starts at this time."""
        return self.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=at), valid_from__lte=at)

    def matching(self, digits: str) -> Self:
        """Keep rates whose prefix begins ``digits``, the longest first."""
        return self.filter(prefix__in=[digits[:length] for length in range(1, len(digits) + 1)]).order_by("-prefix")


class TrunkDeckQuerySet(TenantQuerySet["TrunkDeck"]):
    """Questions about vendors' decks."""


class ChargeQuerySet(TenantQuerySet["Charge"]):
    """Questions about charges."""

    def rated(self) -> Self:
        """Keep calls that have a price."""
        return self.filter(status=ChargeStatus.RATED)

    def unrated(self) -> Self:
        """Keep calls no rate was found for."""
        return self.filter(status=ChargeStatus.UNRATED)

    def uninvoiced(self, account_id: int, before: datetime) -> Self:
        """Keep an account's calls that started before this time and stand on no invoice yet: late ones too."""
        return self.filter(account_id=account_id, invoice__isnull=True, started_at__lt=before)


class InvoiceQuerySet(TenantQuerySet["Invoice"]):
    """Questions about invoices."""

    def issued(self) -> Self:
        """Keep invoices the buyer has seen."""
        return self.exclude(status=InvoiceStatus.DRAFT)

    def open(self) -> Self:
        """Keep invoices that wait for money, the oldest first."""
        return self.filter(status=InvoiceStatus.FINALISED).order_by("due_at", "id")

    def overdue(self, now: datetime) -> Self:
        """Keep open invoices past their day."""
        return self.open().filter(due_at__lt=now)


class PaymentQuerySet(TenantQuerySet["Payment"]):
    """Questions about payments."""

    def succeeded(self) -> Self:
        """Keep payments that brought money."""
        return self.filter(status=PaymentStatus.SUCCEEDED)

    def with_credit(self) -> Self:
        """Keep payments of which something is still free, the oldest first."""
        return (
            self.succeeded()
            .filter(amount_nanos__gt=F("allocated_nanos") + F("refunded_nanos"))
            .order_by("succeeded_at", "id")
        )

    def unsettled(self, before: datetime) -> Self:
        """Keep payments whose fate must be asked for: no answer came, and they have not moved since ``before``."""
        return self.filter(
            status__in=[PaymentStatus.CREATED, PaymentStatus.UNKNOWN, PaymentStatus.PROCESSING], updated_at__lt=before
        )
