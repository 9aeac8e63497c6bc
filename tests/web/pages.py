"""Every address of the web process, out of the URL configuration itself."""

from __future__ import annotations

from django.urls import URLPattern, get_resolver

from voip.urls import router

API_ROUTES = sorted((prefix, viewset) for prefix, viewset, _ in router.registry)


def portal_patterns() -> dict[str, URLPattern]:
    """Return the portal's addresses by name."""
    resolver = next(item for item in get_resolver().url_patterns if getattr(item, "app_name", "") == "portal")
    return {str(item.name): item for item in resolver.url_patterns if isinstance(item, URLPattern)}  # type: ignore[union-attr]
