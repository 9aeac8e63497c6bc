"""The platform itself as a server under test: all of its processes, as `make run` starts them, with disk writes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.servers import Server, stop
from voip.platform import environment

ROOT = Path(__file__).resolve().parent.parent
READY_S_MAX = 120.0
WEB_PORT = "18088"
READY_LINE = "Trunkline is ready"


def settings(folder: Path, address: str, workers: int = 1) -> dict[str, str]:
    """Return what points the platform at its own folder and address, apart from any other on the machine."""
    host, port = address.split(":")
    places = {"VAR_DIR": str(folder), "LISTEN_HOST": host, "SIP_PORT": port, "WEB_PORT": WEB_PORT}
    return {**places, "SIP_WORKERS": str(workers)}


def server(folder: Path, address: str, workers: int, *, is_registrar: bool = False) -> Server:
    """Return the platform as a server of calls, or of registrations."""
    command = [sys.executable, "-m", "voip.platform.launcher", "run"]
    name = "trunkline-register" if is_registrar else "trunkline"
    return Server(name, command, True, settings(folder, address, workers), is_registrar=is_registrar)


def started(server_: Server, folder: Path, callee: str) -> subprocess.Popen[bytes]:
    """Start the platform, wait until every process is ready, and give it its lines.

    Raises:
        RuntimeError: it did not become ready; the message names its log.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = folder / "bench.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            server_.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd=ROOT,
            env={**os.environ, **server_.environment},
        )
    deadline = time.monotonic() + READY_S_MAX
    # Not /healthz: the demo's own first call must be over before the routes are changed.
    while READY_LINE not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise RuntimeError(f"the platform did not start; see {log}")
        time.sleep(0.2)
    kept = environment.read(folder / "env")
    seeding = [sys.executable, "-m", "benchmarks.seed_lines", callee]
    subprocess.run(seeding, check=True, cwd=ROOT, env={**os.environ, **server_.environment, **kept})
    return process


def check_books(folder: Path, address: str) -> dict[str, int]:
    """Return how many calls were recorded and charged, once the spool is empty; proves the ledger on the way."""
    code = (
        "import django, json; django.setup()\n"
        "from tenants.scope import system_scope\n"
        "from sip.models import Call\n"
        "from billing.models import Charge\n"
        "from billing.ledger import check_books\n"
        "with system_scope():\n"
        "    own = Call.objects.filter(node__startswith='node1')\n"
        "    print(json.dumps({'records': own.count(), 'answered': own.filter(answered_at__isnull=False).count(),\n"
        "        'charges': Charge.objects.filter(call_id__in=own.values('call_id')).count(),\n"
        "        'entries': check_books()}))\n"
    )
    kept = environment.read(folder / "env")
    env = {**os.environ, **settings(folder, address), **kept, "DJANGO_SETTINGS_MODULE": "voip.settings"}
    done = subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=env, stdout=subprocess.PIPE)
    counted: dict[str, int] = json.loads(done.stdout)
    return counted
