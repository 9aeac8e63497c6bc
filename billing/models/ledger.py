"""Double-entry books: append-only, in integer nano-units. Only ``billing.ledger`` writes them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from billing.choices import EntryKind, LedgerKind
from billing.models.accounts import Account
from billing.querysets import EntryQuerySet, LedgerAccountQuerySet, PostingQuerySet
from tenants.models import Tenant


class LedgerAccount(models.Model):
    """One account of the books: a customer's, or one of the seller's own of a kind and currency."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=16, choices=LedgerKind.choices)
    currency = models.CharField(max_length=3)
    account = models.OneToOneField(
        Account, on_delete=models.PROTECT, null=True, blank=True, related_name="ledger_account"
    )

    objects: ClassVar[LedgerAccountQuerySet] = LedgerAccountQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("tenant", "kind", "currency")
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="ledgeraccount_one_of_a_kind",
                fields=["tenant", "kind", "currency"],
                condition=Q(account__isnull=True),
            ),
            models.CheckConstraint(
                name="ledgeraccount_customer_has_account",
                condition=Q(kind=LedgerKind.CUSTOMER, account__isnull=False)
                | ~Q(kind=LedgerKind.CUSTOMER) & Q(account__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.tenant} ({self.currency})"


# A call makes an entry and up to four postings: the tenant, which comes with the account, is not looked up for each.


class Entry(models.Model):
    """One business fact in the books. ``key`` names it for ever: the same fact told twice is written once."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    key = models.CharField(max_length=120)
    input_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=EntryKind.choices)
    memo = models.CharField(max_length=200, blank=True)
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")
    at = models.DateTimeField()

    objects: ClassVar[EntryQuerySet] = EntryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-at", "-id")
        verbose_name_plural = "entries"
        constraints: ClassVar = [models.UniqueConstraint(name="entry_key_unique", fields=["tenant", "key"])]
        indexes: ClassVar = [models.Index(fields=["tenant", "-at"], name="entry_tenant_at")]

    def __str__(self) -> str:
        return self.key


class Posting(models.Model):
    """One line of an entry. The postings of an entry come in one statement and sum to zero in each currency."""

    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="postings")
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    ledger_account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="postings", db_index=False)
    amount_nanos = models.BigIntegerField(help_text="Credit positive, debit negative.")
    currency = models.CharField(max_length=3)

    objects: ClassVar[PostingQuerySet] = PostingQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("id",)
        indexes: ClassVar = [models.Index(fields=["ledger_account", "id"], name="posting_account")]

    def __str__(self) -> str:
        return f"{self.amount_nanos} {self.currency}"
