"""What lists of the alerts app can be filtered by."""

from __future__ import annotations

import django_filters

from alerts.models import Delivery, Event


class EventFilter(django_filters.FilterSet):  # type: ignore[misc]
    """``created_at_after`` and ``created_at_before`` are RFC 3339 times."""

    created_at = django_filters.IsoDateTimeFromToRangeFilter()

    class Meta:
        model = Event
        fields = ("tenant", "kind", "severity")


class DeliveryFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Deliveries by endpoint, event and outcome."""

    class Meta:
        model = Delivery
        fields = ("tenant", "event", "endpoint", "state")
