"""Tenants, their users and API keys, and the audit of what was changed by whom."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from tenants.choices import OPERATOR_TENANT_ROLES, Role, TenantKind
from tenants.managers import UserManager
from tenants.querysets import ApiKeyQuerySet, AuditQuerySet, TenantQuerySet, TenantTreeQuerySet
from tenants.roles import can


class Tenant(models.Model):
    """A party of the platform: the operator, a reseller with tenants of its own, or a customer."""

    kind = models.CharField(max_length=10, choices=TenantKind.choices)
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="children")
    ancestor_ids = models.JSONField(default=list, editable=False, help_text="Ids from the operator down to the parent.")
    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    country = models.CharField(max_length=2, default="US", help_text="ISO 3166 alpha-2: how its dialling is read.")
    time_zone = models.CharField(max_length=60, default="UTC")
    currency = models.CharField(max_length=3, default="USD")
    billing_email = models.EmailField(blank=True)
    address = models.TextField(blank=True, max_length=500)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantTreeQuerySet] = TenantTreeQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("name",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="tenant_operator_has_no_parent",
                condition=models.Q(kind="operator", parent__isnull=True)
                | ~models.Q(kind="operator") & models.Q(parent__isnull=False),
            ),
            models.UniqueConstraint(name="tenant_one_operator", fields=["kind"], condition=models.Q(kind="operator")),
        ]

    def __str__(self) -> str:
        return self.name


class User(AbstractBaseUser):
    """A person who logs in by e-mail and acts for one tenant."""

    email = models.EmailField(max_length=254, unique=True)
    full_name = models.CharField(max_length=120, blank=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="users")
    role = models.CharField(max_length=20, choices=Role.choices)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        ordering = ("email",)
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_unique")]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        """Return the name the admin shows beside the address, empty where none was given."""
        return self.full_name

    @property
    def is_operator(self) -> bool:
        """Whether the user is of the operator's staff, who see all tenants."""
        return _is_operator(self)

    @property
    def is_staff(self) -> bool:
        """Whether the admin site lets the user in."""
        return self.is_active and self.is_operator

    @property
    def is_superuser(self) -> bool:
        """Whether every permission is granted (Django asks for the name)."""
        return self.is_active and self.is_operator and self.role == Role.OPERATOR_ADMIN

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        """Answer Django's ``app.action_model`` from the table of roles."""
        app_label, _, rest = perm.partition(".")
        return self.is_active and can(Role(self.role), app_label, rest.partition("_")[0])

    def has_perms(self, perm_list: list[str], obj: object | None = None) -> bool:
        """Return whether all permissions are granted."""
        return all(self.has_perm(perm, obj) for perm in perm_list)

    def has_module_perms(self, app_label: str) -> bool:
        """Return whether anything of the app may be seen."""
        return self.is_active and can(Role(self.role), app_label, "view")


class ApiKey(models.Model):
    """A program's credential. Only a hash is stored: the key has 256 random bits, so a plain SHA-256 is enough."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="api_keys")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    key_hash = models.CharField(max_length=64)
    role = models.CharField(max_length=20, choices=Role.choices, default=Role.TENANT_USER)
    scopes = models.JSONField(default=list, help_text='Such as "calls:read", "lines:write"; "*" is all.')
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[ApiKeyQuerySet] = ApiKeyQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} (tk_{self.prefix}…)"

    @property
    def is_authenticated(self) -> bool:
        """A key stands in ``request.user`` where a person would."""
        return True

    @property
    def is_operator(self) -> bool:
        """Whether the key is of the operator's staff, who see all tenants."""
        return _is_operator(self)

    @property
    def state(self) -> str:
        """Whether it can be used: usable, revoked or expired."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "usable"


def _is_operator(principal: User | ApiKey) -> bool:
    return principal.role in OPERATOR_TENANT_ROLES and principal.tenant.kind == TenantKind.OPERATOR


class AuditEntry(models.Model):
    """One privileged write, recorded by the database itself; append-only."""

    at = models.DateTimeField()
    actor = models.CharField(max_length=254, help_text="E-mail of a user, key:… of a program, or system.")
    ip = models.CharField("IP address", max_length=45, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=10)
    table_name = models.CharField(max_length=64)
    row_id = models.CharField(max_length=64)
    tenant = models.ForeignKey(
        Tenant, on_delete=models.DO_NOTHING, null=True, db_constraint=False, related_name="audit_entries"
    )
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    objects: ClassVar[AuditQuerySet] = AuditQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-at", "-id")
        verbose_name_plural = "audit entries"
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-at"], name="audit_tenant_at"),
            models.Index(fields=["table_name", "row_id"], name="audit_row"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action} {self.table_name} {self.row_id}"


__all__ = ["ApiKey", "AuditEntry", "Tenant", "TenantQuerySet", "User"]
