"""Logging in by e-mail and password."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from tenants.models import User
from tenants.scope import system_scope


class EmailBackend(BaseBackend):
    """Users are looked up across all tenants: before the login there is no scope."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the user whose e-mail and password these are, if user and tenant are active."""
        email = username or kwargs.get("email")
        if not email or password is None:
            return None
        with system_scope():
            user = User.objects.select_related("tenant").filter(email__iexact=email).first()
            if user is None:
                User().set_password(
                    password
                )  # Takes the same time as a wrong password, so that e-mails cannot be probed.
                return None
            return user if user.check_password(password) and _may_log_in(user) else None

    def get_user(self, user_id: int) -> User | None:
        """Return the session's user, unless it or its tenant was switched off meanwhile."""
        with system_scope():
            user = User.objects.select_related("tenant").filter(pk=user_id).first()
        return user if user is not None and _may_log_in(user) else None


def _may_log_in(user: User) -> bool:
    return user.is_active and user.tenant.is_active
