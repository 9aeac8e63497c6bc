"""Use cases of the tenants app, one function and one transaction each."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import available_timezones

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from tenants.choices import OPERATOR_ROLES, Role, TenantKind
from tenants.errors import DomainError
from tenants.models import ApiKey, Tenant, User
from tenants.scope import system_scope

TREE_DEPTH_MAX = 5
"""Operator, resellers of resellers, customer: deeper trees are a mistake in the data."""


@transaction.atomic
def create_tenant(
    *,
    name: str,
    kind: TenantKind | str,
    parent: Tenant | None = None,
    slug: str = "",
    country: str = "US",
    currency: str = "USD",
    time_zone: str = "UTC",
    billing_email: str = "",
    address: str = "",
) -> Tenant:
    """Create a tenant below ``parent`` (``None`` for the operator only).

    Raises:
        DomainError: the place in the tree or the time zone is wrong; ``field`` says which.
    """
    _check_place(TenantKind(kind), parent)
    if time_zone not in available_timezones():
        raise DomainError(f"unknown time zone {time_zone!r}", field="time_zone")
    ancestors = [*parent.ancestor_ids, parent.pk] if parent else []
    return Tenant.objects.create(
        name=name,
        kind=kind,
        parent=parent,
        ancestor_ids=ancestors,
        slug=slug or slugify(name)[:60],
        country=country,
        currency=currency,
        time_zone=time_zone,
        billing_email=billing_email,
        address=address,
    )


def _check_place(kind: TenantKind, parent: Tenant | None) -> None:
    if (kind == TenantKind.OPERATOR) != (parent is None):
        raise DomainError("the operator stands at the top; every other tenant has a parent", field="parent")
    if parent is None:
        return
    if parent.kind == TenantKind.CUSTOMER:
        raise DomainError("a customer has no tenants of its own", field="parent")
    if len(parent.ancestor_ids) + 1 >= TREE_DEPTH_MAX:
        raise DomainError(f"the tree of tenants is at most {TREE_DEPTH_MAX} deep", field="parent")


def visible_tenant_ids(user_or_key: User | ApiKey) -> frozenset[int] | None:
    """Return the tenants a user or key may see: all (``None``) for the operator's staff, else its subtree."""
    if user_or_key.role in OPERATOR_ROLES and user_or_key.tenant.kind == TenantKind.OPERATOR:
        return None
    with system_scope():
        return frozenset(Tenant.objects.subtree(user_or_key.tenant_id).values_list("pk", flat=True))


@transaction.atomic
def create_api_key(
    *,
    tenant: Tenant,
    name: str,
    role: Role | str,
    scopes: Sequence[str] = ("*",),
    created_by: User | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return it with its secret text ``tk_<prefix>_<secret>``, which is never shown again.

    Raises:
        DomainError: an operator's role for a tenant that is not the operator.
    """
    if Role(role) in OPERATOR_ROLES and tenant.kind != TenantKind.OPERATOR:
        raise DomainError("only the operator's own keys may hold an operator role", field="role")
    prefix = secrets.token_hex(4)
    text = f"tk_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        tenant=tenant,
        name=name,
        role=role,
        scopes=list(scopes),
        prefix=prefix,
        key_hash=hash_api_key(text),
        created_by=created_by,
        expires_at=expires_at,
    )
    return key, text


def hash_api_key(text: str) -> str:
    """Return what is stored of a key: SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def revoke_api_key(key: ApiKey) -> None:
    """Switch a key off for good."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
