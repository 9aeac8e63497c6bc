"""``python -m voip.node``: a SIP node without Django's apps, which it does not need: it is back in half the time."""

from __future__ import annotations

import argparse
import os

from django.conf import settings
from django.utils.log import configure_logging

from voip.platform import compiled


def main() -> None:
    """Run a node until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m voip.node", description="Run one SIP node until SIGTERM.")
    parser.add_argument("--workers", type=int, default=0, help="processes that share its address (SIP_WORKERS)")
    workers: int = parser.parse_args().workers
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voip.settings")
    compiled.use()
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)
    from voip.node.run import run

    run(workers)


if __name__ == "__main__":
    main()
