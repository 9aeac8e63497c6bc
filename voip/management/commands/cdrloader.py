"""``manage.py cdrloader``: carries call records from the spools into PostgreSQL and settles them."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from sip.cdr.loader import run
from voip.settlement import settle

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    """Load call records until told to stop."""

    help = "Load call records of all nodes under SPOOL_DIR, rate and post them, until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the loader."""
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        logger.info("loading call records from %s", settings.SPOOL_DIR)
        run(settle, stop, settings.SPOOL_DIR)
