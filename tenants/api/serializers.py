"""The base of every app's serializers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.validators import MaxLengthValidator
from django.db.models import Model
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from tenants import limits
from tenants.models import Tenant

M = TypeVar("M", bound=Model)


class TenantField(serializers.PrimaryKeyRelatedField[Tenant]):
    """The owner by id. Left out, it is the caller's own tenant; only one in the caller's scope is accepted."""

    def __init__(self, **kwargs: Any) -> None:
        if not kwargs.get("read_only"):
            kwargs.setdefault("required", False)
            kwargs["queryset"] = Tenant.objects.all()
        super().__init__(**kwargs)

    def get_queryset(self) -> Any:
        """Offer the tenants in scope only."""
        return Tenant.objects.visible()


class ScopedSerializer(serializers.ModelSerializer[M]):
    """A model's serializer that refuses unknown fields, bounds every text and knows the field ``tenant``."""

    def build_relational_field(self, field_name: str, relation_info: Any) -> tuple[type, dict[str, Any]]:
        """Make a reference to a tenant a ``TenantField``."""
        if relation_info.related_model is Tenant:
            return TenantField, {}
        return super().build_relational_field(field_name, relation_info)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Bound each text field that names no length of its own."""
        fields = super().get_fields()
        for field in fields.values():
            if isinstance(field, serializers.CharField) and field.max_length is None and not field.read_only:
                field.validators.append(MaxLengthValidator(limits.TEXT_CHARS_MAX))
        return fields

    def to_internal_value(self, data: Any) -> Any:
        """Validate; a name that the serializer does not know is an error of that field."""
        if isinstance(data, Mapping):
            unknown = [str(name)[:80] for name in data if name not in self.fields]
            if unknown:
                raise ValidationError({name: [ErrorDetail("Unknown field.", "unknown")] for name in unknown})
        return super().to_internal_value(data)
