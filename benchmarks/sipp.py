"""One offered load: sipp calls through a server to sipp, or registers at it, and what each of them counted."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

SCENARIOS = Path(__file__).with_name("scenarios")
CALLS_OPEN_MAX = 20_000
PORTS_MAX = 2_000
"""More than calls are open at once."""
START_S = 0.4
"""sipp has bound its socket by then."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where server, called and calling side listen: three loopback addresses, so that nobody shares a port."""

    server: str = "127.0.0.2:5060"
    callee: str = "127.0.0.3:5080"
    caller: str = "127.0.0.4:5070"


@dataclass(frozen=True, slots=True)
class Load:
    """What is offered."""

    rate: float
    calls: int
    users: Path | None
    number: str = "12125550199"
    is_register: bool = False
    """Registrations instead of calls."""
    has_many_ports: bool = False
    """A source port for each call, so that the kernel spreads them over a server's sockets."""
    is_timed: bool = False
    """Waiting times are written down, which costs sipp something."""

    @property
    def scenario(self) -> str:
        """Return the calling side's file."""
        if self.is_register:
            return "uac_register.xml"
        return "uac_call_auth.xml" if self.users else "uac_call.xml"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sipp counted; ``tool_cpu_s`` is what both sipp used themselves."""

    succeeded: int
    failed: int
    retransmissions: int
    wall_s: float
    tool_cpu_s: float
    waits_ms: dict[int, list[float]] = field(default_factory=dict)
    """From 1, the first request, and 2, the one with credentials, until its answer: 401, 407, 180, REGISTER's 200."""


def offer(load: Load, at: Addresses) -> Outcome:
    """Run one load to its end."""
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as folder:
        callee_csv, caller_csv = Path(folder, "callee.csv"), Path(folder, "caller.csv")
        callee = None if load.is_register else _start("uas_call.xml", at.callee, callee_csv, [])
        time.sleep(START_S)
        began = time.monotonic()
        caller = _start(load.scenario, at.caller, caller_csv, [*_arguments(load), at.server])
        tool_cpu_s = _finish(caller, load.calls / load.rate * 3 + 30)
        wall_s = time.monotonic() - began
        if callee is not None:
            callee.send_signal(signal.SIGUSR1)
            tool_cpu_s += _finish(callee, 10)
        mine, theirs = _last_row(caller_csv), _last_row(callee_csv)
        waits_ms = _waits_ms(Path(folder))
    retransmissions = _count(mine, "Retransmissions(C)") + _count(theirs, "Retransmissions(C)")
    succeeded, failed = _count(mine, "SuccessfulCall(C)"), _count(mine, "FailedCall(C)")
    return Outcome(succeeded, failed, retransmissions, wall_s, tool_cpu_s, waits_ms)


def _arguments(load: Load) -> list[str]:
    open_max = PORTS_MAX if load.has_many_ports else CALLS_OPEN_MAX
    words = ["-r", str(load.rate), "-m", str(load.calls), "-l", str(open_max), "-s", load.number]
    words += ["-recv_timeout", "20000"]
    if load.users:
        words += ["-inf", str(load.users)]
    if load.has_many_ports:
        words += ["-t", "un", "-max_socket", str(PORTS_MAX)]
    else:
        words += ["-t", "u1"]
    if load.is_timed:
        words += ["-trace_rtt", "-rtt_freq", "1"]
    return words


def _waits_ms(folder: Path) -> dict[int, list[float]]:
    """Return what sipp wrote down with ``-trace_rtt``: rows of date, milliseconds and number of the stretch."""
    found: dict[int, list[float]] = {}
    for path in folder.glob("*_rtt.csv"):
        for line in path.read_text().splitlines()[1:]:
            _, wait_ms, number = line.split(";")[:3]
            found.setdefault(int(number), []).append(float(wait_ms))
    return found


def _start(scenario: str, address: str, statistics: Path, more: list[str]) -> subprocess.Popen[bytes]:
    host, port = address.split(":")
    command = ["sipp", "-sf", str(SCENARIOS / scenario), "-i", host, "-p", port, "-mi", host]
    command += ["-nostdin", "-trace_stat", "-fd", "1", "-stf", str(statistics), "-buff_size", "4000000"]
    return subprocess.Popen(
        [*command, "-max_retrans", "6", *more],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=statistics.parent,
        env={**os.environ, "TERM": "dumb"},
    )


def _finish(process: subprocess.Popen[bytes], patience_s: float) -> float:
    """Wait for a sipp to end, press it if it does not, and return its CPU seconds."""
    deadline = time.monotonic() + patience_s
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return usage.ru_utime + usage.ru_stime
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.02)


def _last_row(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return rows[-1] if rows else {}


def _count(row: dict[str, str], name: str) -> int:
    try:
        return int(float(row.get(name) or 0))
    except ValueError:
        return 0
