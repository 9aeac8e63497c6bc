"""Viewsets of the network. Writing goes through the services; a running node learns of it by NOTIFY."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from sip import services
from sip.api.filters import CallFilter, LineFilter, RouteFilter, TrunkFilter
from sip.api.serializers import (
    BlockSerializer,
    CallSerializer,
    IssuedPasswordSerializer,
    LineSerializer,
    NewLineSerializer,
    PasswordSerializer,
    RouteSerializer,
    TrunkSerializer,
)
from sip.extensions import attach_facts
from sip.models import Call, Line, Route, Trunk, attach_attempts
from sip.registrations import contacts_of
from tenants.api.auth import principal
from tenants.api.viewsets import ScopedViewSet, ScopedWritableViewSet
from tenants.choices import OPERATOR_ROLES


def _operator_only(request: Request) -> None:
    if principal(request).role not in OPERATOR_ROLES:
        raise PermissionDenied("Only the operator's staff can do this; to switch a line off, set is_active.")


class LineViewSet(ScopedWritableViewSet[Line]):
    """Lines. The password is in the answer to POST and to ``password/``, and nowhere else."""

    queryset = Line.objects.select_related("tenant")
    serializer_class = LineSerializer
    scope_resource = "lines"
    ordering_fields = ("id", "username", "extension", "created_at")
    ordering = ("username",)
    filterset_class = LineFilter
    rights = {"password": "change", "block": "change", "unblock": "change"}
    _contacts: Any = None

    def get_serializer_context(self) -> dict[str, Any]:
        """Hand over the registrations that were looked up for the page."""
        return {**super().get_serializer_context(), "contacts": self._contacts}

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        """Look up who is registered, once for the page."""
        page = super().paginate_queryset(queryset)
        self._contacts = contacts_of(line.username for line in page or ())
        return page

    def get_object(self) -> Line:
        """Look up who is registered at the line."""
        line = super().get_object()
        self._contacts = contacts_of([line.username])
        return line

    @extend_schema(responses={201: NewLineSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create a line and show its password once."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = {**serializer.validated_data, "tenant": self.tenant_for(serializer)}
        line, password = services.create_line(**data)
        context = {**self.get_serializer_context(), "password": password, "contacts": {}}
        return Response(NewLineSerializer(line, context=context).data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: BaseSerializer[Line]) -> None:
        """Change a line's data."""
        self.refuse_move(serializer)
        assert serializer.instance is not None
        services.update_line(serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Line) -> None:
        """Delete a line that nothing points to."""
        services.delete_line(instance)

    @extend_schema(request=PasswordSerializer, responses=IssuedPasswordSerializer)
    @action(detail=True, methods=["post"])
    def password(self, request: Request, pk: str | None = None) -> Response:
        """Give the line a new password and show it once; phones with the old one register no more."""
        line = self.get_object()
        serializer = PasswordSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        password = services.set_password(line, serializer.validated_data.get("password", ""))
        return Response({"username": line.username, "realm": line.realm, "password": password})

    @extend_schema(request=BlockSerializer, responses=LineSerializer)
    @action(detail=True, methods=["post"])
    def block(self, request: Request, pk: str | None = None) -> Response:
        """Take the line out of service; calls that are up go on. The operator's staff only."""
        line = self.get_object()
        _operator_only(request)
        serializer = BlockSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.block_line(line.pk, serializer.validated_data["reason"])
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(request=None, responses=LineSerializer)
    @action(detail=True, methods=["post"])
    def unblock(self, request: Request, pk: str | None = None) -> Response:
        """Put a blocked line back into service. The operator's staff only, for fraud control blocks too."""
        line = self.get_object()
        _operator_only(request)
        services.unblock_line(line.pk)
        return Response(self.get_serializer(self.get_object()).data)


class TrunkViewSet(ScopedWritableViewSet[Trunk]):
    """Carriers, of the operator."""

    queryset = Trunk.objects.select_related("tenant")
    serializer_class = TrunkSerializer
    scope_resource = "trunks"
    ordering_fields = ("id", "name", "created_at")
    ordering = ("name",)
    filterset_class = TrunkFilter

    def perform_create(self, serializer: BaseSerializer[Trunk]) -> None:
        """Create a trunk."""
        data = {**serializer.validated_data, "tenant": self.tenant_for(serializer)}
        serializer.instance = services.create_trunk(**data)

    def perform_update(self, serializer: BaseSerializer[Trunk]) -> None:
        """Change a trunk's data."""
        self.refuse_move(serializer)
        assert serializer.instance is not None
        services.update_trunk(serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Trunk) -> None:
        """Delete a trunk that nothing points to."""
        services.delete_trunk(instance)


class RouteViewSet(ScopedWritableViewSet[Route]):
    """Which trunks a number may go to: the longest prefix wins, then the lower priority."""

    queryset = Route.objects.select_related("trunk")
    serializer_class = RouteSerializer
    scope_resource = "routes"
    ordering_fields = ("id", "prefix", "priority")
    ordering = ("prefix",)
    filterset_class = RouteFilter

    def perform_create(self, serializer: BaseSerializer[Route]) -> None:
        """Create a route."""
        serializer.instance = services.create_route(**serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer[Route]) -> None:
        """Change a route."""
        assert serializer.instance is not None
        services.update_route(serializer.instance, **serializer.validated_data)


class CallViewSet(ScopedViewSet[Call]):
    """Call records, newest first, with every attempt."""

    queryset = Call.objects.all()
    serializer_class = CallSerializer
    scope_resource = "calls"
    ordering_fields = ("started_at",)  # What an index serves; any other would sort ten million rows for a page.
    ordering = ("-started_at",)
    filterset_class = CallFilter
    lookup_value_regex = "[0-9a-fA-F-]{32,36}"

    def paginate_queryset(self, queryset: Any) -> list[Any] | None:
        """Fetch the page's attempts and facts, each in one statement."""
        page = super().paginate_queryset(queryset)
        attach_attempts(page or ())
        attach_facts(page or ())
        return page

    def get_object(self) -> Call:
        """Fetch the call's attempts and facts."""
        call = super().get_object()
        attach_attempts([call])
        attach_facts([call])
        return call
