"""Money that comes in, and what payment providers told us about it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from billing.choices import PaymentStatus
from billing.models.accounts import Account
from billing.models.invoices import Invoice
from billing.querysets import PaymentQuerySet
from tenants.models import Tenant
from tenants.querysets import TenantQuerySet


class Payment(models.Model):
    """One business attempt to pay. Without an invoice it is a top-up of the account."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="payments")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="payments")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="payments")
    amount_nanos = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=16, choices=PaymentStatus.choices, default=PaymentStatus.CREATED)
    gateway = models.CharField(max_length=20)
    gateway_reference = models.CharField(max_length=80, blank=True)
    idempotency_key = models.CharField(max_length=80)
    input_hash = models.CharField(max_length=64)
    method = models.CharField(max_length=40, blank=True, help_text="Such as visa ···· 4242.")
    next_action_url = models.CharField(max_length=2000, blank=True, help_text="Where the payer must go to confirm.")
    failure_code = models.CharField(max_length=60, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    allocated_nanos = models.BigIntegerField(default=0, help_text="What of it pays invoices; the rest is credit.")
    refunded_nanos = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    succeeded_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[PaymentQuerySet] = PaymentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-created_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(name="payment_key_unique", fields=["account", "idempotency_key"]),
            models.UniqueConstraint(
                name="payment_reference_unique",
                fields=["gateway", "gateway_reference"],
                condition=~Q(gateway_reference=""),
            ),
            models.CheckConstraint(name="payment_positive", condition=Q(amount_nanos__gt=0)),
            models.CheckConstraint(
                name="payment_spent_once",
                condition=Q(allocated_nanos__gte=0, refunded_nanos__gte=0)
                & Q(amount_nanos__gte=F("allocated_nanos") + F("refunded_nanos")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at"], name="payment_tenant_at"),
            models.Index(
                fields=["updated_at"],
                name="payment_unsettled",
                condition=Q(status__in=[PaymentStatus.CREATED, PaymentStatus.UNKNOWN, PaymentStatus.PROCESSING]),
            ),
        ]

    def __str__(self) -> str:
        return f"payment {self.id.hex[:8]}"

    @property
    def credit_nanos(self) -> int:
        """What of a succeeded payment neither pays an invoice nor went back."""
        return (
            self.amount_nanos - self.allocated_nanos - self.refunded_nanos
            if self.status == PaymentStatus.SUCCEEDED
            else 0
        )


class Allocation(models.Model):
    """What of a payment pays which invoice; taken back (negative) when it is refunded."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="allocations")
    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="allocations")
    amount_nanos = models.BigIntegerField()
    at = models.DateTimeField()

    objects: ClassVar[TenantQuerySet[Allocation]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("at", "id")

    def __str__(self) -> str:
        return f"{self.amount_nanos} of {self.payment} to {self.invoice}"


class GatewayEvent(models.Model):
    """A provider's event that was taken: its id is unique, so that the second delivery changes nothing."""

    gateway = models.CharField(max_length=20)
    event_id = models.CharField(max_length=120)
    kind = models.CharField(max_length=80)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, null=True, related_name="events")
    received_at = models.DateTimeField()

    class Meta:
        ordering = ("-received_at", "-id")
        constraints: ClassVar = [models.UniqueConstraint(name="gatewayevent_unique", fields=["gateway", "event_id"])]

    def __str__(self) -> str:
        return f"{self.gateway} {self.event_id}"


class SandboxIntent(models.Model):
    """What the sandbox provider remembers of a payment: it stands for a foreign system, and knows no tenant.

    The card number is never kept, only its last four digits and what it was made to do.
    """

    id = models.CharField(primary_key=True, max_length=40)
    idempotency_key = models.CharField(max_length=120, unique=True)
    our_reference = models.CharField(max_length=40)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    outcome = models.CharField(max_length=30, help_text="What the card does: succeed, challenge, or a decline code.")
    status = models.CharField(max_length=16, choices=PaymentStatus.choices)
    failure_code = models.CharField(max_length=60, blank=True)
    brand = models.CharField(max_length=20)
    last4 = models.CharField(max_length=4)
    refunded_minor = models.BigIntegerField(default=0)
    return_url = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="sandbox_refunded_within",
                condition=Q(refunded_minor__gte=0, refunded_minor__lte=F("amount_minor")),
            )
        ]

    def __str__(self) -> str:
        return self.id


class SandboxRefund(models.Model):
    """A refund the sandbox made, by its idempotency key."""

    idempotency_key = models.CharField(primary_key=True, max_length=120)
    intent = models.ForeignKey(SandboxIntent, on_delete=models.CASCADE, related_name="refunds")
    amount_minor = models.BigIntegerField()

    def __str__(self) -> str:
        return f"refund of {self.intent_id}"
