"""The servers that are measured: how each is started, what database it uses, and how it is stopped.

Every server gets the same machine, the same load and the same rest; a server's cost is the CPU of all its processes
and of its database together.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cpu import tree

HERE = Path(__file__).parent
START_S_MAX = 60.0
STOP_S_MAX = 15.0


@dataclass(slots=True)
class Server:
    """A server under test."""

    name: str
    command: list[str]
    authenticates: bool
    environment: dict[str, str] = field(default_factory=dict)
    rate_max: float = 1e9
    """Above this the server sheds load, and a cost per call would mean nothing."""
    is_registrar: bool = False
    """It is asked for registrations, not for calls."""


def running(server: Server, address: str, log: Path) -> subprocess.Popen[bytes]:
    """Start a server and wait until its port is bound.

    Raises:
        RuntimeError: it ended early or did not bind in time; the message holds the end of its log.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, **server.environment},
        )
    deadline = time.monotonic() + START_S_MAX
    while not _bound(address):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise RuntimeError(f"{server.name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    return process


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server and whatever it left behind."""
    pids = tree(process.pid)
    process.terminate()
    try:
        process.wait(STOP_S_MAX)
    except subprocess.TimeoutExpired:
        for pid in pids:
            _kill(pid)
        process.wait()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _bound(address: str) -> bool:
    host, port = address.split(":")
    packed = socket.inet_aton(host)[::-1].hex().upper()
    wanted = {f"{packed}:{int(port):04X}", f"00000000:{int(port):04X}"}
    return any(line.split()[1] in wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])


_KAMAILIO = {
    "proxy": ("proxy.cfg", "2", ""),
    "sbc-log": ("sbc.cfg", "2", "-A AUTH_STATIC -A ACC_LOG -A WITH_TOPOH -A WITH_DIALOG"),
    "sbc-db": ("sbc.cfg", "4", "-A AUTH_DB -A ACC_DB -A WITH_TOPOH -A WITH_DIALOG"),
    "registrar-db": ("registrar.cfg", "4", ""),
}
"""Configuration, workers (more where each waits for its database) and what is switched on."""


def kamailio(name: str, address: str, callee: str, database_url: str = "") -> Server:
    """Return Kamailio as one of ``_KAMAILIO``; with its faster allocator, as one would run it."""
    file, workers, defines = _KAMAILIO[name]
    config = HERE / "kamailio" / file
    line = f"-DD -E -n {workers} -x fm -X fm -m 1024 -M 16 -f {shlex.quote(str(config))} -l udp:{address} {defines}"
    return Server(
        f"kamailio-{name}",
        [_program("kamailio"), *shlex.split(line)],
        name != "proxy",
        {"UAS_HOSTPORT": callee, "DB_URL": database_url or "postgres://none"},
        is_registrar=name == "registrar-db",
    )


def bare(address: str, callee: str, caller: str, workers: int) -> Server:
    """Return our stack and switch alone: a B2BUA without digest, money, records and database."""
    command = [sys.executable, "-m", "benchmarks.bare_node", address, callee, caller, str(workers)]
    return Server("trunkline-b2bua", command, False)


def sippy(python: Path, address: str, callee: str) -> Server:
    """Return Sippy's simple B2BUA; it keeps up with 80 calls a second and is measured there."""
    host, port = address.split(":")
    script = python.parent / "b2bua_simple"
    command = [str(python), str(script), "-f", "-l", host, "-p", port, "-n", callee]
    return Server("sippy-simple", command, False, {"SIPLOG_BEND": "none"}, rate_max=80)


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise RuntimeError(f"{name} is not installed: apt-get install {name} kamailio-postgres-modules")
    return found
