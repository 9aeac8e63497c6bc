"""The analytics app."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """Django's entry for the app."""

    name = "analytics"
    label = "analytics"
