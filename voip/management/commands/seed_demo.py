"""``manage.py seed_demo``: fills an empty platform with a demo, once."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand

from tenants.models import Tenant
from tenants.scope import actor_scope, system_scope
from voip.demo import facts
from voip.demo.seed import seed


class Command(BaseCommand):
    """Seed the demo if the database holds no tenant."""

    help = "Fill an empty database with a demo carrier and write var/demo.json; does nothing when there are tenants."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, saying what is being done and how long it took."""
        with system_scope(), actor_scope("seed_demo"):
            if Tenant.objects.exists():
                self.stdout.write("demo: the database is not empty, nothing is seeded")
                return
            began = time.monotonic()
            demo = seed(lambda step: self.stdout.write(f"demo: {time.monotonic() - began:5.1f} s  {step}"))
            facts.write(facts.facts(demo))
            self.stdout.write(f"demo: {time.monotonic() - began:5.1f} s  done")
