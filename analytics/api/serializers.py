"""How figures look in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.destinations import label_of
from analytics.models import HourlyTraffic
from tenants.api.serializers import ScopedSerializer

_COUNTED = (
    "id",
    "hour",
    "tenant",
    "direction",
    "destination",
    "destination_label",
    "currency",
    "seizures",
    "answered",
    "effective",
    "refused",
    "duration_ms",
    "pdd_count",
    "pdd_sum_ms",
    "pdd_histogram",
    "revenue_nanos",
    "unrated",
)


class TrafficSerializer(ScopedSerializer[HourlyTraffic]):
    """One hour's traffic as a tenant sees it: without trunks and without what the operator pays."""

    destination_label = serializers.SerializerMethodField()

    class Meta:
        model = HourlyTraffic
        fields: tuple[str, ...] = _COUNTED
        read_only_fields: tuple[str, ...] = _COUNTED

    def get_destination_label(self, row: HourlyTraffic) -> str:
        """Return the destination's name."""
        return label_of(row.destination)


class OperatorTrafficSerializer(TrafficSerializer):
    """The same for the operator's staff, with trunks and cost."""

    class Meta(TrafficSerializer.Meta):
        fields = (*_COUNTED, "basis", "trunk", "cost_nanos", "uncosted")
        read_only_fields = fields


class KpiMoneySerializer(serializers.Serializer[Any]):
    """Money of one currency; cost and margin for the operator's staff only."""

    currency = serializers.CharField()
    revenue_nanos = serializers.IntegerField()
    cost_nanos = serializers.IntegerField(required=False)
    margin_nanos = serializers.IntegerField(required=False)
    margin_percent = serializers.FloatField(required=False, allow_null=True)
    unrated = serializers.IntegerField()
    uncosted = serializers.IntegerField(required=False)


class KpiRowSerializer(serializers.Serializer[Any]):
    """The figures of one group; ``null`` where there is no data to make them of."""

    key = serializers.CharField(help_text="Id, ISO 3166 code or hour; empty for the whole window.")
    name = serializers.CharField()
    seizures = serializers.IntegerField()
    answered = serializers.IntegerField()
    refused = serializers.IntegerField()
    minutes = serializers.FloatField(allow_null=True)
    asr = serializers.FloatField(allow_null=True)
    ner = serializers.FloatField(allow_null=True)
    acd_s = serializers.FloatField(allow_null=True)
    pdd_mean_s = serializers.FloatField(allow_null=True)
    pdd_p95_s = serializers.FloatField(allow_null=True)
    money = KpiMoneySerializer(many=True)


class KpisSerializer(serializers.Serializer[Any]):
    """Figures of a window by group, with what each figure means."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    group_by = serializers.CharField(allow_blank=True)
    definitions = serializers.DictField(child=serializers.CharField())
    results = KpiRowSerializer(many=True)
