"""What calls cost: decks, their versions, and the rates in force at each time."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from billing.choices import DeckKind
from billing.limits import DESTINATION_CHARS_MAX, INCREMENT_S_MAX, PREFIX_DIGITS_MAX, RATE_NANOS_MAX
from billing.querysets import RateQuerySet, TrunkDeckQuerySet
from sip.models import Trunk
from tenants.models import Tenant
from tenants.querysets import TenantQuerySet

_MONEY = [MinValueValidator(0), MaxValueValidator(RATE_NANOS_MAX)]
_SECONDS = [MinValueValidator(1), MaxValueValidator(INCREMENT_S_MAX)]
_PREFIX = RegexValidator(rf"\A[0-9]{{1,{PREFIX_DIGITS_MAX}}}\Z", "1 to 15 digits of E.164, without +")


class RateDeck(models.Model):
    """A price list of one seller in one currency; ``revision`` rises with every change of its rates."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="rate_decks", help_text="The seller.")
    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=8, choices=DeckKind.choices, default=DeckKind.CUSTOMER)
    revision = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantQuerySet[RateDeck]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(name="ratedeck_name_unique", fields=["tenant", "name"])]

    def __str__(self) -> str:
        return self.name


class DeckVersion(models.Model):
    """One change of a deck: a whole file, or a single rate; who made it is in the audit."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    deck = models.ForeignKey(RateDeck, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    valid_from = models.DateTimeField()
    source = models.CharField(max_length=200, help_text="File name, or what made the change.")
    row_count = models.PositiveIntegerField()
    is_complete = models.BooleanField(help_text="A whole price list, which ends every rate it does not name.")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantQuerySet[DeckVersion]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-number",)
        constraints: ClassVar = [models.UniqueConstraint(name="deckversion_number_unique", fields=["deck", "number"])]

    def __str__(self) -> str:
        return f"{self.deck} version {self.number}"


class Rate(models.Model):
    """The price of one prefix, in force from ``valid_from`` until ``valid_to`` (for ever when empty)."""

    # A price list has up to a million rows: each foreign key in the database would look one row up a million times.
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    deck = models.ForeignKey(RateDeck, on_delete=models.CASCADE, related_name="rates", db_index=False)
    version = models.ForeignKey(DeckVersion, on_delete=models.PROTECT, related_name="rates", db_constraint=False)
    prefix = models.CharField(max_length=PREFIX_DIGITS_MAX, validators=[_PREFIX])
    destination = models.CharField(max_length=DESTINATION_CHARS_MAX)
    nanos_per_minute = models.BigIntegerField(validators=_MONEY)
    connect_fee_nanos = models.BigIntegerField(default=0, validators=_MONEY)
    first_s = models.PositiveSmallIntegerField(default=1, validators=_SECONDS)
    next_s = models.PositiveSmallIntegerField(default=1, validators=_SECONDS)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[RateQuerySet] = RateQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("deck", "prefix", "valid_from")
        constraints: ClassVar = [
            models.UniqueConstraint(name="rate_unique", fields=["deck", "prefix", "valid_from"]),
            models.UniqueConstraint(
                name="rate_one_open", fields=["deck", "prefix"], condition=Q(valid_to__isnull=True)
            ),
            models.CheckConstraint(
                name="rate_interval", condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from"))
            ),
            models.CheckConstraint(
                name="rate_sane",
                condition=Q(
                    nanos_per_minute__gte=0,
                    nanos_per_minute__lte=RATE_NANOS_MAX,
                    connect_fee_nanos__gte=0,
                    connect_fee_nanos__lte=RATE_NANOS_MAX,
                    first_s__gte=1,
                    first_s__lte=INCREMENT_S_MAX,
                    next_s__gte=1,
                    next_s__lte=INCREMENT_S_MAX,
                ),
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["valid_from"], name="rate_valid_from")]

    def __str__(self) -> str:
        return f"{self.prefix} {self.destination}"


class TrunkDeck(models.Model):
    """What the carrier behind a trunk charges us."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    trunk = models.OneToOneField(Trunk, on_delete=models.CASCADE, related_name="vendor_deck")
    deck = models.ForeignKey(RateDeck, on_delete=models.PROTECT, related_name="trunks")

    objects: ClassVar[TrunkDeckQuerySet] = TrunkDeckQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("trunk__name",)
        verbose_name = "vendor deck"

    def __str__(self) -> str:
        return f"{self.trunk}: {self.deck}"
