"""The viewset of numbers. Writing goes through the services; a running node learns of it by NOTIFY."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, Serializer

from dids import services
from dids.api.filters import DidFilter
from dids.api.serializers import AssignSerializer, DidSerializer, ReserveSerializer, RouteSerializer
from dids.models import Did
from tenants.api.auth import principal
from tenants.api.viewsets import ScopedViewSet
from tenants.choices import OPERATOR_ROLES


class DidViewSet(mixins.CreateModelMixin, mixins.DestroyModelMixin, ScopedViewSet[Did]):
    """Numbers: taken into stock by the operator, reserved, assigned, led to a line, released."""

    queryset = Did.objects.all()
    serializer_class = DidSerializer
    scope_resource = "dids"
    ordering_fields = ("id", "number", "assigned_at", "created_at")
    ordering = ("number",)
    filterset_class = DidFilter
    rights = {"reserve": "change", "assign": "change", "release": "change", "route": "change"}

    def perform_create(self, serializer: BaseSerializer[Did]) -> None:
        """Take a number into a pool: the operator's staff only, since its calls come here from then on."""
        if principal(self.request).role not in OPERATOR_ROLES:
            raise PermissionDenied("Only the operator's staff brings numbers onto the platform.")
        pool = serializer.validated_data.get("pool") or principal(self.request).tenant
        serializer.instance = services.add_did(pool, serializer.validated_data["number"])

    def perform_destroy(self, instance: Did) -> None:
        """Take a number that nobody has off the platform."""
        services.remove_did(instance.pk)

    @extend_schema(request=ReserveSerializer, responses=DidSerializer)
    @action(detail=True, methods=["post"])
    def reserve(self, request: Request, pk: str | None = None) -> Response:
        """Keep the number for a tenant."""
        did, data = self.get_object(), self._asked(ReserveSerializer)
        return self._shown(services.reserve(did.pk, data.get("tenant") or principal(request).tenant))

    @extend_schema(request=AssignSerializer, responses=DidSerializer)
    @action(detail=True, methods=["post"])
    def assign(self, request: Request, pk: str | None = None) -> Response:
        """Give the number to a tenant (by default the caller's own), and lead it to a line if one is named."""
        did, data = self.get_object(), self._asked(AssignSerializer)
        tenant = data.get("tenant") or principal(request).tenant
        return self._shown(services.assign(did.pk, tenant, data.get("line")))

    @extend_schema(request=RouteSerializer, responses=DidSerializer)
    @action(detail=True, methods=["post"])
    def route(self, request: Request, pk: str | None = None) -> Response:
        """Lead the number to a line of its tenant, or nowhere."""
        did, data = self.get_object(), self._asked(RouteSerializer)
        return self._shown(services.route_to_line(did.pk, data["line"]))

    @extend_schema(request=None, responses=DidSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str | None = None) -> Response:
        """Take the number back; one that was in use rests before it is available again."""
        return self._shown(services.release(self.get_object().pk))

    def _asked(self, kind: type[Serializer[Any]]) -> dict[str, Any]:
        serializer = kind(data=self.request.data)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

    def _shown(self, did: Did) -> Response:
        return Response(self.get_serializer(did).data)
