"""Making of users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.base_user import BaseUserManager

if TYPE_CHECKING:
    from tenants.choices import Role
    from tenants.models import Tenant, User


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail, in whatever case it is typed."""

    def create_user(
        self, email: str, password: str | None, *, tenant: Tenant, role: Role | str, full_name: str = ""
    ) -> User:
        """Create a user; without a password the user cannot log in until one is set.

        Raises:
            ValueError: the e-mail is empty.
        """
        if not email:
            raise ValueError("a user needs an e-mail")
        user = self.model(email=self.normalize_email(email).lower(), tenant=tenant, role=role, full_name=full_name)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the user with this e-mail (Django's name for the look-up at login)."""
        return self.get(email__iexact=username)
