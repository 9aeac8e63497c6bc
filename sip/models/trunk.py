"""A connection to a carrier."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from sip.choices import Transport
from sip.querysets import TrunkQuerySet
from sip.validators import validate_source, zone_validator
from tenants.choices import TenantKind
from tenants.models import Tenant

TRUNK_CALLS_MAX = 60_000
"""Calls at once through one trunk: what one address with all its RTP ports can carry."""
SOURCES_MAX = 64
"""Addresses of one carrier: a country's worth of border controllers."""


class Trunk(models.Model):
    """One carrier: where calls go to, and from which addresses its calls are taken without digest."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="trunks")
    name = models.CharField(max_length=80)
    host = models.GenericIPAddressField(help_text="IP address the INVITE goes to.")
    port = models.PositiveIntegerField(default=5060, validators=[MinValueValidator(1), MaxValueValidator(65_535)])
    transport = models.CharField(max_length=3, choices=Transport.choices, default=Transport.UDP)
    zone = models.CharField(
        max_length=32,
        blank=True,
        validators=[zone_validator],
        help_text="Network its requests leave by. Empty: the first.",
    )
    source_addresses = ArrayField(
        models.CharField(max_length=51, validators=[validate_source]),
        blank=True,
        default=list,
        size=SOURCES_MAX,
        help_text="Addresses its calls come from; address:port narrows. Empty means the host, from any port.",
    )
    calls_max = models.PositiveIntegerField(
        "calls at once", default=1_000, validators=[MinValueValidator(1), MaxValueValidator(TRUNK_CALLS_MAX)]
    )
    is_active = models.BooleanField(default=True)
    country = models.CharField(max_length=2, default="US", help_text="ISO 3166 alpha-2: how its numbers are read.")
    auth_username = models.CharField(
        "user name", max_length=64, blank=True, help_text="When the carrier challenges us."
    )
    auth_realm = models.CharField("realm", max_length=255, blank=True)
    ha1_md5 = models.CharField(max_length=32, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TrunkQuerySet] = TrunkQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [models.UniqueConstraint(name="trunk_name_unique", fields=["tenant", "name"])]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a trunk of a customer, and one whose calls could as well be another trunk's."""
        if not Tenant.objects.filter(pk=self.tenant_id, kind=TenantKind.OPERATOR).exists():
            raise ValidationError({"tenant": "A trunk belongs to the operator."})
        if not self.source_addresses and self.host:
            self.source_addresses = [self.host]
        for source in self.source_addresses:
            other = Trunk.objects.accepting_from(source).exclude(pk=self.pk).first()
            if other is not None:
                raise ValidationError({"source_addresses": f"{source} is already a source of trunk {other.name}."})
