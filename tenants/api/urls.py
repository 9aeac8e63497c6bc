"""The API routes of the tenants app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from tenants.api.tenant_views import ApiKeyViewSet, AuditEntryViewSet, TenantViewSet, UserViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [
    ("tenants", TenantViewSet, "tenant"),
    ("users", UserViewSet, "user"),
    ("api-keys", ApiKeyViewSet, "api-key"),
    ("audit-entries", AuditEntryViewSet, "audit-entry"),
]
