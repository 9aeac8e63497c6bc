"""Questions about tenants and what they own."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self, TypeVar

from django.db import models
from django.db.models import Q

from tenants.scope import current_tenant_ids

if TYPE_CHECKING:
    from tenants.models import ApiKey, AuditEntry, Tenant  # noqa: F401

M = TypeVar("M", bound=models.Model)


class TenantQuerySet(models.QuerySet[M]):
    """Base of every tenant-owned model's queryset."""

    def visible(self) -> Self:
        """Keep the rows of the tenants in scope: the belt to row-level security's braces."""
        ids = current_tenant_ids()
        return self if ids is None else self.filter(tenant_id__in=ids)

    def of(self, tenant: Any) -> Self:
        """Keep the rows of one tenant (object or id)."""
        return self.filter(tenant=tenant)


class TenantTreeQuerySet(models.QuerySet["Tenant"]):
    """Questions about the tree of tenants."""

    def visible(self) -> Self:
        """Keep the tenants in scope."""
        ids = current_tenant_ids()
        return self if ids is None else self.filter(pk__in=ids)

    def subtree(self, tenant_id: int) -> Self:
        """Return a tenant with all below it."""
        return self.filter(Q(pk=tenant_id) | Q(ancestor_ids__contains=[tenant_id]))

    def in_tree_order(self) -> Self:
        """Order depth first: each tenant is followed by those below it (``tree_path``)."""
        path = models.Func(
            models.F("ancestor_ids"),
            models.F("pk"),
            template=(
                "(SELECT coalesce(string_agg(lpad(step, 19, '0'), '.' ORDER BY place) || '.', '')"
                " FROM jsonb_array_elements_text(%(expressions)s::text, 19, '0')"
            ),
            arg_joiner=") WITH ORDINALITY AS steps(step, place)) || lpad(",
            output_field=models.TextField(),
        )
        return self.annotate(tree_path=path).order_by("tree_path")

    def active(self) -> Self:
        """Leave out tenants that are switched off."""
        return self.filter(is_active=True)


class ApiKeyQuerySet(TenantQuerySet["ApiKey"]):
    """Questions about API keys."""

    def usable(self, now: datetime) -> Self:
        """Keep keys that are neither revoked nor expired and whose tenant is active."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now), revoked_at__isnull=True, tenant__is_active=True
        )


class AuditQuerySet(TenantQuerySet["AuditEntry"]):
    """Questions about the audit."""

    def about(self, table_name: str, row_ids: Iterable[object]) -> Self:
        """Keep entries of these rows."""
        return self.filter(table_name=table_name, row_id__in=[str(row_id) for row_id in row_ids])
