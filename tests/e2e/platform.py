"""The whole platform, started by its own supervisor, in a folder, on ports and at an address of its own."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.rows import dict_row

from tests.sip.peers.sipp import REALM
from voip.node.workers import worker_name
from voip.platform import places
from voip.platform.deathwatch import children_of, descendants_of
from voip.platform.environment import read

HOST = "127.0.0.20"
READY_LINE = "Trunkline is ready"
START_S_MAX = 240.0
STOP_S_MAX = 90.0
WAIT_S_MAX = 60.0
"""For whatever must come in the end: no test measures time, it only gives up at last."""
DAEMONS = ("postgres", "redis", "web", "worker", "beat", "sipnode", "cdrloader")

Answer = TypeVar("Answer")


def wait_for(what: str, question: Callable[[], Answer], timeout_s: float = WAIT_S_MAX) -> Answer:
    """Ask until the answer is true and return it.

    Raises:
        AssertionError: it never was; the text holds the last answer.
    """
    until = time.monotonic() + timeout_s
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < until, f"{what}: not within {timeout_s:g} s; at last {answer!r}"
        time.sleep(0.02)


class Platform:
    """``start`` once, ``stop`` once; between them it may be beaten in any way."""

    def __init__(self, folder: Path, host: str = HOST, workers: int = 1) -> None:
        self.folder = folder
        self.host = host
        self.workers = workers
        """Processes of its node."""
        self.var = folder / "var"
        self.web_port = free_port(host, socket.SOCK_STREAM)
        self.sip_port = free_port(host, socket.SOCK_DGRAM)
        self._process: subprocess.Popen[str] | None = None
        self._office: subprocess.Popen[str] | None = None
        self._is_ready = threading.Event()
        self.output: list[str] = []

    @property
    def sip(self) -> tuple[str, int]:
        """Where the node listens."""
        return (self.host, self.sip_port)

    def spools(self) -> list[Path]:
        """Return the folders of the node's journals."""
        return [self.var / "spool" / worker_name("node1", worker) for worker in range(self.workers)]

    def environment(self) -> dict[str, str]:
        """Return the environment in which `make run` starts it: nothing of the tests' own servers is left."""
        theirs = ("DATABASE_URL", "OWNER_DATABASE_URL", "REDIS_URL", "SECRET_KEY", "VAR_DIR", "DJANGO_SETTINGS_MODULE")
        return {name: value for name, value in os.environ.items() if name not in theirs} | {
            "VAR_DIR": str(self.var),
            "WEB_PORT": str(self.web_port),
            "SIP_PORT": str(self.sip_port),
            "LISTEN_HOST": self.host,
            "SIP_REALM": REALM,
            "NODE_NAME": "node1",
            "SIP_WORKERS": str(self.workers),
        }

    def start(self) -> None:
        """Start everything and wait until it says that it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "voip.platform.launcher", "run"],
            cwd=places.ROOT, env=self.environment(), text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        threading.Thread(target=self._read_output, daemon=True).start()
        assert self._is_ready.wait(START_S_MAX), f"not ready after {START_S_MAX:g} s:\n{self.said()}"
        assert self._process.poll() is None, f"the platform ended:\n{self.said()}"

    def _read_output(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.output.append(line)
            if READY_LINE in line:
                self._is_ready.set()
        self._is_ready.set()

    def said(self) -> str:
        """What it wrote on its console."""
        return "".join(self.output[-60:])

    def stop(self) -> int | None:
        """Tell it to stop and return its exit status."""
        if self._office is not None and self._office.stdin is not None:
            self._office.stdin.close()
            self._office.wait(STOP_S_MAX)
            self._office = None
        if self._process is None:
            return None
        self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return None

    def delete(self) -> None:
        """Delete its state as `make reset` does, the database that root keeps elsewhere included."""
        command = "import sys; from voip.platform import control; sys.exit(control.main('reset'))"
        subprocess.run(
            [sys.executable, "-c", command], check=True, cwd=places.ROOT,
            env=self.environment() | {"CONFIRM": "yes"}, stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def processes(self) -> list[int]:
        """Return every running process that has the platform's folder in its environment or command."""
        mark = os.fsencode(self.var)
        homes = {mark, os.fsencode((self.var / "pg").resolve())}
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                text = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
                is_zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            except (OSError, IndexError):
                continue
            if not is_zombie and any(home in text for home in homes) and int(folder.name) != os.getpid():
                found.append(int(folder.name))
        return found

    def state(self, name: str) -> dict[str, Any]:
        """Return what the supervisor says of a process."""
        values: dict[str, Any] = json.loads((self.var / "run" / "state.json").read_text())["processes"][name]
        return values

    def pid(self, name: str) -> int:
        """Return the process id, 0 while it is not running."""
        return int(self.state(name)["pid"])

    def signal(self, name: str, number: int) -> int:
        """Send a signal to a process; returns its pid, 0 when none was running."""
        pid = self.pid(name)
        return pid if pid and send(pid, number) else 0

    def signal_worker(self, number: int, dice: random.Random) -> int:
        """Send a signal to one of the node's workers; returns its pid, 0 when none was running."""
        pid = self.pid("sipnode")
        workers = sorted(children_of(pid)) if pid else []
        worker = dice.choice(workers) if workers else 0
        return worker if worker and send(worker, number) else 0

    def supervisor_pid(self) -> int:
        """Return the pid of the process that starts all others."""
        return int(json.loads((self.var / "run" / "state.json").read_text())["supervisor"]["pid"])

    def family(self, name: str) -> list[int]:
        """Return the pids of a process and of all below it."""
        pid = self.pid(name)
        return [pid, *descendants_of(pid)]

    def is_ready(self, name: str, after: int = 0) -> bool:
        """Tell whether a process is ready, as another one than pid ``after``."""
        state = self.state(name)
        return state["state"] == "ready" and state["pid"] not in (0, after)

    def wait_ready(self, *names: str) -> None:
        """Wait until these are ready."""
        for name in names or DAEMONS:
            wait_for(f"{name} ready", lambda name=name: self.is_ready(name))  # type: ignore[misc]

    def kill(self, name: str) -> None:
        """Kill a process without warning and wait until its successor is ready."""
        pid = self.signal(name, signal.SIGKILL)
        wait_for(f"{name} back", lambda: self.is_ready(name, pid))

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.var / "log" / f"{name}.log").read_text(errors="replace")

    def facts(self) -> dict[str, Any]:
        """Return the demo's facts."""
        values: dict[str, Any] = json.loads((self.var / "demo.json").read_text())
        return values

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Ask the database, as the app's role that sees all tenants."""
        url = read(self.var / "env")["DATABASE_URL"]
        with psycopg.connect(url, options="-c app.all_tenants=on", connect_timeout=5, row_factory=dict_row) as link:
            return link.execute(query, values).fetchall()

    def one(self, query: str, *values: Any) -> Any:
        """Return the only value of the only row."""
        [row] = self.rows(query, *values)
        [value] = row.values()
        return value

    def ask(self, question: str, **arguments: Any) -> Any:
        """Put a question to the back office (``tests.e2e.office``)."""
        if self._office is None:
            settings = read(self.var / "env")
            self._office = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.office"],
                cwd=places.ROOT, env=self.environment() | settings, text=True, bufsize=1,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._office.stdin is not None
        assert self._office.stdout is not None
        self._office.stdin.write(json.dumps([question, arguments]) + "\n")
        line = self._office.stdout.readline()
        assert line, f"the office ended at {question}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["is"]


def send(pid: int, number: int) -> bool:
    """Send a signal; ``False`` when there is no such process any more."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def free_port(host: str, kind: socket.SocketKind) -> int:
    """Return a port with room for the carrier's ten above it."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        port = int(probe.getsockname()[1])
    return port if port < 65_000 else free_port(host, kind)
