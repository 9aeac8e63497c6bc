"""The dids app."""

from django.apps import AppConfig


class DidsConfig(AppConfig):
    """Django's entry for the app."""

    name = "dids"
    label = "dids"
    verbose_name = "Numbers"
