"""What must be done between the start of the servers and the start of the platform's own processes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import psycopg

from voip.platform import places
from voip.platform.console import StepFailed, coloured, say, step
from voip.platform.environment import Installation
from voip.platform.supervisor import Supervisor

_MIGRATED = "migrated"
_COLLECTED = "collected"


class Preparation:
    """The steps of a start; each is skipped when it is done already."""

    def __init__(self, installation: Installation, supervisor: Supervisor) -> None:
        self._installation = installation
        self._supervisor = supervisor
        self._log = places.log_folder() / "setup.log"

    async def database(self) -> None:
        """Make roles and tables, and the demo in an empty database."""
        settings = self._installation.settings
        if self._installation.cluster:
            passwords = settings["POSTGRES_OWNER_PASSWORD"], settings["POSTGRES_APP_PASSWORD"]
            await asyncio.to_thread(self._installation.cluster.prepare, *passwords)
        digest = _digest(
            sorted(places.ROOT.glob("*/migrations/*.py")) + sorted(places.ROOT.glob("*/*/migrations/*.py"))
        )
        digest += _requirements_digest()
        if not (_is_done(_MIGRATED, digest) and await asyncio.to_thread(self._has_table, "django_migrations")):
            with step("database tables"):
                await self.manage("migrate", "--database=owner", "--no-input", "-v0")
            _mark_done(_MIGRATED, digest)
        if await asyncio.to_thread(self._is_empty):
            with step("demo: tenants, lines, numbers, rates, a week of calls"):
                await self.manage("seed_demo")

    async def static_files(self) -> None:
        """Collect the files that browsers load, compressed once."""
        target = places.var_folder() / "static"
        ours = (path for path in places.ROOT.glob("*/static/**/*") if path.is_file() and target not in path.parents)
        digest = _digest(sorted(ours)) + _requirements_digest()
        if not (_is_done(_COLLECTED, digest) and target.exists()):
            with step("static files"):
                await self.manage("collectstatic", "--no-input", "-v0")
            _mark_done(_COLLECTED, digest)

    async def first_call(self) -> None:
        """Place one real call through the platform, once in the life of an installation."""
        if _is_done("first-call", "done") or not places.demo_file().exists():
            return
        say(coloured("one real call through the platform:", "cyan"))
        await self.manage("first_call", is_shown=True)
        _mark_done("first-call", "done")

    async def manage(self, *arguments: str, is_shown: bool = False) -> None:
        """Run a management command as the owner of the tables.

        Raises:
            StepFailed: it failed; the message holds what it wrote.
        """
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(places.ROOT / "manage.py"),
            *arguments,
            cwd=places.ROOT,
            env=self._installation.environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=None if is_shown else asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self._supervisor.spared.add(process.pid)
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            self._supervisor.spared.discard(process.pid)
        text = (output or b"").decode(errors="replace")
        with self._log.open("a") as log:
            log.write(f"manage.py {' '.join(arguments)}: {time.monotonic() - began:.1f} s\n{text}")
        if process.returncode != 0:
            raise StepFailed(f"manage.py {' '.join(arguments)} ended with {process.returncode}\n{text}")

    def _has_table(self, name: str) -> bool:
        with self._connect() as connection:
            row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [name]).fetchone()
        return bool(row and row[0])

    def _is_empty(self) -> bool:
        with self._connect() as connection:
            row = connection.execute("SELECT EXISTS (SELECT 1 FROM tenants_tenant)").fetchone()
        return not (row and row[0])

    def _connect(self) -> psycopg.Connection[Any]:
        url = self._installation.settings["OWNER_DATABASE_URL"]
        return psycopg.connect(url, options="-c app.all_tenants=on", connect_timeout=5)


def print_summary(settings: dict[str, str]) -> None:
    """Say where the platform is and who may log in."""
    address = f"http://{settings['LISTEN_HOST']}:{settings['WEB_PORT']}/"
    say()
    say(f"Trunkline is ready: {coloured(address, 'green')}")
    if places.demo_file().exists():
        demo = json.loads(places.demo_file().read_text())
        for title, person in (("operator", demo["admin"]), ("tenant", demo["tenant_user"])):
            say(f"  {title:<9} {person['email']}   password {person['password']}")
        say(f"  API key   {demo['api_key']}")
        sip = demo["sip"]
        say(f"  SIP       {sip['host']}:{sip['port']}  realm {sip['realm']}")
        for account in sip["accounts"]:
            say(
                f"            {account['username']}   password {account['password']}   extension {account['extension']}"
            )
    say(f"  logs      {places.log_folder()}    stop: Ctrl-C, or `make stop`")


def _migrations() -> list[Path]:
    patterns = ("*/migrations/*.py", "numbers/*/migrations/*.py")
    return sorted(path for pattern in patterns for path in places.ROOT.glob(pattern))


def _requirements_digest() -> str:
    return _digest([places.ROOT / "requirements.txt"])


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(os.fsencode(path.relative_to(places.ROOT)) + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _stamp(name: str) -> Path:
    return places.run_folder() / f"{name}.stamp"


def _is_done(name: str, digest: str) -> bool:
    return _stamp(name).exists() and _stamp(name).read_text() == digest


def _mark_done(name: str, digest: str) -> None:
    _stamp(name).write_text(digest)
