"""API addresses that are no router's, below ``/api/v1/``."""

from __future__ import annotations

from django.urls import path

from analytics.api.views import KpiView

urlpatterns = [path("kpis/", KpiView.as_view(), name="kpis")]
