"""kill -9 at random moments: what was told durable is there after it, and every open call comes back."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from sip.cdr.frames import Frame, decode
from sip.cdr.spool import list_segments, parse_payload, recover, segment_path

ROOT = Path(__file__).resolve().parents[3]


def write_and_kill(directory: Path, first: int, delay_s: float) -> tuple[set[str], set[str], list[str]]:
    """Return which calls the writer was told are open and ended, and which it got back at its start."""
    command = [sys.executable, "-m", "tests.sip.cdr.writer", str(directory), str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        recovered = process.stdout.readline().decode().removeprefix("recovered").strip()
        time.sleep(delay_s)
        process.kill()
        facts = [line.split() for line in process.stdout.read().decode().splitlines() if len(line.split()[-1]) == 32]
    opened = {call_id for kind, call_id in facts if kind == "open"}
    ended = {call_id for kind, call_id in facts if kind == "end"}
    return opened, ended, [call_id for call_id in recovered.split(",") if call_id]


def ended_in_spool(directory: Path) -> set[str]:
    found = set()
    for number in list_segments(directory):
        for item in decode(segment_path(directory, number).read_bytes()):
            payload = parse_payload(item.payload) if isinstance(item, Frame) else None
            if payload is not None and payload["t"] == "end":
                found.add(str(payload["record"]["call_id"]))
    return found


def test_a_writer_killed_at_random_moments_loses_nothing_it_was_told_is_durable(tmp_path: Path) -> None:
    directory = tmp_path / "node1"
    told_open: set[str] = set()
    told_ended: set[str] = set()
    chance = random.Random(20_261_123)
    for round_number in range(12):
        opened, ended, recovered = write_and_kill(directory, round_number * 1_000_000, chance.uniform(0.0, 0.25))
        in_spool = ended_in_spool(directory)
        assert told_ended <= in_spool
        assert told_open - in_spool <= set(recovered)
        assert not set(recovered) & told_ended
        told_open |= opened
        told_ended |= ended
    assert told_ended <= ended_in_spool(directory)
    assert told_open - ended_in_spool(directory) <= set(recover(directory))
    assert len(told_ended) >= 100
