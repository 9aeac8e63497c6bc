"""The API routes of the dids app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from dids.api.views import DidViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [("dids", DidViewSet, "did")]
