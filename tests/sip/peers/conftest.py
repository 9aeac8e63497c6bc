"""A static node for real peers, one a test, and its spool."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sip.cdr.frames import Frame, decode
from sip.cdr.record import CallRecord
from sip.cdr.spool import list_segments, parse_payload, segment_path
from tests.sip.peers import sipp, static_node

HOST = "127.0.0.31"
START_S_MAX = 20.0


@dataclass
class StaticNode:
    """A node process; ``folder`` holds the peers' files, ``spool`` its journal."""

    folder: Path
    port: int
    host: str = HOST
    redis_url: str = "-"
    """Where registrations and messages are kept; "-" for nowhere."""
    process: subprocess.Popen[bytes] | None = None
    restored: int = 0
    runs: list[sipp.Run] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)
    """See ``static_node.settings``; before ``start``."""

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return (self.host, self.port)

    @property
    def spool(self) -> Path:
        """Folder of its journal."""
        return self.folder / "spool"

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "tests.sip.peers.static_node", str(self.spool), self.host, str(self.port)]
        command.append(self.redis_url)
        env = os.environ | {static_node.SETTINGS: json.dumps(self.settings)}
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3], env=env)
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S_MAX)
        line = os.read(self.process.stdout.fileno(), 200).decode() if readable else ""
        assert line.startswith("ready"), f"the node did not start: {line!r}"
        self.restored = int(line.split()[1])

    def kill(self) -> None:
        """Kill the process without warning."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End everything."""
        for run in self.runs:
            run.stop()
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(15)

    def sipp(self, name: str, steps: str, port: int, **settings: object) -> sipp.Run:
        """Start a sipp on ``port`` of its own address."""
        run = sipp.start(self.folder, name, steps, (self.host, port), self.address, **settings)  # type: ignore[arg-type]
        self.runs.append(run)
        return run

    def register(self, port: int, user: str, extra: tuple[str, ...] = ()) -> None:
        """Register a line at ``port``."""
        self.sipp(f"register-{user}", sipp.register(), port, user=user, extra=extra).wait()

    def records(self, count: int, timeout_s: float = 5.0) -> list[CallRecord]:
        """Return all call records once there are ``count`` of them, however many there are at the end."""
        until = time.monotonic() + timeout_s
        while True:
            found = self._read()
            if len(found) >= count or time.monotonic() > until:
                return found
            time.sleep(0.05)

    def _read(self) -> list[CallRecord]:
        return read_records(self.spool)


def read_records(spool: Path) -> list[CallRecord]:
    """Return all call records in a spool."""
    found: list[CallRecord] = []
    for number in list_segments(spool):
        for item in decode(segment_path(spool, number).read_bytes()):
            payload = parse_payload(item.payload) if isinstance(item, Frame) else None
            if payload is not None and payload.get("t") == "end":
                found.append(CallRecord.from_json(payload["record"]))
    return found


def free_port(host: str = HOST) -> int:
    """Return a port with room for ten more above it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return min(int(probe.getsockname()[1]), 65_000)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[StaticNode]:
    """A node that runs."""
    made = StaticNode(tmp_path, free_port())
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def ports() -> Callable[[], int]:
    """Free ports for peers."""
    return free_port
