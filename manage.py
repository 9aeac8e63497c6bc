#!/usr/bin/env python3
"""Django's command line for Trunkline."""

import os
import sys


def main() -> None:
    """Run one management command with the platform's settings."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voip.settings")
    if sys.argv[1:2] == ["sipnode"]:
        from voip.platform import compiled

        compiled.use()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
