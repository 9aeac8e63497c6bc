"""Rules and cases as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from fraud.limits import NOTE_CHARS_MAX, PREFIX_DIGITS_MAX, PREFIXES_MAX
from fraud.models import Case, Evidence, Rule
from fraud.validators import validate_prefixes
from sip.models import Line
from tenants.api.serializers import ScopedSerializer
from tenants.scope import current_tenant_ids


class LineField(serializers.PrimaryKeyRelatedField[Line]):
    """A line by id; only one in the caller's scope is accepted."""

    def get_queryset(self) -> Any:
        """Offer the lines in scope only."""
        return Line.objects.visible()


class RuleSerializer(ScopedSerializer[Rule]):
    """Calls that must not be made: by the tenant, and by all tenants below it."""

    line = LineField(queryset=Line.objects.none(), required=False, allow_null=True)
    prefixes = serializers.ListField(
        child=serializers.CharField(max_length=PREFIX_DIGITS_MAX),
        max_length=PREFIXES_MAX,
        required=False,
        validators=[validate_prefixes],
        help_text="barred_destination: digits of E.164 without the plus.",
    )

    class Meta:
        model = Rule
        fields = (
            "id",
            "tenant",
            "line",
            "name",
            "kind",
            "action",
            "severity",
            "counted_by",
            "prefixes",
            "calls_max",
            "spend_max_nanos",
            "currency",
            "is_active",
            "created_at",
        )
        read_only_fields = ("id", "created_at")


class CaseSerializer(ScopedSerializer[Case]):
    """Suspected fraud at one line under one rule."""

    line_username = serializers.CharField(source="line.username", read_only=True)
    line_blocked = serializers.BooleanField(source="line.is_blocked", read_only=True)

    class Meta:
        model = Case
        fields = (
            "id",
            "tenant",
            "rule",
            "rule_name",
            "rule_kind",
            "severity",
            "line",
            "line_username",
            "line_blocked",
            "state",
            "hits",
            "first_hit_at",
            "last_hit_at",
            "acknowledged_at",
            "acknowledged_by",
            "closed_at",
            "closed_by",
            "note",
            "created_at",
        )
        read_only_fields = fields

    def to_representation(self, instance: Case) -> dict[str, Any]:
        """Keep the operator's staff and its notes to the operator."""
        shown: dict[str, Any] = super().to_representation(instance)
        if current_tenant_ids() is not None:
            shown.update(acknowledged_by="", closed_by="", note="")
        return shown


class EvidenceSerializer(serializers.ModelSerializer[Evidence]):
    """One refused call."""

    class Meta:
        model = Evidence
        fields = ("call_id", "at", "caller", "called", "peer", "refusal_code")
        read_only_fields = fields


class NoteSerializer(serializers.Serializer[Any]):
    """What was found out."""

    note = serializers.CharField(required=False, allow_blank=True, max_length=NOTE_CHARS_MAX)
