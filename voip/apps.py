"""The voip app: composition."""

from importlib import import_module

from django.apps import AppConfig


class VoipConfig(AppConfig):
    """Django's entry for the app."""

    name = "voip"
    label = "voip"

    def ready(self) -> None:
        """Make the platform's Celery application the current one in every process that may send a task."""
        import_module("voip.celery")
