"""The tenants app's own viewsets."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from tenants import people, services
from tenants.api.auth import principal
from tenants.api.tenant_serializers import (
    ApiKeySerializer,
    AuditEntrySerializer,
    NewApiKeySerializer,
    TenantSerializer,
    UserSerializer,
)
from tenants.api.viewsets import ScopedViewSet, ScopedWritableViewSet
from tenants.errors import DomainError
from tenants.models import ApiKey, AuditEntry, Tenant, User


class TenantViewSet(ScopedWritableViewSet[Tenant]):
    """The caller's tenant and all below it."""

    queryset = Tenant.objects.all()
    serializer_class = TenantSerializer
    scope_resource = "tenants"
    ordering_fields = ("id", "name", "slug", "created_at")
    ordering = ("name",)
    filterset_fields = ("kind", "parent", "slug", "is_active", "country", "currency")

    def perform_create(self, serializer: BaseSerializer[Tenant]) -> None:
        """Create below ``parent``, or below the caller's own tenant."""
        data = {"parent": principal(self.request).tenant, **serializer.validated_data}
        data.pop("is_active", None)
        serializer.instance = services.create_tenant(**data)

    def perform_update(self, serializer: BaseSerializer[Tenant]) -> None:
        """Change facts; the place in the tree stays."""
        assert serializer.instance is not None
        services.update_tenant(serializer.instance, serializer.validated_data, by=principal(self.request))

    def perform_destroy(self, instance: Tenant) -> None:
        """Delete a tenant that owns nothing yet."""
        if instance.pk == principal(self.request).tenant_id:
            raise DomainError("nobody deletes the own tenant", code="own_tenant")
        instance.delete()


class UserViewSet(ScopedWritableViewSet[User]):
    """People who log in. A new one gets a mail with the link to choose a password."""

    queryset = User.objects.select_related("tenant")
    serializer_class = UserSerializer
    scope_resource = "users"
    ordering_fields = ("id", "email", "created_at", "last_login")
    ordering = ("email",)
    filterset_fields = ("tenant", "role", "is_active", "email")

    def perform_create(self, serializer: BaseSerializer[User]) -> None:
        """Invite the user."""
        data: dict[str, Any] = {**serializer.validated_data, "tenant": self.tenant_for(serializer)}
        data.pop("is_active", None)
        serializer.instance = people.invite_user(**data)

    def perform_update(self, serializer: BaseSerializer[User]) -> None:
        """Change what may be changed."""
        assert serializer.instance is not None
        people.update_user(serializer.instance, serializer.validated_data, by=principal(self.request))

    def perform_destroy(self, instance: User) -> None:
        """Remove the user."""
        people.delete_user(instance, by=principal(self.request))


class ApiKeyViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, ScopedViewSet[ApiKey]):
    """Keys of programs. The secret is in the answer to POST, and nowhere else; DELETE revokes, the row stays."""

    queryset = ApiKey.objects.select_related("tenant")
    serializer_class = ApiKeySerializer
    scope_resource = "api-keys"
    ordering_fields = ("id", "name", "created_at", "expires_at", "last_used_at")
    ordering = ("-created_at",)
    filterset_fields = ("tenant", "role", "prefix")

    @extend_schema(responses={201: NewApiKeySerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a key and show its secret once."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        caller = principal(request)
        data: dict[str, Any] = {"tenant": caller.tenant, **serializer.validated_data}
        key, text = services.create_api_key(**data, created_by=caller)
        shown = NewApiKeySerializer(key, context={**self.get_serializer_context(), "key": text})
        return Response(shown.data, status=status.HTTP_201_CREATED)

    def perform_destroy(self, instance: ApiKey) -> None:
        """Revoke."""
        services.revoke_api_key(instance)


class AuditFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``at_after`` and ``at_before`` are RFC 3339 times."""

    at = django_filters.IsoDateTimeFromToRangeFilter()

    class Meta:
        model = AuditEntry
        fields = ("tenant", "actor", "action", "table_name", "row_id", "request_id")


class AuditEntryViewSet(ScopedViewSet[AuditEntry]):
    """Who changed what, as the database recorded it."""

    queryset = AuditEntry.objects.all()
    serializer_class = AuditEntrySerializer
    scope_resource = "audit-entries"
    ordering_fields = ("at", "id")
    ordering = ("-at",)
    filterset_class = AuditFilter
