"""``manage.py retry_records``: loads call records again that were put aside."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from sip.cdr.loader import retry_quarantined
from sip.models import QuarantinedFrame
from tenants.scope import actor_scope, system_scope
from voip.settlement import settle


class Command(BaseCommand):
    """Try quarantined frames again, once their cause is mended."""

    help = "Load and settle quarantined call records: the ids given, or all of them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take ids."""
        parser.add_argument("ids", nargs="*", type=int, help="of quarantined frames; none means all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Retry and say how many calls came of it."""
        with system_scope(), actor_scope("retry_records"):
            ids = options["ids"] or list(QuarantinedFrame.objects.values_list("pk", flat=True))
            loaded = retry_quarantined(settle, ids)
        self.stdout.write(f"{loaded} of {len(ids)} records loaded")
