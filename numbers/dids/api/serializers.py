"""Numbers as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from dids.models import Did
from sip.models import Line
from tenants.api.serializers import ScopedSerializer, TenantField


class LineField(serializers.PrimaryKeyRelatedField[Line]):
    """A line by id; only one in the caller's scope is accepted."""

    def get_queryset(self) -> Any:
        """Offer the lines in scope only."""
        return Line.objects.visible()


class DidSerializer(ScopedSerializer[Did]):
    """A public number. It is written in any form on POST, and always read as E.164."""

    # The model's own check asks across the scope and would say which numbers others have; the service answers instead.
    number = serializers.CharField(max_length=40)
    printed = serializers.CharField(read_only=True, help_text="As people read it.")

    class Meta:
        model = Did
        fields = (
            "id",
            "number",
            "printed",
            "country",
            "pool",
            "tenant",
            "state",
            "line",
            "assigned_at",
            "quarantined_until",
            "created_at",
        )
        read_only_fields = (
            "id",
            "country",
            "tenant",
            "state",
            "line",
            "assigned_at",
            "quarantined_until",
            "created_at",
        )


class AssignSerializer(serializers.Serializer[Any]):
    """Who gets the number, and the line that rings."""

    tenant = TenantField()
    line = LineField(queryset=Line.objects.none(), required=False, allow_null=True)


class ReserveSerializer(serializers.Serializer[Any]):
    """For whom the number is kept."""

    tenant = TenantField()


@extend_schema_serializer(component_name="NumberTarget")
class RouteSerializer(serializers.Serializer[Any]):
    """The line that rings, or null for none."""

    line = LineField(queryset=Line.objects.none(), allow_null=True)
