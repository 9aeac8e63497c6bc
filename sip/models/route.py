"""Which trunk a number may go to."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from sip.models.trunk import Trunk
from sip.querysets import RouteQuerySet
from sip.validators import prefix_validator
from tenants.models import Tenant


class Route(models.Model):
    """Calls to ``prefix`` may go to ``trunk``: the longest prefix wins, then the lower priority."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="routes", editable=False)
    prefix = models.CharField(
        max_length=15,
        blank=True,
        validators=[prefix_validator],
        help_text="Digits without the plus, or a short code; empty for every number.",
    )
    trunk = models.ForeignKey(Trunk, on_delete=models.PROTECT, related_name="routes")
    priority = models.PositiveSmallIntegerField(default=100, help_text="Lower is tried first.")
    is_active = models.BooleanField(default=True)

    objects: ClassVar[RouteQuerySet] = RouteQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("prefix", "priority", "id")
        constraints: ClassVar = [models.UniqueConstraint(name="route_unique", fields=["trunk", "prefix"])]

    def __str__(self) -> str:
        return f"{self.prefix or 'any number'} → {self.trunk}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Keep the route with its trunk's tenant."""
        self.tenant_id = self.trunk.tenant_id
        super().save(*args, **kwargs)  # type: ignore[arg-type]
