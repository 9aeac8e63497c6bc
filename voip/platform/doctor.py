"""`make doctor`: what this machine lacks, and the exact line that mends it. Standard library only."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from voip.platform import compiled, limits, lock, places, ports, tools
from voip.platform.console import coloured, say

REACH_S_MAX = 3.0
PORTS = (
    ("WEB_PORT", 8000, socket.SOCK_STREAM),
    ("SIP_PORT", 5060, socket.SOCK_DGRAM),
    ("SIP_PORT", 5060, socket.SOCK_STREAM),
)


@dataclass(frozen=True)  # Without slots: a Python that is too old must be able to say so.
class Finding:
    """One thing looked at."""

    text: str
    is_good: bool = True
    mend: str = ""
    """What to type."""
    is_needed: bool = True
    """False for what only some commands need."""


def main() -> int:
    """Print all findings; the result is 1 when something that is needed is wrong."""
    findings = [finding for check in CHECKS for finding in check()]
    for finding in findings:
        say(line(finding))
    return int(any(not finding.is_good and finding.is_needed for finding in findings))


def line(finding: Finding) -> str:
    """Return how a finding is printed."""
    if finding.is_good:
        return f"{coloured('    ok', 'green')} {finding.text}"
    word = coloured(" wrong", "red") if finding.is_needed else coloured("  note", "yellow")
    return f"{word} {finding.text}\n       {finding.mend}"


def check_python() -> Iterator[Finding]:
    """Python's version, its venv module, and a machine that the binary packages exist for."""
    version = platform.python_version()
    mend = "apt-get install python3 python3-venv    (then, if need be: make PYTHON=/usr/bin/python3 run)"
    yield Finding(f"Python {version} ({sys.executable})", sys.version_info >= (3, 11), mend)
    has_venv = all(importlib.util.find_spec(name) for name in ("venv", "ensurepip"))
    yield Finding("module venv", has_venv, "apt-get install python3-venv")
    machine = f"{platform.machine()}, {platform.libc_ver()[0] or 'unknown C library'}"
    is_known = platform.machine() in {"x86_64", "aarch64"} and platform.libc_ver()[0] == "glibc"
    yield Finding(machine, is_known, "set DATABASE_URL, OWNER_DATABASE_URL and REDIS_URL to servers of your own")
    if platform.machine() != "x86_64" and not os.environ.get("REDIS_URL"):
        has_redis = any(map(shutil.which, ("redis-server", "valkey-server")))
        yield Finding("Redis for this machine", has_redis, "apt-get install redis-server")


def check_ports() -> Iterator[Finding]:
    """The ports that the platform listens on."""
    pid = lock.holder(places.lock_file())
    if pid:
        yield Finding(f"the platform runs (pid {pid})")
        return
    host = os.environ.get("LISTEN_HOST") or "127.0.0.1"
    for name, default, kind in PORTS:
        port = int(os.environ.get(name) or default)
        protocol = "TCP" if kind == socket.SOCK_STREAM else "UDP"
        if ports.is_free(host, port, kind):
            yield Finding(f"port {port} {protocol} is free")
        else:
            who = ports.holder(port, kind)
            yield Finding(f"port {port} {protocol} is taken by {who}", False, f"{name}={port + 1} make run")


def check_room() -> Iterator[Finding]:
    """Disk, memory, and the right to write."""
    existing = next(folder for folder in (places.var_folder(), *places.var_folder().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    least = limits.DISK_FREE_BYTES_MIN
    yield Finding(f"{_gib(free)} free at {existing}", free >= least, f"free {_gib(least)}, or VAR_DIR=/larger make run")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    yield Finding(f"{_gib(memory)} memory", memory >= limits.MEMORY_BYTES_MIN, "give the machine 1 GiB or more")
    for folder in (places.ROOT, existing):
        yield Finding(f"{folder} is writable", os.access(folder, os.W_OK), f"sudo chown -R {os.geteuid()} {folder}")


def check_servers() -> Iterator[Finding]:
    """The database and Redis that the environment names, or none."""
    for name, default in (("DATABASE_URL", 5432), ("OWNER_DATABASE_URL", 5432), ("REDIS_URL", 6379)):
        url = os.environ.get(name)
        if url:
            mend = f"start it, or mend the address: {name}={urlsplit(url).scheme}://user:password@host:{default}/name"
            yield Finding(f"{name} is reachable", is_reachable(url, default), mend)
    if not os.environ.get("DATABASE_URL"):
        yield Finding("PostgreSQL: embedded")
    elif not os.environ.get("OWNER_DATABASE_URL"):
        yield Finding("OWNER_DATABASE_URL is not set", False, "psql -f deploy/roles.sql, then set it")
    if not os.environ.get("REDIS_URL"):
        yield Finding("Redis: embedded")


def check_tools() -> Iterator[Finding]:
    """The programs that tests talk to."""
    for name, package in (tools.PACKAGES | tools.COMPILERS).items():
        found = tools.find(name)
        mend = f"`make test` gets it; or: apt-get install {package}"
        yield Finding(f"{name} ({found or 'not found'})", found is not None, mend, is_needed=False)


def check_environment() -> Iterator[Finding]:
    """The virtual environment, once it is made."""
    python = places.VENV / "bin" / "python"
    if not python.exists():
        yield Finding("packages: not installed yet; `make run` does it")
        return
    done = subprocess.run([python, "-c", "import django, psycopg, uvloop"], capture_output=True, check=False)
    yield Finding("installed packages", done.returncode == 0, f"rm -rf {places.VENV} && make run")


def check_form() -> Iterator[Finding]:
    """In which form a node started now would run the SIP stack."""
    if compiled.in_wheel() or compiled.folder().is_dir():
        yield Finding("SIP stack: compiled, of these sources")
        return
    is_old = any((places.ROOT / "build" / "compiled").glob("*"))
    why = "what was compiled is of other sources" if is_old else "nothing is compiled"
    yield Finding(f"SIP stack: interpreted ({why})", False, "make compile: a call costs less CPU", is_needed=False)


CHECKS = (check_python, check_environment, check_form, check_ports, check_room, check_servers, check_tools)


def is_reachable(url: str, default_port: int) -> bool:
    """Return whether somebody listens at a database's or a Redis's address."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return _listens(socket.AF_UNIX, parts.path)
    folder = dict(parse_qsl(parts.query)).get("host") or ""
    if folder.startswith("/"):
        return _listens(socket.AF_UNIX, str(Path(folder) / f".s.PGSQL.{parts.port or default_port}"))
    return _listens(socket.AF_INET, (folder or parts.hostname or "localhost", parts.port or default_port))


def _listens(family: socket.AddressFamily, address: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(REACH_S_MAX)
        try:
            client.connect(address)
        except OSError:
            return False
    return True


def _gib(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB"
