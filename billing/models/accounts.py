"""Who pays: accounts, and the money held for calls in progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from billing.choices import AccountMode
from billing.limits import AMOUNT_NANOS_MAX
from billing.querysets import AccountQuerySet
from tenants.models import Tenant
from tenants.querysets import TenantQuerySet

MOVED_BY_STATEMENTS = frozenset({"balance_nanos", "held_nanos"})
"""Columns that only set-based UPDATEs write: saving a read object would put an old balance back."""


class Account(models.Model):
    """A tenant's money with its seller. ``available_nanos`` is what new calls may still hold."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="accounts")
    seller = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="accounts_sold", editable=False)
    currency = models.CharField(max_length=3)
    mode = models.CharField(max_length=8, choices=AccountMode.choices)
    credit_limit_nanos = models.BigIntegerField(
        default=0, validators=[MinValueValidator(0), MaxValueValidator(AMOUNT_NANOS_MAX)]
    )
    balance_nanos = models.BigIntegerField(default=0, editable=False)
    held_nanos = models.BigIntegerField(default=0, editable=False)
    low_balance_nanos = models.BigIntegerField(
        null=True, blank=True, help_text="Warn when what is available falls under this; empty for no warning."
    )
    deck = models.ForeignKey(
        "billing.RateDeck", on_delete=models.PROTECT, null=True, blank=True, related_name="accounts"
    )
    terms_days = models.PositiveSmallIntegerField(default=14, validators=[MaxValueValidator(365)])
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[AccountQuerySet] = AccountQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("tenant__name", "id")
        constraints: ClassVar = [
            models.CheckConstraint(name="account_held_not_negative", condition=Q(held_nanos__gte=0)),
            models.CheckConstraint(name="account_credit_not_negative", condition=Q(credit_limit_nanos__gte=0)),
            models.CheckConstraint(
                name="account_prepaid_has_no_credit", condition=Q(mode=AccountMode.POSTPAID) | Q(credit_limit_nanos=0)
            ),
            models.UniqueConstraint(name="account_one_active", fields=["tenant"], condition=Q(is_active=True)),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} ({self.currency})"

    @property
    def available_nanos(self) -> int:
        """What new calls may hold."""
        return self.balance_nanos + self.credit_limit_nanos - self.held_nanos

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Write everything but the columns that only statements move."""
        if not self._state.adding and update_fields is None:
            update_fields = [
                field.name
                for field in self._meta.concrete_fields
                if field.name not in MOVED_BY_STATEMENTS and not field.primary_key
            ]
        super().save(*args, update_fields=update_fields, **kwargs)

    def refresh_balance(self) -> None:
        """Read the moved columns anew."""
        self.refresh_from_db(fields=sorted(MOVED_BY_STATEMENTS))


class Hold(models.Model):
    """Money set aside for one call in progress. Written by ``billing.holds`` and removed when the call is charged."""

    call_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds")
    amount_nanos = models.BigIntegerField()
    node = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[TenantQuerySet[Hold]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("created_at",)
        constraints: ClassVar = [models.CheckConstraint(name="hold_positive", condition=Q(amount_nanos__gt=0))]
        indexes: ClassVar = [models.Index(F("node"), name="hold_node")]

    def __str__(self) -> str:
        return f"hold for call {self.call_id}"
