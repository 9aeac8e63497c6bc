"""What lists of the fraud app can be filtered by."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from fraud.choices import CaseState
from fraud.models import Case


class CaseFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``last_hit_at_after`` and ``last_hit_at_before`` are RFC 3339 times; ``unsettled`` is true or false."""

    last_hit_at = django_filters.IsoDateTimeFromToRangeFilter()
    unsettled = django_filters.BooleanFilter(method="by_unsettled")

    class Meta:
        model = Case
        fields = ("tenant", "rule", "line", "state", "severity", "rule_kind")

    def by_unsettled(self, queryset: QuerySet[Case], name: str, value: bool) -> QuerySet[Case]:
        """Keep cases that are open or acknowledged, or the others."""
        return queryset.exclude(state=CaseState.CLOSED) if value else queryset.filter(state=CaseState.CLOSED)
