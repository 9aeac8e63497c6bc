"""``manage.py sipnode``: one SIP node."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from voip.node.run import run


class Command(BaseCommand):
    """Run the call controller until it is told to stop."""

    help = "Run one SIP node (SIP_LISTEN or SIP_PORT and LISTEN_HOST, NODE_NAME) until SIGTERM."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the number of processes."""
        parser.add_argument("--workers", type=int, default=0, help="processes that share its address (SIP_WORKERS)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the node."""
        run(options["workers"])
