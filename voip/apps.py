"""The voip app."""

from django.apps import AppConfig


class VoipConfig(AppConfig):
    """Django's entry for the app."""

    name = "voip"
    label = "voip"
