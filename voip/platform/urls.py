"""Addresses for machines that watch the platform."""

from django.urls import path

from voip.platform.health import healthz

urlpatterns = [path("healthz", healthz, name="healthz")]
