"""Use cases of the tenants app, one function and one transaction each."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from tenants import limits
from tenants.choices import OPERATOR_TENANT_ROLES, TENANT_ROLES, Role, TenantKind
from tenants.errors import Conflict, DomainError
from tenants.models import ApiKey, Tenant, User
from tenants.scope import system_scope

TREE_DEPTH_MAX = 5
"""Operator, resellers of resellers, customer: deeper trees are a mistake in the data."""

SLUG_CHARS_MAX = 60
OWN_FACTS = frozenset({"name", "country", "time_zone", "billing_email", "address"})
"""What a tenant's administrator may change of the own tenant; the rest is for the tenant above."""

_FIXED = frozenset({"kind", "parent", "currency"})
_SCOPE = re.compile(r"\*|[a-z][a-z-]{0,39}:(read|write)")


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
    _check_time_zone(time_zone)
    slug = slug or slugify(name)[:SLUG_CHARS_MAX]
    with system_scope():
        if Tenant.objects.filter(slug=slug).exists():
            raise DomainError("is taken by another tenant", field="slug", code="unique")
    ancestors = [*parent.ancestor_ids, parent.pk] if parent else []
    return Tenant.objects.create(
        name=name,
        kind=kind,
        parent=parent,
        ancestor_ids=ancestors,
        slug=slug,
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
    if user_or_key.is_operator:
        return None
    with system_scope():
        return frozenset(Tenant.objects.subtree(user_or_key.tenant_id).values_list("pk", flat=True))


@transaction.atomic
def update_tenant(tenant: Tenant, changes: Mapping[str, Any], *, by: User | ApiKey) -> Tenant:
    """Change a tenant's facts. Its place in the tree never changes; of its own tenant a user may change ``OWN_FACTS``.

    Raises:
        DomainError: a field that may not change, or a wrong time zone.
    """
    changed = {name: value for name, value in changes.items() if getattr(tenant, name) != value}
    for name in changed:
        if name in _FIXED:
            raise DomainError("cannot be changed after the tenant was made", field=name, code="immutable")
        if tenant.pk == by.tenant_id and name not in OWN_FACTS and not by.is_operator:
            raise DomainError("only the tenant above may change this", field=name, code="not_yours")
    if tenant.kind == TenantKind.OPERATOR and changed.get("is_active") is False:
        raise DomainError("the operator cannot be switched off", field="is_active")
    _check_time_zone(changed.get("time_zone", tenant.time_zone))
    for name, value in changed.items():
        setattr(tenant, name, value)
    if changed:
        tenant.save(update_fields=list(changed))
    return tenant


def _check_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise DomainError(f"unknown time zone {name!r}", field="time_zone")


def check_role(tenant: Tenant, role: Role | str) -> None:
    """Refuse an operator's role outside the operator, and a tenant's role inside it.

    Raises:
        DomainError: field ``role``.
    """
    allowed = OPERATOR_TENANT_ROLES if tenant.kind == TenantKind.OPERATOR else TENANT_ROLES
    if role not in allowed:
        names = ", ".join(sorted(allowed))
        raise DomainError(f"a user or key of this tenant may be: {names}", field="role")


@transaction.atomic
def create_api_key(
    *,
    tenant: Tenant,
    name: str,
    role: Role | str = Role.TENANT_USER,
    scopes: Sequence[str] = ("*",),
    created_by: User | ApiKey | None = None,
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Create a key and return it with its secret text ``tk_<prefix>_<secret>``, which is never shown again.

    Raises:
        DomainError: the role is not one of this tenant's, a scope is malformed or more than a creating key itself
            has, the expiry is past, or the tenant has ``API_KEYS_PER_TENANT_MAX`` usable keys.
    """
    check_role(tenant, role)
    _check_scopes(scopes, created_by)
    now = timezone.now()
    if expires_at is not None and expires_at <= now:
        raise DomainError("lies in the past", field="expires_at")
    if ApiKey.objects.usable(now).of(tenant).count() >= limits.API_KEYS_PER_TENANT_MAX:
        raise Conflict(f"the tenant has {limits.API_KEYS_PER_TENANT_MAX} keys: revoke one first")
    prefix = secrets.token_hex(4)
    text = f"tk_{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        tenant=tenant,
        name=name,
        role=role,
        scopes=list(scopes),
        prefix=prefix,
        key_hash=hash_api_key(text),
        created_by=created_by if isinstance(created_by, User) else None,
        expires_at=expires_at,
    )
    return key, text


def _check_scopes(scopes: Sequence[str], created_by: User | ApiKey | None) -> None:
    wrong = [scope for scope in scopes if not _SCOPE.fullmatch(scope)]
    if wrong or not 1 <= len(scopes) <= limits.API_KEY_SCOPES_MAX:
        raise DomainError('scopes are "*", or such as "calls:read" and "lines:write"', field="scopes")
    if isinstance(created_by, ApiKey) and "*" not in created_by.scopes and not set(scopes) <= set(created_by.scopes):
        raise DomainError("a key cannot make one with more scopes than its own", field="scopes", code="too_wide")


def hash_api_key(text: str) -> str:
    """Return what is stored of a key: SHA-256, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def revoke_api_key(key: ApiKey) -> None:
    """Switch a key off for good."""
    ApiKey.objects.filter(pk=key.pk, revoked_at__isnull=True).update(revoked_at=timezone.now())
