"""Invoices: what was sold in a period, with a gapless number from the moment it is final."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.choices import InvoiceStatus
from billing.limits import DESTINATION_CHARS_MAX
from billing.models.accounts import Account
from billing.querysets import InvoiceQuerySet
from tenants.models import Tenant
from tenants.querysets import TenantQuerySet


class InvoiceSequence(models.Model):
    """A seller's counter: its row is locked while a number is taken, so that a rollback leaves no gap."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="invoice_sequence")
    prefix = models.CharField(max_length=12, default="INV-", blank=True)
    next_number = models.PositiveIntegerField(default=1)

    objects: ClassVar[TenantQuerySet[InvoiceSequence]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"{self.prefix}{self.next_number:06d}"


class Invoice(models.Model):
    """One account's calls of one period. Parties and totals are frozen when it is finalised (database trigger)."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invoices", help_text="The buyer.")
    seller = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invoices_sold")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="invoices")
    status = models.CharField(max_length=10, choices=InvoiceStatus.choices, default=InvoiceStatus.DRAFT)
    number = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField(help_text="The first moment after the period.")
    time_zone = models.CharField(max_length=60, help_text="The seller's: in it the period's days begin and end.")
    total_nanos = models.BigIntegerField(default=0)
    payable_nanos = models.BigIntegerField(default=0, help_text="The total in whole smallest units, rounded up once.")
    paid_nanos = models.BigIntegerField(default=0)
    seller_name = models.CharField(max_length=120, blank=True)
    seller_address = models.TextField(blank=True)
    buyer_name = models.CharField(max_length=120, blank=True)
    buyer_address = models.TextField(blank=True)
    void_reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    finalised_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    paid_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[InvoiceQuerySet] = InvoiceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-period_start", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(name="invoice_period", condition=Q(period_end__gt=F("period_start"))),
            models.CheckConstraint(
                name="invoice_number_when_final",
                condition=Q(status__in=[InvoiceStatus.DRAFT, InvoiceStatus.VOID]) | ~Q(number=""),
            ),
            models.CheckConstraint(
                name="invoice_paid_within", condition=Q(paid_nanos__gte=0, paid_nanos__lte=F("payable_nanos"))
            ),
            models.UniqueConstraint(name="invoice_number_unique", fields=["seller", "number"], condition=~Q(number="")),
            models.UniqueConstraint(
                name="invoice_one_a_period",
                fields=["account", "period_start"],
                condition=~Q(status=InvoiceStatus.VOID),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["tenant", "-period_start"], name="invoice_tenant_period")]

    def __str__(self) -> str:
        return self.number or f"draft {self.pk}"

    @property
    def due_nanos(self) -> int:
        """What is still to pay: nothing for a draft or a void invoice."""
        return self.payable_nanos - self.paid_nanos if self.status == InvoiceStatus.FINALISED else 0


class InvoiceLine(models.Model):
    """All calls of an invoice to one destination."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    destination = models.CharField(max_length=DESTINATION_CHARS_MAX)
    is_late = models.BooleanField(default=False, help_text="Calls of an earlier period that came after its invoice.")
    call_count = models.PositiveIntegerField()
    billed_s = models.BigIntegerField()
    amount_nanos = models.BigIntegerField()

    objects: ClassVar[TenantQuerySet[InvoiceLine]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("invoice", "position")
        constraints: ClassVar = [
            models.UniqueConstraint(name="invoiceline_position_unique", fields=["invoice", "position"])
        ]

    def __str__(self) -> str:
        return f"{self.destination}: {self.call_count} calls"
