"""All addresses of the web process."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.routers import SimpleRouter

import alerts.api.urls
import analytics.api.urls
import billing.api.urls
import dids.api.urls
import fraud.api.urls
import sip.api.urls
import tenants.api.urls

API_ROUTES = (
    sip.api.urls.routes
    + billing.api.urls.routes
    + dids.api.urls.routes
    + fraud.api.urls.routes
    + alerts.api.urls.routes
    + analytics.api.urls.routes
    + tenants.api.urls.routes
)


def _router() -> SimpleRouter:
    router = SimpleRouter()
    for prefix, viewset, basename in API_ROUTES:
        router.register(prefix, viewset, basename)
    return router


router = _router()

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("voip.login.urls")),
    path("admin/", admin.site.urls),
    path("api/v1/", include(router.urls)),
    path("webhooks/payments/", include("billing.webhook_urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerView.as_view(url_name="schema"), name="api-docs"),
    path("", include("analytics.urls")),
    path("", include("voip.platform.urls")),
    path("", include("voip.portal.urls")),
]
handler400 = "voip.errors.bad_request"
handler403 = "voip.errors.permission_denied"
handler404 = "voip.errors.page_not_found"
handler500 = "voip.errors.server_error"
