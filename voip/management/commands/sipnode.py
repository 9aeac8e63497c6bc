"""``manage.py sipnode``: one SIP node."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from voip.node.run import run


class Command(BaseCommand):
    """Run the call controller until it is told to stop."""

    help = "Run one SIP node (SIP_PORT, LISTEN_HOST, NODE_NAME) until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the node."""
        run()
