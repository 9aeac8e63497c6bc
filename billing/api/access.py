"""Who may act as the seller. Roles let every tenant's users into billing, to pay; the rest is for who sells."""

from __future__ import annotations

from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request

from tenants.api.auth import principal
from tenants.choices import Role
from tenants.scope import current_tenant_ids

SELLING_ROLES = frozenset({Role.OPERATOR_ADMIN, Role.OPERATOR_FINANCE, Role.TENANT_ADMIN})


def sells(request: Request | HttpRequest, seller_id: int) -> bool:
    """Return whether the caller may act for this seller: its own administrators and those above it."""
    ids = current_tenant_ids()
    return principal(request).role in SELLING_ROLES and (ids is None or seller_id in ids)


def must_sell(request: Request | HttpRequest, seller_id: int) -> None:
    """Let only the seller's side pass.

    Raises:
        PermissionDenied: the caller is the buyer, or has no such role.
    """
    if not sells(request, seller_id):
        raise PermissionDenied("Only the seller can do this.")


def sees_cost() -> bool:
    """Return whether what vendors charge may be shown: the operator's staff only."""
    return current_tenant_ids() is None
