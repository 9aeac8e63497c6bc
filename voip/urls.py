"""All addresses of the web process."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

API_APPS = ("sip", "billing", "dids", "fraud", "alerts", "analytics", "tenants")


def _has(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _router() -> SimpleRouter:
    router = SimpleRouter()
    for app in API_APPS:
        if not _has(f"{app}.api.urls"):
            continue
        for prefix, viewset, basename in import_module(f"{app}.api.urls").routes:
            router.register(prefix, viewset, basename)
    return router


router = _router()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("voip.login.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(router.urls)),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
]
for prefix, module in (
    ("api/v1/", "analytics.api_urls"),
    ("webhooks/payments/", "billing.webhook_urls"),
    ("", "analytics.urls"),
    ("", "voip.platform.urls"),
    ("", "voip.portal.urls"),
):
    if _has(module):
        urlpatterns.append(path(prefix, include(module)))

handler400 = "voip.errors.bad_request"
handler403 = "voip.errors.permission_denied"
handler404 = "voip.errors.page_not_found"
handler500 = "voip.errors.server_error"
