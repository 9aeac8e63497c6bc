"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Django's entry for the app."""

    name = "billing"
    label = "billing"
