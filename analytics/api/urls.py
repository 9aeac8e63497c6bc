"""The API routes of the analytics app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from analytics.api.views import KpiViewSet, TrafficViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [
    ("traffic", TrafficViewSet, "traffic"),
    ("kpis", KpiViewSet, "kpi"),
]
