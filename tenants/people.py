"""Use cases around users: making, changing, removing, and the links by which they set a password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.template.loader import render_to_string
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from tenants.choices import Role
from tenants.errors import Conflict, DomainError
from tenants.models import ApiKey, Tenant, User
from tenants.scope import system_scope
from tenants.services import check_role
from tenants.tasks import send_text_mail

_ADMINS = frozenset({Role.OPERATOR_ADMIN, Role.TENANT_ADMIN})


@transaction.atomic
def invite_user(*, tenant: Tenant, email: str, role: Role | str, full_name: str = "") -> User:
    """Create a user without a password, and after commit mail the link by which one is chosen.

    Raises:
        DomainError: the e-mail is taken (``email``) or the role is not one of this tenant's (``role``).
    """
    check_role(tenant, role)
    _check_email_free(email)
    user = User.objects.create_user(email, None, tenant=tenant, role=role, full_name=full_name)
    send_password_link(user, invitation=True)
    return user


@transaction.atomic
def update_user(user: User, changes: Mapping[str, Any], *, by: User | ApiKey) -> User:
    """Change a user's name, e-mail, role or whether it may log in.

    Raises:
        DomainError: nobody changes the own role or switches oneself off; the e-mail is taken; the role does not fit.
        Conflict: the tenant would be left without an administrator.
    """
    changed = {name: value for name, value in changes.items() if getattr(user, name) != value}
    if "tenant" in changed:
        raise DomainError("a user stays with its tenant", field="tenant", code="immutable")
    if isinstance(by, User) and by.pk == user.pk:
        for name in changed.keys() & {"role", "is_active"}:
            raise DomainError("ask another administrator to change this for you", field=name, code="own_account")
    if "role" in changed:
        check_role(user.tenant, changed["role"])
    if changed.get("email", user.email).lower() != user.email:
        _check_email_free(changed["email"])
    if changed.get("is_active", user.is_active) is False or changed.get("role", user.role) not in _ADMINS:
        _check_not_last_admin(user)
    for name, value in changed.items():
        setattr(user, name, value.lower() if name == "email" else value)
    if changed:
        user.save(update_fields=list(changed))
    return user


@transaction.atomic
def delete_user(user: User, *, by: User | ApiKey) -> None:
    """Remove a user; what it did stays in the audit.

    Raises:
        DomainError: nobody removes oneself.
        Conflict: it is the tenant's last administrator.
    """
    if isinstance(by, User) and by.pk == user.pk:
        raise DomainError("ask another administrator to remove you", code="own_account")
    _check_not_last_admin(user)
    user.delete()


def send_password_link(user: User, *, invitation: bool = False) -> None:
    """Mail the link by which the user sets a password, after commit. It works once, for ``PASSWORD_RESET_TIMEOUT``."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    link = f"{settings.PUBLIC_URL}/password/reset/{uid}/{default_token_generator.make_token(user)}/"
    context = {"user": user, "link": link, "hours": settings.PASSWORD_RESET_TIMEOUT // 3600, "invitation": invitation}
    text = render_to_string("tenants/password_mail.txt", context)
    subject = "Your account at Trunkline" if invitation else "Set a new password"
    transaction.on_commit(lambda: send_text_mail.delay(user.email, subject, text))


def _check_email_free(email: str) -> None:
    with system_scope():
        if User.objects.filter(email__iexact=email).exists():
            raise DomainError("a user with this e-mail exists", field="email", code="unique")


def _check_not_last_admin(user: User) -> None:
    if user.role not in _ADMINS or not user.is_active:
        return
    # Locked in order, so that two administrators cannot remove each other at the same moment.
    admins = User.objects.select_for_update().filter(tenant=user.tenant_id, role__in=_ADMINS, is_active=True)
    if list(admins.order_by("pk").values_list("pk", flat=True)) == [user.pk]:
        raise Conflict("the tenant would be left without an administrator", code="last_admin")
