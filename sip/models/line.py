"""A subscriber's line: what registers, calls and is called."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from e164 import is_emergency
from sip.querysets import LineQuerySet
from sip.validators import extension_validator, username_validator, validate_e164
from tenants.models import Tenant

CONTACTS_MAX = 20
"""Phones at one line: each is an INVITE per call to it."""
LINE_CALLS_MAX = 1_000
"""Calls at once through one line: a PBX of several thousand people."""


class Line(models.Model):
    """One SIP account of a tenant. The password is never stored: only the digests SIP needs."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="lines")
    username = models.CharField(
        max_length=64,
        unique=True,
        validators=[username_validator],
        error_messages={"unique": "This username is taken."},
    )
    extension = models.CharField(
        max_length=8,
        blank=True,
        validators=[extension_validator],
        help_text="Short number the tenant's other lines dial.",
    )
    realm = models.CharField(max_length=255, editable=False, help_text="The realm the digests were made for.")
    ha1_md5 = models.CharField(max_length=32, editable=False)
    ha1_sha256 = models.CharField(max_length=64, editable=False)
    ha1_sha512_256 = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Empty until the password is next set."
    )
    display_name = models.CharField(max_length=80, blank=True)
    caller_number = models.CharField(
        max_length=16, blank=True, validators=[validate_e164], help_text="E.164 number shown to the outside."
    )
    contacts_max = models.PositiveSmallIntegerField(
        "phones at once", default=5, validators=[MinValueValidator(1), MaxValueValidator(CONTACTS_MAX)]
    )
    calls_max = models.PositiveSmallIntegerField(
        "calls at once", default=10, validators=[MinValueValidator(1), MaxValueValidator(LINE_CALLS_MAX)]
    )
    is_active = models.BooleanField(default=True)
    blocked_at = models.DateTimeField(null=True, blank=True, editable=False)
    blocked_reason = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[LineQuerySet] = LineQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("username",)
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="line_extension_unique", fields=["tenant", "extension"], condition=~models.Q(extension="")
            ),
            models.CheckConstraint(
                name="line_block_has_reason",
                condition=models.Q(blocked_at__isnull=True) | ~models.Q(blocked_reason=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} ({self.extension})" if self.extension else self.username

    def clean(self) -> None:
        """Refuse an extension that another line has or that would hide an emergency number."""
        tenant = Tenant.objects.filter(pk=self.tenant_id).first()
        if not self.extension or tenant is None:
            return
        if is_emergency(self.extension, tenant.country):
            raise ValidationError({"extension": f"{self.extension} is an emergency number in {tenant.country}."})
        if Line.objects.of(tenant).filter(extension=self.extension).exclude(pk=self.pk).exists():
            raise ValidationError({"extension": f"Extension {self.extension} is taken."})

    @property
    def is_blocked(self) -> bool:
        """Whether fraud control or an operator has blocked it."""
        return self.blocked_at is not None
