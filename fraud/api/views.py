"""Viewsets of rules and cases. Running nodes learn of a rule's change by NOTIFY."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from fraud import services
from fraud.api.filters import CaseFilter
from fraud.api.serializers import CaseSerializer, EvidenceSerializer, NoteSerializer, RuleSerializer
from fraud.limits import EVIDENCE_SHOWN_MAX
from fraud.models import Case, Rule
from tenants.api.viewsets import ScopedViewSet, ScopedWritableViewSet
from tenants.scope import current_actor


class RuleViewSet(ScopedWritableViewSet[Rule]):
    """Rules that forbid calls before anything is spent on them."""

    queryset = Rule.objects.all()
    serializer_class = RuleSerializer
    scope_resource = "fraud-rules"
    ordering_fields = ("id", "name", "created_at")
    ordering = ("name",)
    filterset_fields = ("tenant", "line", "kind", "action", "is_active")

    def perform_create(self, serializer: BaseSerializer[Rule]) -> None:
        """Make a rule for a tenant and all below it."""
        data = {**serializer.validated_data, "tenant": self.tenant_for(serializer)}
        serializer.instance = services.create_rule(**data)

    def perform_update(self, serializer: BaseSerializer[Rule]) -> None:
        """Change a rule."""
        self.refuse_move(serializer)
        assert serializer.instance is not None
        services.update_rule(serializer.instance, **serializer.validated_data)

    def perform_destroy(self, instance: Rule) -> None:
        """Delete a rule that never had a case."""
        services.delete_rule(instance)


class CaseViewSet(ScopedViewSet[Case]):
    """Cases, the latest hit first; acted upon with ``acknowledge/``, ``close/``, ``block/`` and ``unblock/``."""

    queryset = Case.objects.select_related("line")
    serializer_class = CaseSerializer
    scope_resource = "fraud-cases"
    ordering_fields = ("id", "last_hit_at", "first_hit_at", "created_at", "hits")
    ordering = ("-last_hit_at",)
    filterset_class = CaseFilter
    rights = {"acknowledge": "change", "close": "change", "block": "change", "unblock": "change"}

    @extend_schema(responses=EvidenceSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def evidence(self, request: Request, pk: str | None = None) -> Response:
        """List the latest refused calls of the case, a hundred at most."""
        calls = self.get_object().evidence.all()[:EVIDENCE_SHOWN_MAX]
        return Response(EvidenceSerializer(calls, many=True).data)

    @extend_schema(request=None, responses=CaseSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str | None = None) -> Response:
        """Say that somebody is on it."""
        services.acknowledge(self.get_object().pk, current_actor())
        return self._case()

    @extend_schema(request=NoteSerializer, responses=CaseSerializer)
    @action(detail=True, methods=["post"])
    def close(self, request: Request, pk: str | None = None) -> Response:
        """Settle the case; the next hit opens a new one."""
        case = self.get_object()
        serializer = NoteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        services.close(case.pk, current_actor(), serializer.validated_data.get("note", ""))
        return self._case()

    @extend_schema(request=None, responses=CaseSerializer)
    @action(detail=True, methods=["post"])
    def block(self, request: Request, pk: str | None = None) -> Response:
        """Take the line out of service; a line that is blocked already stays so."""
        services.block(self.get_object().pk)
        return self._case()

    @extend_schema(request=None, responses=CaseSerializer)
    @action(detail=True, methods=["post"])
    def unblock(self, request: Request, pk: str | None = None) -> Response:
        """Put the line back into service; hits from before do not block it again."""
        services.unblock(self.get_object().pk)
        return self._case()

    def _case(self) -> Response:
        return Response(self.get_serializer(self.get_object()).data)
