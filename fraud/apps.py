"""The fraud app."""

from django.apps import AppConfig


class FraudConfig(AppConfig):
    """Django's entry for the app."""

    name = "fraud"
    label = "fraud"
