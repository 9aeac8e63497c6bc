"""A connection to a carrier."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from sip.choices import Transport
from sip.querysets import TrunkQuerySet
from sip.validators import HOST_LENGTH_MAX, is_address, validate_domain, validate_host, validate_source, zone_validator
from tenants.choices import TenantKind
from tenants.models import Tenant

TRUNK_CALLS_MAX = 60_000
"""Calls at once through one trunk: what one address with all its RTP ports can carry."""
SOURCES_MAX = 64
"""Addresses of one carrier: a country's worth of border controllers."""

PING_S_MIN = 5
"""OPTIONS more often than this are a flood to the carrier."""
PING_S_MAX = 3_600
"""A trunk asked less often is not watched."""


class Trunk(models.Model):
    """One carrier: where calls go to, and from which addresses its calls are taken without digest."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="trunks")
    name = models.CharField(max_length=80)
    host = models.CharField(
        max_length=HOST_LENGTH_MAX,
        blank=True,
        validators=[validate_host],
        help_text="IP address or name the INVITE goes to. Empty for a trunk that looks numbers up by ENUM.",
    )
    port = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(65_535)],
        help_text="Empty: what the name's SRV records say, else the transport's own.",
    )
    transport = models.CharField(
        max_length=3,
        blank=True,
        choices=Transport.choices,
        default=Transport.UDP,
        help_text="Empty: what the name's NAPTR and SRV records say.",
    )
    enum_suffix = models.CharField(
        "ENUM suffix",
        max_length=HOST_LENGTH_MAX,
        blank=True,
        validators=[validate_domain],
        help_text="Numbers are looked up below this domain (e164.arpa, or a private one) and called where it says.",
    )
    zone = models.CharField(
        max_length=32,
        blank=True,
        validators=[zone_validator],
        help_text="Network its requests leave by. Empty: the first.",
    )
    tls_name = models.CharField(
        "name in its certificate",
        max_length=HOST_LENGTH_MAX,
        blank=True,
        validators=[validate_domain],
        help_text="Who proves this name over TLS is the carrier, from any address; and it must show it to us.",
    )
    source_addresses = ArrayField(
        models.CharField(max_length=51, validators=[validate_source]),
        blank=True,
        default=list,
        size=SOURCES_MAX,
        help_text="Addresses its calls come from; address:port narrows. Empty: the host's; with a certificate, none.",
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
    ha1_sha256 = models.CharField(max_length=64, blank=True, editable=False)
    ha1_sha512_256 = models.CharField(max_length=64, blank=True, editable=False)
    ping_interval_s = models.PositiveIntegerField(
        "OPTIONS interval",
        default=0,
        validators=[MaxValueValidator(PING_S_MAX)],
        help_text="Seconds between two OPTIONS; a trunk that leaves three unanswered is passed over. 0 for none.",
    )
    follows_redirects = models.BooleanField(
        default=False, help_text="Follow a 3xx that names the carrier itself; any other is a failure."
    )
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
        self._check_target()
        self._check_tls_name()
        if not self.source_addresses and not self.tls_name and is_address(self.host):
            self.source_addresses = [self.host]
        for source in self.source_addresses:
            other = Trunk.objects.accepting_from(source).exclude(pk=self.pk).first()
            if other is not None:
                raise ValidationError({"source_addresses": f"{source} is already a source of trunk {other.name}."})

    def _check_tls_name(self) -> None:
        """Refuse a name that is another trunk's: its calls could be either's."""
        self.tls_name = self.tls_name.lower()
        other = Trunk.objects.proving(self.tls_name).exclude(pk=self.pk).first() if self.tls_name else None
        if other is not None:
            raise ValidationError({"tls_name": f"{self.tls_name} is already the name of trunk {other.name}."})

    def _check_target(self) -> None:
        """Refuse a trunk that leads nowhere, or two ways at once."""
        self.host, self.enum_suffix = self.host.lower(), self.enum_suffix.lower()
        if bool(self.host) == bool(self.enum_suffix):
            raise ValidationError({"host": "A trunk has a host or an ENUM suffix, one of the two."})
        if self.enum_suffix and (self.port or self.ping_interval_s):
            raise ValidationError({"enum_suffix": "Who is found by ENUM has no port and no OPTIONS of the trunk's."})
        if not self.transport and is_address(self.host):
            raise ValidationError({"transport": "An address tells no transport."})
        if 0 < self.ping_interval_s < PING_S_MIN:
            raise ValidationError({"ping_interval_s": f"At least {PING_S_MIN} seconds, or 0 for none."})
