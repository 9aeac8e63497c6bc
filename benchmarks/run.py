"""`make bench`: CPU per call and registration beside Kamailio and Sippy, and waiting times, in one run on one machine.

Each server is started, warmed, loaded and stopped in turn, forwards in one round and backwards in the next, so that
what the machine does meanwhile meets all of them. CPU is that of all of a server's processes and its database.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import trunkline
from benchmarks.cpu import cpu_by_name_s, cpu_s
from benchmarks.peers import KamailioDatabase, bare, kamailio, sippy_server, users_file
from benchmarks.servers import Server, running, stop
from benchmarks.sipp import Addresses, Load, Outcome, offer
from voip.platform import compiled

ROOT = Path(__file__).resolve().parent.parent
WARM_CALLS = 300
SETTLE_S = 3.0
"""What a call leaves to be done (records, rating, postings) is done by then, and counts."""
CALLS = ("trunkline", "kamailio-sbc-db", "kamailio-sbc-log", "trunkline-b2bua", "kamailio-proxy", "sippy-simple")
REGISTRATIONS = ("trunkline-register", "kamailio-registrar-db")
NAMES = (*CALLS, *REGISTRATIONS)
PLATFORM = ("trunkline", "trunkline-register")
REFERENCES = {
    "trunkline": "kamailio-sbc-db",
    "kamailio-sbc-log": "kamailio-sbc-db",
    "trunkline-b2bua": "kamailio-proxy",
    "sippy-simple": "kamailio-proxy",
    "trunkline-register": "kamailio-registrar-db",
}
"""What a server's cost is divided by; its own where none is named."""


@dataclass(slots=True)
class Measured:
    """One server's rounds."""

    rate: float = 0.0
    cpu_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    tool_ms: list[float] = field(default_factory=list)
    failed: int = 0
    retransmissions: int = 0
    by_process_ms: dict[str, float] = field(default_factory=dict)
    waits_ms: dict[int, list[float]] = field(default_factory=lambda: {1: [], 2: []})
    """All rounds' waits at half the rate, until the first request's answer and until that of the one that counts."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """How it is measured."""

    rate: float
    """Calls a second."""
    register_rate: float
    """Registrations a second."""
    seconds: float
    """Of load a round."""
    timed_seconds: float
    """Of load at half the rate, whose waiting times are noted; 0 for none."""
    workers: int
    """Processes of our node."""


class Bench:
    """One run."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings, self._folder = settings, folder
        self._at = Addresses()
        folder.mkdir(parents=True, exist_ok=True)
        self._users = users_file(folder / "users.csv")
        self._database = KamailioDatabase(folder)
        self.measured: dict[str, Measured] = {}

    def round(self, names: list[str]) -> None:
        """Measure each server once."""
        for name in names:
            self._one(name, self.measured.setdefault(name, Measured()))

    def close(self) -> None:
        """Stop what the peers share."""
        self._database.stop()

    def _one(self, name: str, result: Measured) -> None:
        server, process, database_pid = self._start(name)
        settings = self._settings
        try:
            result.rate = min(settings.register_rate if server.is_registrar else settings.rate, server.rate_max)
            offer(self._load_of(server, min(result.rate, 300), WARM_CALLS), self._at)
            time.sleep(SETTLE_S)
            calls = max(200, int(result.rate * settings.seconds))
            self._measure(process.pid, database_pid, self._load_of(server, result.rate, calls), result)
            if settings.timed_seconds:
                self._time(server, result)
            if name == "trunkline":
                result.note = str(trunkline.check_books(self._folder / "trunkline", self._at.server))
        finally:
            stop(process)

    def _load_of(self, server: Server, rate: float, calls: int, *, is_timed: bool = False) -> Load:
        users = self._users if server.authenticates else None
        many = self._settings.workers > 1
        return Load(rate, calls, users, is_register=server.is_registrar, has_many_ports=many, is_timed=is_timed)

    def _measure(self, pid: int, database_pid: int | None, load: Load, result: Measured) -> None:
        names_before, before = cpu_by_name_s(pid), cpu_s(pid)
        database_before = cpu_s(database_pid) if database_pid else 0.0
        outcome: Outcome = offer(load, self._at)
        time.sleep(SETTLE_S)
        calls = max(1, outcome.succeeded + outcome.failed)
        database_ms = (cpu_s(database_pid) - database_before) * 1000 / calls if database_pid else 0.0
        result.cpu_ms.append((cpu_s(pid) - before) * 1000 / calls + database_ms)
        result.database_ms.append(database_ms)
        result.tool_ms.append(outcome.tool_cpu_s * 1000 / calls)
        result.failed += outcome.failed
        result.retransmissions += outcome.retransmissions
        result.by_process_ms = {
            name: round((used - names_before.get(name, 0.0)) * 1000 / calls, 3)
            for name, used in cpu_by_name_s(pid).items()
        }

    def _time(self, server: Server, result: Measured) -> None:
        """Offer half the rate and note how long each answer took."""
        rate = result.rate / 2
        outcome = offer(self._load_of(server, rate, int(rate * self._settings.timed_seconds), is_timed=True), self._at)
        result.failed += outcome.failed
        for stretch, waits_ms in result.waits_ms.items():
            waits_ms.extend(outcome.waits_ms.get(stretch, ()))

    def _start(self, name: str) -> tuple[Server, subprocess.Popen[bytes], int | None]:
        at = self._at
        if name in PLATFORM:
            folder = self._folder / "trunkline"
            server = trunkline.server(folder, at.server, self._settings.workers, is_registrar=name != "trunkline")
            return server, trunkline.started(server, folder, at.callee), None
        database_pid = None
        if name.endswith("-db"):
            if self._database.process is None:
                self._database.start()
            assert self._database.process is not None
            database_pid = self._database.process.pid
        server = self._peer(name)
        return server, running(server, at.server, self._folder / f"{name}.log"), database_pid

    def _peer(self, name: str) -> Server:
        at = self._at
        if name == "trunkline-b2bua":
            return bare(at.server, at.callee, at.caller, self._settings.workers)
        if name == "sippy-simple":
            return sippy_server(self._folder, at.server, at.callee)
        url = self._database.url if name.endswith("-db") else ""
        return kamailio(name.removeprefix("kamailio-"), at.server, at.callee, url)


