"""``manage.py sipban``: which addresses SIP nodes do not hear, and a person's part in it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError

from sip.bans import guard_states, lay_ban, lift_ban, list_bans

DEFAULT_S = 3600.0


class Command(BaseCommand):
    """List, lay and lift bans."""

    help = "List the addresses that SIP nodes do not hear, ban one, or lift a ban. All nodes follow within a second."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do."""
        parser.add_argument("action", choices=["list", "add", "remove", "status"])
        parser.add_argument("address", nargs="?", default="", help="IPv4, or IPv6: then its network of 64 bits")
        parser.add_argument("--seconds", type=float, default=DEFAULT_S, help="how long a ban lasts (an hour)")
        parser.add_argument("--reason", default="by hand")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say what came of it."""
        action, address = options["action"], options["address"]
        if action in ("add", "remove") and not address:
            raise CommandError(f"sipban {action}: which address?")
        try:
            if action == "list":
                self._list()
            elif action == "status":
                self._status()
            elif action == "add":
                ban = lay_ban(address, options["seconds"], options["reason"], getpass.getuser())
                self.stdout.write(f"{ban.source} is banned for {options['seconds']:g} s")
            else:
                self.stdout.write(f"{address}: " + ("the ban is lifted" if lift_ban(address) else "there is no ban"))
        except ValueError as error:
            raise CommandError(f"sipban: {error}") from error
        except (redis.RedisError, OSError) as error:
            raise CommandError(f"sipban: Redis does not answer: {error}") from error

    def _list(self) -> None:
        for ban in list_bans():
            until = datetime.fromtimestamp(ban.until, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            self.stdout.write(f"{ban.source:<43} until {until}  {ban.reason} ({ban.node})")

    def _status(self) -> None:
        for node, state in guard_states().items():
            self.stdout.write(f"{node}: " + ", ".join(f"{name} {value}" for name, value in state.items()))
