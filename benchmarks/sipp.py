"""One offered load: sipp calls through a server to sipp, and what each of them counted."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SCENARIOS = Path(__file__).with_name("scenarios")
CALLS_OPEN_MAX = 20_000
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What sipp counted; ``tool_cpu_s`` is what both sipp used themselves."""

    succeeded: int
    failed: int
    retransmissions: int
    wall_s: float
    tool_cpu_s: float


def offer(load: Load, at: Addresses) -> Outcome:
    """Run one load to its end."""
    with tempfile.TemporaryDirectory(prefix="trunkline-bench-") as folder:
        callee_csv, caller_csv = Path(folder, "callee.csv"), Path(folder, "caller.csv")
        callee = _start("uas_call.xml", at.callee, callee_csv, [])
        time.sleep(START_S)
        arguments = ["-r", str(load.rate), "-m", str(load.calls), "-l", str(CALLS_OPEN_MAX), "-s", load.number]
        arguments += ["-recv_timeout", "20000", "-inf", str(load.users)] if load.users else ["-recv_timeout", "20000"]
        scenario = "uac_call_auth.xml" if load.users else "uac_call.xml"
        began = time.monotonic()
        caller = _start(scenario, at.caller, caller_csv, [*arguments, at.server])
        caller_cpu_s = _finish(caller, load.calls / load.rate * 3 + 30)
        wall_s = time.monotonic() - began
        callee.send_signal(signal.SIGUSR1)
        callee_cpu_s = _finish(callee, 10)
        mine, theirs = _last_row(caller_csv), _last_row(callee_csv)
    retransmissions = _count(mine, "Retransmissions(C)") + _count(theirs, "Retransmissions(C)")
    return Outcome(
        _count(mine, "SuccessfulCall(C)"),
        _count(mine, "FailedCall(C)"),
        retransmissions,
        wall_s,
        caller_cpu_s + callee_cpu_s,
    )


def _start(scenario: str, address: str, statistics: Path, more: list[str]) -> subprocess.Popen[bytes]:
    host, port = address.split(":")
    command = ["sipp", "-sf", str(SCENARIOS / scenario), "-i", host, "-p", port, "-mi", host, "-t", "u1"]
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
