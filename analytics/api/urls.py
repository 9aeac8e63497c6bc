"""The API routes of the analytics app: viewsets here, the single view in ``analytics.api_urls``."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from analytics.api.views import TrafficViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [("traffic", TrafficViewSet, "traffic")]
