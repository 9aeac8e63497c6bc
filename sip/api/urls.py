"""The API routes of the sip app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from sip.api.views import CallViewSet, LineViewSet, RouteViewSet, TrunkViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [
    ("lines", LineViewSet, "line"),
    ("trunks", TrunkViewSet, "trunk"),
    ("routes", RouteViewSet, "route"),
    ("calls", CallViewSet, "call"),
]
