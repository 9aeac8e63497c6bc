"""The two bases of every app's viewsets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import Model, QuerySet
from rest_framework import mixins, viewsets
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from tenants.api.auth import principal
from tenants.api.filters import KnownFilters, KnownOrdering
from tenants.api.pagination import CursorPage
from tenants.api.parsers import LimitedJSONParser
from tenants.api.permissions import RESOURCES
from tenants.errors import DomainError
from tenants.models import Tenant

M = TypeVar("M", bound=Model)


class ScopedAPIView(APIView):
    """A view that is not about one model: says ``scope_resource`` and, for the table of roles, ``rights_app``."""

    scope_resource: ClassVar[str] = ""
    rights_app: ClassVar[str] = ""
    parser_classes: Sequence[type[BaseParser]] = (LimitedJSONParser,)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the resource known as part of API keys' scopes."""
        super().__init_subclass__(**kwargs)
        RESOURCES.add(cls.scope_resource)


class ScopedViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, viewsets.GenericViewSet[M]):
    """List and retrieve what the caller's scope shows; anything else answers 404 like a missing id.

    A subclass sets ``queryset``, ``serializer_class``, ``scope_resource`` and, as it needs, ``ordering_fields``,
    ``ordering`` (the order when none is asked), ``filterset_class`` or ``filterset_fields``, ``tie_break``,
    ``rights`` (see ``RoleAndScope``).
    """

    scope_resource: ClassVar[str] = ""
    ordering_fields: ClassVar[Sequence[str]] = ()
    rights: ClassVar[dict[str, str]] = {}
    filter_backends = (KnownFilters, KnownOrdering)
    pagination_class = CursorPage
    parser_classes: Sequence[type[BaseParser]] = (LimitedJSONParser,)
    lookup_value_regex = "[^/]{1,64}"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the resource known as part of API keys' scopes."""
        super().__init_subclass__(**kwargs)
        RESOURCES.add(cls.scope_resource)

    def get_queryset(self) -> QuerySet[M]:
        """Narrow the queryset to the scope; row-level security would too."""
        queryset = super().get_queryset()
        visible = getattr(queryset, "visible", None)
        return visible() if visible is not None else queryset


class ScopedWritableViewSet(
    mixins.CreateModelMixin, mixins.UpdateModelMixin, mixins.DestroyModelMixin, ScopedViewSet[M]
):
    """Also create, update and destroy, each in one transaction.

    An object's tenant is the caller's own unless the caller may see others and names one; it never changes later.
    """

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create in one transaction."""
        with transaction.atomic():
            return super().create(request, *args, **kwargs)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Update in one transaction."""
        with transaction.atomic():
            return super().update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Destroy in one transaction."""
        with transaction.atomic():
            return super().destroy(request, *args, **kwargs)

    def perform_create(self, serializer: BaseSerializer[M]) -> None:
        """Save with the tenant filled in. A subclass that calls a service asks ``tenant_for`` itself."""
        if self._is_owned():
            serializer.save(tenant=self.tenant_for(serializer))
        else:
            serializer.save()

    def perform_update(self, serializer: BaseSerializer[M]) -> None:
        """Save, unless the object would move to another tenant."""
        self.refuse_move(serializer)
        serializer.save()

    def tenant_for(self, serializer: BaseSerializer[M]) -> Tenant:
        """Return the tenant of the object to be made (validated to be in scope, by default the caller's own)."""
        return serializer.validated_data.get("tenant") or principal(self.request).tenant

    def refuse_move(self, serializer: BaseSerializer[M]) -> None:
        """Refuse a change of the owner.

        Raises:
            DomainError: field ``tenant``.
        """
        wanted = serializer.validated_data.get("tenant")
        if self._is_owned() and wanted is not None and wanted.pk != getattr(serializer.instance, "tenant_id", None):
            raise DomainError("an object stays with its tenant", field="tenant", code="immutable")

    def _is_owned(self) -> bool:
        model = self.get_queryset().model
        return any(field.name == "tenant" for field in model._meta.get_fields())
