"""`make bench`: CPU per call of the whole platform beside Kamailio and Sippy, in one run on one machine.

Each server is started, warmed, loaded and stopped in turn, forwards in one round and backwards in the next, so that
what the machine does meanwhile meets all of them. CPU is that of all of a server's processes and its database.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import trunkline
from benchmarks.cpu import cpu_by_name_s, cpu_s
from benchmarks.peers import KamailioDatabase, kamailio, sippy_server, users_file
from benchmarks.servers import Server, running, stop
from benchmarks.sipp import Addresses, Load, Outcome, offer

ROOT = Path(__file__).resolve().parent.parent
WARM_CALLS = 300
SETTLE_S = 3.0
"""What a call leaves to be done (records, rating, postings) is done by then, and counts."""
NAMES = ("trunkline", "kamailio-sbc-db", "kamailio-sbc-log", "kamailio-proxy", "sippy-simple")


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
    note: str = ""


class Bench:
    """One run."""

    def __init__(self, rate: float, seconds: float, folder: Path) -> None:
        self._rate, self._seconds, self._folder = rate, seconds, folder
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
        try:
            result.rate = min(self._rate, server.rate_max)
            users = self._users if server.authenticates else None
            offer(Load(min(result.rate, 300), WARM_CALLS, users), self._at)
            time.sleep(SETTLE_S)
            self._load(server, process.pid, database_pid, Load(result.rate, self._calls(result.rate), users), result)
            if name == "trunkline":
                result.note = str(trunkline.check_books(self._folder / "trunkline", self._at.server))
        finally:
            stop(process)

    def _load(self, server: Server, pid: int, database_pid: int | None, load: Load, result: Measured) -> None:
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

    def _calls(self, rate: float) -> int:
        return max(200, int(rate * self._seconds))

    def _start(self, name: str) -> tuple[Server, subprocess.Popen[bytes], int | None]:
        address, callee = self._at.server, self._at.callee
        if name == "trunkline":
            folder = self._folder / "trunkline"
            return trunkline.server(folder, address), trunkline.started(folder, address, callee), None
        database_pid = None
        if name == "kamailio-sbc-db":
            if self._database.process is None:
                self._database.start()
            assert self._database.process is not None
            database_pid = self._database.process.pid
        make: dict[str, Callable[[], Server]] = {
            "kamailio-sbc-db": lambda: kamailio("sbc-db", address, callee, self._database.url),
            "kamailio-sbc-log": lambda: kamailio("sbc-log", address, callee),
            "kamailio-proxy": lambda: kamailio("proxy", address, callee),
            "sippy-simple": lambda: sippy_server(self._folder, address, callee),
        }
        server = make[name]()
        return server, running(server, address, self._folder / f"{name}.log"), database_pid


def print_table(measured: dict[str, Measured], reference: str) -> None:
    """Print medians, spread and ratios to ``reference``."""
    base = statistics.median(measured[reference].cpu_ms) if reference in measured else float("nan")
    header = ("server", "calls/s", "CPU ms/call", "min", "max", "of it db", "ratio", "sipp ms", "failed", "repeats")
    print("{:<18}{:>9}{:>13}{:>8}{:>8}{:>10}{:>8}{:>9}{:>8}{:>9}".format(*header))
    for name, result in measured.items():
        cpu = statistics.median(result.cpu_ms)
        database, tool = statistics.median(result.database_ms), statistics.median(result.tool_ms)
        print(
            f"{name:<18}{result.rate:>9.0f}{cpu:>13.3f}{min(result.cpu_ms):>8.3f}{max(result.cpu_ms):>8.3f}"
            f"{database:>10.3f}{cpu / base:>8.2f}{tool:>9.3f}{result.failed:>8}{result.retransmissions:>9}"
        )
    for name, result in measured.items():
        if result.note:
            print(f"{name}: CPU ms/call by process {result.by_process_ms}; afterwards {result.note}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rate", type=float, default=200, help="calls a second")
    parser.add_argument("--seconds", type=float, default=10, help="of load a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--reference", default="kamailio-sbc-db")
    parser.add_argument("--folder", type=Path, default=ROOT / "var" / "bench")
    parser.add_argument("names", nargs="*", default=NAMES, help=f"of {', '.join(NAMES)}")
    arguments = parser.parse_args()
    names = list(arguments.names)
    bench = Bench(arguments.rate, arguments.seconds, arguments.folder.resolve())
    try:
        for number in range(arguments.rounds):
            bench.round(names if number % 2 == 0 else names[::-1])
            print(f"round {number + 1} of {arguments.rounds} done", flush=True)
    finally:
        bench.close()
    print_table(bench.measured, arguments.reference)


if __name__ == "__main__":
    main()
