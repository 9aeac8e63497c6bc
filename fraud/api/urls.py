"""The API routes of the fraud app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from fraud.api.views import CaseViewSet, RuleViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [
    ("fraud-rules", RuleViewSet, "fraud-rule"),
    ("fraud-cases", CaseViewSet, "fraud-case"),
]
