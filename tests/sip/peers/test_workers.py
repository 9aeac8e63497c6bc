"""Four workers of one node with real peers: messages land anywhere, and a worker is killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sip.cdr.record import CallRecord
from tests.sip.peers import sipp
from tests.sip.peers.baresip import Baresip
from tests.sip.peers.conftest import START_S_MAX, StaticNode, free_port, read_records
from tests.sip.peers.scatter import Scatter
from tests.sip.peers.test_baresip import wait_for as wait_said

pytestmark = pytest.mark.integration

HOST = "127.0.0.38"
WORKERS = 4
PORT_EACH = ("-t", "un", "-max_socket", "1000")
"""A source port for each call: the kernel spreads them over the workers."""


@dataclass
class StaticCrew(StaticNode):
    """A node of four processes."""

    host: str = HOST
    pids: dict[str, int] = field(default_factory=dict)
    taken_up: dict[str, int] = field(default_factory=dict)
    scatters: list[Scatter] = field(default_factory=list)

    def start(self) -> None:
        """Start it and wait until every worker answers."""
        command = [sys.executable, "-m", "tests.sip.peers.static_node", str(self.spool), self.host, str(self.port)]
        self.process = subprocess.Popen(
            [*command, "-", str(WORKERS)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
        )
        for _ in range(WORKERS):
            self.read_ready()

    def read_ready(self) -> str:
        """Wait until one more worker is ready; returns its name."""
        assert self.process is not None
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S_MAX)
        line = b""
        while readable and not line.endswith(b"\n"):
            line += os.read(self.process.stdout.fileno(), 1)
        word, restored, name, pid = line.decode().split()
        assert word == "ready"
        self.pids[name] = int(pid)
        self.taken_up[name] = int(restored)
        return name

    def scattered(self, name: str, steps: str, port: int, **settings: object) -> sipp.Run:
        """Start a sipp whose every datagram comes from another port."""
        scatter = Scatter(self.host, self.address)
        self.scatters.append(scatter)
        run = sipp.start(
            self.folder,
            name,
            steps,
            (self.host, port),
            scatter.address,
            **settings,  # type: ignore[arg-type]
        )
        self.runs.append(run)
        return run

    def stop(self) -> None:
        """End everything."""
        super().stop()
        for scatter in self.scatters:
            scatter.close()

    def _read(self) -> list[CallRecord]:
        return [record for number in range(WORKERS) for record in read_records(self.spool / f"w{number}")]


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[StaticCrew]:
    """Four workers that run."""
    made = StaticCrew(tmp_path, free_port(HOST))
    try:
        made.start()
        yield made
    finally:
        made.stop()


def wait_for(run: sipp.Run, word: str, count: int) -> None:
    """Wait until so many calls of a sipp have come to a place in its scenario."""
    until = time.monotonic() + 20.0
    while len(run.logged(word)) < count and time.monotonic() < until:
        time.sleep(0.05)
    assert len(run.logged(word)) == count


def one_each(records: list[CallRecord]) -> bool:
    """Tell whether no call has two records."""
    return len({record.call_id for record in records}) == len(records)


def test_every_call_is_whole_and_recorded_once_wherever_its_messages_land(crew: StaticCrew) -> None:
    callee = free_port(HOST)
    crew.register(callee, "u2")
    crew.sipp("callee", sipp.answer(), callee, calls=80)
    caller = crew.scattered("caller", sipp.call("1002", 200), free_port(HOST), calls=80, rate=40)
    caller.wait()
    records = crew.records(80)
    assert len(records) == 80
    assert one_each(records)
    assert all(record.answered_at is not None for record in records)
    assert set(Counter(record.node for record in records)) == {"w0", "w1", "w2", "w3"}


def test_a_call_is_cancelled_whoever_gets_the_cancel(crew: StaticCrew) -> None:
    callee = free_port(HOST)
    crew.register(callee, "u2")
    crew.sipp("callee", sipp.ring_until_cancelled(), callee, calls=40)
    steps = (
        sipp.invite("1002") + sipp.recv(180) + sipp.cancel("1002", 2) + sipp.recv(200) + sipp.recv(487)
        + sipp.ack_failure("1002", 2)
    )  # fmt: skip
    crew.scattered("caller", steps, free_port(HOST), calls=40, rate=20).wait()
    records = crew.records(40)
    assert len(records) == 40
    assert {record.sip_status for record in records} == {487}


def test_phones_that_register_anywhere_are_called_from_anywhere(crew: StaticCrew) -> None:
    callees = [free_port(HOST) for _ in range(4)]
    for number, port in enumerate(callees, 2):
        crew.scattered(f"register-{number}", sipp.register(), port, user=f"u{number}").wait()
        crew.sipp(f"callee-{number}", sipp.answer(), port, calls=10)
    for number in range(2, 6):
        crew.sipp(f"caller-{number}", sipp.call(f"100{number}", 100), free_port(HOST), calls=10, extra=PORT_EACH)
    for run in crew.runs[-4:]:
        run.wait()
    assert len(crew.records(40)) == 40


def test_a_worker_killed_under_load_costs_no_call_and_no_record(crew: StaticCrew) -> None:
    callee = free_port(HOST)
    crew.register(callee, "u2")
    crew.sipp("callee", sipp.answer(), callee, calls=120)
    long = sipp.call("1002", 5000, log="up")
    first = crew.sipp("first", long, free_port(HOST), calls=60, rate=60, extra=PORT_EACH)
    wait_for(first, "up", 60)
    former = crew.pids["w2"]
    os.kill(former, signal.SIGKILL)
    second = crew.sipp("second", sipp.call("1002", 500), free_port(HOST), calls=60, rate=60, extra=PORT_EACH)
    assert crew.read_ready() == "w2"
    assert crew.pids["w2"] != former
    assert crew.taken_up["w2"] > 0
    first.wait()
    second.wait()
    records = crew.records(120)
    assert len(records) == 120
    assert one_each(records)
    assert all(record.answered_at is not None for record in records)
    others = [pid for name, pid in crew.pids.items() if name != "w2"]
    for pid in others:
        os.kill(pid, 0)


def test_a_phone_on_a_stream_is_called_over_the_worker_that_holds_it(crew: StaticCrew) -> None:
    phone = Baresip(
        crew.folder / "phone", "u2", "secret", HOST, free_port(HOST), 30_040, crew.address, 440.0, True, "tcp"
    )
    try:
        phone.start()
        wait_said(phone, "[1 binding]")
        caller = crew.sipp(
            "caller", sipp.call("1002", 100), free_port(HOST), calls=16, extra=(*PORT_EACH, "-l", "1"), rate=20
        )
        caller.wait()
    finally:
        phone.stop()
    records = crew.records(16)
    assert len(records) == 16
    assert {record.sip_status for record in records} == {200}
    assert len({record.node for record in records}) > 1
