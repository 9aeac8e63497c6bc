"""The tenants app."""

from typing import Any

from django.apps import AppConfig
from django.db.backends.signals import connection_created


class TenantsConfig(AppConfig):
    """Django's entry for the app."""

    name = "tenants"
    label = "tenants"
    verbose_name = "Tenants and users"

    def ready(self) -> None:
        """Give every new database connection the scope of the code that opens it."""
        connection_created.connect(_apply_scope, dispatch_uid="tenants.scope")


def _apply_scope(connection: Any, **_: Any) -> None:
    from tenants.scope import apply_to_connection

    apply_to_connection(connection)
