"""Hourly roll-ups: made anew from calls, attempts and charges by ``analytics.rollup``, never written by hand."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from analytics.choices import Basis
from analytics.kpis import PDD_CLASSES
from analytics.querysets import DirtyHourQuerySet, HourlyTrafficQuerySet
from sip.choices import Direction
from sip.models import Trunk
from tenants.models import Tenant


class HourlyTraffic(models.Model):
    """The traffic of one tenant in one hour (UTC, by the calls' start), by direction, trunk and destination.

    Counts are of ``analytics.kpis``. ``currency`` is that of the money in the row; a cost in another currency than
    the charge has a row of its own, without counts, so that counts may be summed over currencies and money may not.
    """

    hour = models.DateTimeField()
    tenant = models.ForeignKey(Tenant, models.PROTECT, db_index=False, related_name="hourly_traffic")
    basis = models.CharField(max_length=5, choices=Basis.choices)
    direction = models.CharField(max_length=8, choices=Direction.choices)
    trunk = models.ForeignKey(
        Trunk, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="hourly_traffic"
    )
    destination = models.CharField(max_length=8, help_text="ISO 3166 code of the called number, or a group of its own.")
    currency = models.CharField(max_length=3)
    seizures = models.IntegerField()
    answered = models.IntegerField()
    effective = models.IntegerField()
    refused = models.IntegerField()
    duration_ms = models.BigIntegerField()
    pdd_count = models.IntegerField()
    pdd_sum_ms = models.BigIntegerField()
    pdd_histogram = ArrayField(models.IntegerField(), size=PDD_CLASSES)
    revenue_nanos = models.BigIntegerField()
    cost_nanos = models.BigIntegerField()
    unrated = models.IntegerField(help_text="Charged calls that have no price yet.")
    uncosted = models.IntegerField(help_text="Charged calls over a trunk whose cost is not known.")

    objects: ClassVar[HourlyTrafficQuerySet] = HourlyTrafficQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-hour", "id")
        verbose_name_plural = "hourly traffic"
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="hourlytraffic_unique",
                fields=["tenant", "hour", "basis", "direction", "trunk", "destination", "currency"],
                nulls_distinct=False,
            )
        ]
        indexes: ClassVar = [models.Index(fields=["hour"], name="hourlytraffic_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} {self.tenant_id} {self.basis} {self.direction} {self.destination}"


class DirtyHour(models.Model):
    """A mark that an hour's figures are out of date; as many rows an hour as transactions changed it.

    Marks are only ever added, never updated: two loaders, or a loader and the worker, do not wait for each other.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, db_index=False, related_name="+")
    hour = models.DateTimeField()

    objects: ClassVar[DirtyHourQuerySet] = DirtyHourQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("id",)
        indexes: ClassVar = [models.Index(fields=["hour"], name="dirtyhour_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H:00} of tenant {self.tenant_id}"