def print_table(measured: dict[str, Measured]) -> None:
    """Print medians, spread, ratios to ``REFERENCES``, and waiting times."""
    header = ("server", "rate/s", "CPU ms", "min", "max", "of it db", "ratio", "p50", "p99", "p50 full", "p99 full")
    print("{:<22}{:>7}{:>9}{:>8}{:>8}{:>10}{:>8}{:>8}{:>8}{:>10}{:>10}".format(*header), end="")
    print(f"{'sipp':>8}{'failed':>8}{'repeats':>9}")
    for name, result in measured.items():
        base = measured.get(REFERENCES.get(name, name))
        cpu = statistics.median(result.cpu_ms)
        ratio = cpu / statistics.median(base.cpu_ms) if base is not None else float("nan")
        waits = [quantile(result.waits_ms[stretch], part) for stretch in (1, 2) for part in (0.5, 0.99)]
        print(
            f"{name:<22}{result.rate:>7.0f}{cpu:>9.3f}{min(result.cpu_ms):>8.3f}{max(result.cpu_ms):>8.3f}"
            f"{statistics.median(result.database_ms):>10.3f}{ratio:>8.2f}"
            f"{waits[0]:>8.1f}{waits[1]:>8.1f}{waits[2]:>10.1f}{waits[3]:>10.1f}"
            f"{statistics.median(result.tool_ms):>8.3f}{result.failed:>8}{result.retransmissions:>9}"
        )
    for name, result in measured.items():
        if len(result.by_process_ms) > 1:
            print(f"{name}: CPU ms by process {result.by_process_ms}; afterwards {result.note or 'nothing to check'}")


def quantile(values: list[float], part: float) -> float:
    """Return the value that ``part`` of all are not above; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="calls a second")
    parser.add_argument("--register-rate", type=float, default=500, help="registrations a second")
    parser.add_argument("--seconds", type=float, default=10, help="of load a round")
    parser.add_argument("--timed-seconds", type=float, default=5, help="of load at half the rate, for waiting times")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="processes of our node (SIP_WORKERS)")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("names", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}")
    arguments = parser.parse_args()
    names = list(arguments.names)
    settings = Settings(
        arguments.rate, arguments.register_rate, arguments.seconds, arguments.timed_seconds, arguments.workers
    )
    built = compiled.folder().is_dir()
    print("our stack is compiled" if built else "our stack is interpreted: `make compile` has built nothing that fits")
    bench = Bench(settings, arguments.folder.resolve())
    try:
        for number in range(arguments.rounds):
            bench.round(names if number % 2 == 0 else names[::-1])
            print(f"round {number + 1} of {arguments.rounds} done", flush=True)
    finally:
        bench.close()
    print_table(bench.measured)


if __name__ == "__main__":
    main()
