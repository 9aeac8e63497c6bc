"""What a call cost, with the rate it was priced at: never joined to today's rate."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from billing.choices import ChargeStatus, RatingProblem
from billing.limits import DESTINATION_CHARS_MAX, PREFIX_DIGITS_MAX
from billing.models.accounts import Account
from billing.models.invoices import Invoice
from billing.querysets import ChargeQuerySet
from tenants.models import Tenant


def _prefix() -> models.CharField[str, str]:
    return models.CharField(max_length=PREFIX_DIGITS_MAX, blank=True)


class Charge(models.Model):
    """One answered, billable call. In PostgreSQL partitioned by month of ``started_at`` (migration 0001).

    ``call_id`` is the call's (``sip.models.Call``); no foreign key, because calls are partitioned and kept apart.
    An unrated call has no price yet: ``billing.charging.rerate`` gives it one when a rate exists.
    """

    call_id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="charges", db_constraint=False, db_index=False
    )
    status = models.CharField(max_length=8, choices=ChargeStatus.choices)
    problem = models.CharField(max_length=20, choices=RatingProblem.choices, blank=True)
    started_at = models.DateTimeField()
    number = models.CharField(max_length=16, help_text="E.164 that was charged.")
    duration_s = models.PositiveIntegerField(help_text="Answered time, whole seconds, rounded up.")
    billed_s = models.PositiveIntegerField(default=0)
    amount_nanos = models.BigIntegerField(default=0)
    raw = models.BigIntegerField(default=0, help_text="Price before its one rounding, in sixtieths of a nano-unit.")
    currency = models.CharField(max_length=3)
    deck_id = models.BigIntegerField(null=True)
    deck_version = models.PositiveIntegerField(null=True)
    prefix = _prefix()
    destination = models.CharField(max_length=DESTINATION_CHARS_MAX, blank=True)
    nanos_per_minute = models.BigIntegerField(default=0)
    connect_fee_nanos = models.BigIntegerField(default=0)
    first_s = models.PositiveSmallIntegerField(default=0)
    next_s = models.PositiveSmallIntegerField(default=0)
    trunk_id = models.BigIntegerField(null=True)
    cost_nanos = models.BigIntegerField(null=True, help_text="What the vendor charges; empty when not known.")
    cost_currency = models.CharField(max_length=3, blank=True)
    cost_deck_id = models.BigIntegerField(null=True)
    cost_prefix = _prefix()
    cost_nanos_per_minute = models.BigIntegerField(null=True)
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, related_name="charges", db_constraint=False, db_index=False
    )
    charged_at = models.DateTimeField()

    objects: ClassVar[ChargeQuerySet] = ChargeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-started_at", "-call_id")

    def __str__(self) -> str:
        return f"charge for call {self.call_id}"

    @property
    def entry_key(self) -> str:
        """The ledger entry's key."""
        return f"call:{self.call_id.hex}"
