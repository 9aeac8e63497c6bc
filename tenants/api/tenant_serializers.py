"""Tenants, users, keys and audit entries as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from tenants import limits
from tenants.api.permissions import RESOURCES
from tenants.api.serializers import ScopedSerializer
from tenants.models import ApiKey, AuditEntry, Tenant, User


class TenantSerializer(ScopedSerializer[Tenant]):
    """A tenant. ``parent`` is by default the caller's own tenant."""

    slug = serializers.SlugField(max_length=60, required=False)

    class Meta:
        model = Tenant
        fields = (
            "id",
            "kind",
            "parent",
            "ancestor_ids",
            "name",
            "slug",
            "country",
            "time_zone",
            "currency",
            "billing_email",
            "address",
            "is_active",
            "created_at",
        )
        read_only_fields = ("id", "ancestor_ids", "created_at")

    def validate_country(self, value: str) -> str:
        """Accept two capital letters only."""
        return _capitals(value, 2, "ISO 3166 alpha-2, such as US")

    def validate_currency(self, value: str) -> str:
        """Accept three capital letters only."""
        return _capitals(value, 3, "ISO 4217, such as USD")


def _capitals(value: str, length: int, what: str) -> str:
    if len(value) != length or not (value.isascii() and value.isalpha() and value.isupper()):
        raise ValidationError(what)
    return value


class UserSerializer(ScopedSerializer[User]):
    """A user. There is no password here: each user sets the own through the link that is mailed."""

    # Without the model's validators: they would ask across the scope and say who exists. The service answers instead.
    email = serializers.EmailField(max_length=254)

    class Meta:
        model = User
        fields = ("id", "tenant", "email", "full_name", "role", "is_active", "last_login", "created_at")
        read_only_fields = ("id", "last_login", "created_at")


class ApiKeySerializer(ScopedSerializer[ApiKey]):
    """A key, without its secret."""

    scopes = serializers.ListField(
        child=serializers.CharField(max_length=50), max_length=limits.API_KEY_SCOPES_MAX, required=False
    )

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "tenant",
            "name",
            "prefix",
            "role",
            "scopes",
            "expires_at",
            "revoked_at",
            "last_used_at",
            "created_at",
        )
        read_only_fields = ("id", "prefix", "revoked_at", "last_used_at", "created_at")

    def validate_scopes(self, value: list[str]) -> list[str]:
        """Refuse a resource that no view has: a mistyped scope would make a key that opens nothing."""
        unknown = [scope for scope in value if scope != "*" and scope.partition(":")[0] not in RESOURCES]
        if unknown:
            raise ValidationError(f"Unknown scope {unknown[0]!r}; resources are {', '.join(sorted(RESOURCES - {''}))}.")
        return value


class NewApiKeySerializer(ApiKeySerializer):
    """A key just made: the one time its secret text is shown."""

    key = serializers.SerializerMethodField(help_text="The secret: keep it now, it is not stored and not shown again.")

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")  # type: ignore[assignment]

    def get_key(self, obj: Any) -> str:
        """Return the secret text handed over by the view."""
        return str(self.context["key"])


class AuditEntrySerializer(ScopedSerializer[AuditEntry]):
    """One recorded write."""

    before = serializers.DictField(allow_null=True, read_only=True)
    after = serializers.DictField(allow_null=True, read_only=True)

    class Meta:
        model = AuditEntry
        fields = (
            "id",
            "at",
            "actor",
            "ip",
            "request_id",
            "action",
            "table_name",
            "row_id",
            "tenant",
            "before",
            "after",
        )
        read_only_fields = fields
