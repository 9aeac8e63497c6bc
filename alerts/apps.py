"""The alerts app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Django's entry for the app."""

    name = "alerts"
    label = "alerts"
