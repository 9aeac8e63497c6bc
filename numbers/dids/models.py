"""Numbers the platform answers for."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from dids.choices import DidState
from dids.querysets import DidQuerySet
from e164 import E164, format_international
from sip.models import Line
from sip.validators import validate_e164
from tenants.models import Tenant


class Did(models.Model):
    """A public number: whose stock it is, who has it, and the line that rings when it is called."""

    number = models.CharField(
        max_length=16,
        unique=True,
        validators=[validate_e164],
        help_text="E.164 with +.",
        error_messages={"unique": "This number is on the platform already."},
    )
    country = models.CharField(max_length=2, blank=True, editable=False, help_text="ISO 3166, from the number.")
    pool = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="number_pool", help_text="Whose stock it comes from."
    )
    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="dids", help_text="Who has it; in stock, the pool's tenant."
    )
    state = models.CharField(max_length=12, choices=DidState.choices, default=DidState.AVAILABLE, editable=False)
    line = models.ForeignKey(
        Line, on_delete=models.PROTECT, null=True, blank=True, related_name="dids", help_text="The line that rings."
    )
    assigned_at = models.DateTimeField(null=True, blank=True, editable=False)
    quarantined_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[DidQuerySet] = DidQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("number",)
        verbose_name = "number"
        constraints: ClassVar = [
            models.CheckConstraint(name="did_number_is_e164", condition=Q(number__regex=r"^\+[1-9][0-9]{5,14}$")),
            models.CheckConstraint(
                name="did_only_assigned_is_routed", condition=Q(line__isnull=True) | Q(state=DidState.ASSIGNED)
            ),
            models.CheckConstraint(
                name="did_assigned_since",
                condition=Q(state=DidState.ASSIGNED, assigned_at__isnull=False)
                | ~Q(state=DidState.ASSIGNED) & Q(assigned_at__isnull=True),
            ),
            models.CheckConstraint(
                name="did_quarantined_until",
                condition=Q(state=DidState.QUARANTINED, quarantined_until__isnull=False)
                | ~Q(state=DidState.QUARANTINED) & Q(quarantined_until__isnull=True),
            ),
            models.CheckConstraint(
                name="did_in_stock_is_the_pools",
                condition=Q(state__in=[DidState.RESERVED, DidState.ASSIGNED]) | Q(tenant=models.F("pool")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "state"], name="did_tenant_state"),
            models.Index(
                fields=["quarantined_until"], name="did_quarantine", condition=Q(quarantined_until__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def printed(self) -> str:
        """The number as people read it: ``+33 1 23 45 67 89``."""
        return format_international(E164(self.number))
