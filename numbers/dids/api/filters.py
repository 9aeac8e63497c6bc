"""What the list of numbers can be filtered by."""

from __future__ import annotations

import django_filters

from dids.models import Did


class DidFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``prefix`` is the beginning of the number with its plus; ``routed`` is true or false."""

    number = django_filters.CharFilter(max_length=16)
    prefix = django_filters.CharFilter(field_name="number", lookup_expr="startswith", max_length=16)
    routed = django_filters.BooleanFilter(field_name="line", lookup_expr="isnull", exclude=True)

    class Meta:
        model = Did
        fields = ("tenant", "pool", "state", "country", "line")
