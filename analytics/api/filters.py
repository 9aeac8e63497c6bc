"""What roll-ups can be filtered by."""

from __future__ import annotations

import django_filters

from analytics.choices import Basis
from analytics.models import HourlyTraffic
from sip.choices import Direction


class TrafficFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``hour_after`` and ``hour_before`` are RFC 3339 times, both included."""

    hour = django_filters.IsoDateTimeFromToRangeFilter()
    basis = django_filters.ChoiceFilter(choices=Basis.choices)
    direction = django_filters.ChoiceFilter(choices=Direction.choices)
    trunk = django_filters.NumberFilter(field_name="trunk_id", min_value=1, max_value=2**63 - 1)

    class Meta:
        model = HourlyTraffic
        fields = ("tenant", "destination", "currency")


class TenantTrafficFilter(django_filters.FilterSet):  # type: ignore[misc]
    """The same without what a tenant is not shown."""

    hour = django_filters.IsoDateTimeFromToRangeFilter()
    direction = django_filters.ChoiceFilter(choices=Direction.choices)

    class Meta:
        model = HourlyTraffic
        fields = ("tenant", "destination", "currency")
