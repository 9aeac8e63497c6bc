"""Addresses of the pages."""

from __future__ import annotations

from django.urls import path

from analytics import views

app_name = "analytics"
urlpatterns = [
    path("analytics/billing/", views.billing, name="billing"),
    path("analytics/billing/export/<slug:what>.csv", views.export, name="export"),
    path("analytics/live/", views.live, name="live"),
]
