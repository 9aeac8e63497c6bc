"""The billing app."""

from django.apps import AppConfig


class BillingConfig(AppConfig):
    """Django's entry for the app."""

    name = "billing"
    label = "billing"
    verbose_name = "Billing"

    def ready(self) -> None:
        """Show calls with their prices."""
        from billing.call_fact import register

        register()
