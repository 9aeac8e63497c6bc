"""Make the figures of a window anew from the records."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from analytics.services import mark_window, recompute_dirty
from tenants.models import Tenant
from tenants.scope import system_scope


class Command(BaseCommand):
    """``manage.py analytics_backfill --from 2026-11-01 --to 2026-11-30 [--tenant alice]``."""

    help = "Make hourly figures anew from call records and charges."

    def add_arguments(self, parser: CommandParser) -> None:
        """Name the window and, if wanted, one tenant."""
        parser.add_argument("--from", dest="first", required=True, help="First day (UTC), such as 2026-11-01.")
        parser.add_argument("--to", dest="last", required=True, help="Last day (UTC), included.")
        parser.add_argument("--tenant", help="Slug of one tenant; all when left out.")
        parser.add_argument("--mark-only", action="store_true", help="Leave the work to the worker.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Mark the window and make it anew."""
        start, end = _day(options["first"]), _day(options["last"]) + timedelta(days=1)
        if end <= start:
            raise CommandError("--to lies before --from")
        with system_scope():
            marked = mark_window(start, end, _tenant_ids(options["tenant"]))
            self.stdout.write(f"{marked} hours marked")
            if options["mark_only"]:
                return
            total = 0
            while done := recompute_dirty():
                total += done
                self.stdout.write(f"{total} hours made anew")


def _day(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time.min, UTC)
    except ValueError as error:
        raise CommandError(f"not a day: {text!r}") from error


def _tenant_ids(slug: str | None) -> list[int] | None:
    if slug is None:
        return None
    tenant = Tenant.objects.filter(slug=slug).first()
    if tenant is None:
        raise CommandError(f"no tenant {slug!r}")
    return [tenant.pk]
