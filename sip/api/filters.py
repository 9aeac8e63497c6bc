"""What lists of the network can be filtered by."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from sip.choices import CallStatus, Direction, EndedBy
from sip.models import Call, Line, Route, Trunk


class LineFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``blocked`` is true or false."""

    blocked = django_filters.BooleanFilter(field_name="blocked_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Line
        fields = ("tenant", "username", "extension", "caller_number", "is_active")


class TrunkFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Trunks by where they lead."""

    class Meta:
        model = Trunk
        fields = ("tenant", "name", "host", "is_active", "country")


class RouteFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``number`` (digits) finds the routes that would serve it."""

    number = django_filters.CharFilter(method="serving", max_length=16)

    class Meta:
        model = Route
        fields = ("prefix", "trunk", "is_active")

    def serving(self, queryset: Any, name: str, value: str) -> QuerySet[Route]:
        """Keep routes whose prefix begins the number."""
        found: QuerySet[Route] = queryset.for_digits(value.removeprefix("+"))
        return found


class CallFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``started_at_after`` and ``started_at_before`` are RFC 3339 times; numbers are exact, with their plus."""

    started_at = django_filters.IsoDateTimeFromToRangeFilter()
    direction = django_filters.ChoiceFilter(choices=Direction.choices)
    ended_by = django_filters.ChoiceFilter(choices=EndedBy.choices)
    status = django_filters.ChoiceFilter(choices=CallStatus.choices, method="with_status")
    answered = django_filters.BooleanFilter(field_name="answered_at", lookup_expr="isnull", exclude=True)
    line = django_filters.NumberFilter(method="of_line", min_value=1, max_value=2**63 - 1)
    caller = django_filters.CharFilter(max_length=255)
    called = django_filters.CharFilter(max_length=255)

    class Meta:
        model = Call
        fields = ("tenant", "a_trunk", "b_trunk", "sip_status", "refusal_code", "is_emergency")

    def with_status(self, queryset: Any, name: str, value: str) -> QuerySet[Call]:
        """Keep calls that came out this way."""
        found: QuerySet[Call] = queryset.with_status(value)
        return found

    def of_line(self, queryset: Any, name: str, value: Any) -> QuerySet[Call]:
        """Keep calls a line made or took."""
        found: QuerySet[Call] = queryset.of_line(int(value))
        return found
