"""The processes of a node: how many are started, what they are called, and what a larger crew of before left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sip.cdr.journal import Journal
from sip.io.binding import GivenSockets
from sip.io.crew import Membership
from voip.node.workers import crew_size, former_workers, place_of, worker_name


def leave_call(spool: Path, node: str, call_id: str, *, is_over: bool = False) -> None:
    """Let a worker of before have had a call."""
    journal = Journal(spool / node, node, lambda callback: None, lambda error: None)
    journal.append({"t": "open", "call_id": call_id, "state": {}})
    if is_over:
        journal.append({"t": "end", "record": {"call_id": call_id}})
    assert journal.close()


def test_the_first_worker_has_the_nodes_own_name() -> None:
    assert [worker_name("edge", number) for number in range(3)] == ["edge", "edge-w1", "edge-w2"]


@pytest.mark.parametrize("wanted", [0, -1, 22])
def test_a_number_of_workers_that_cannot_be_is_refused(tmp_path: Path, wanted: int) -> None:
    with pytest.raises(ValueError, match=f"from 1 to 21, not {wanted}"):
        crew_size(tmp_path, "node1", wanted)


def test_a_node_without_a_past_starts_what_is_wanted(tmp_path: Path) -> None:
    assert crew_size(tmp_path / "missing", "node1", 1) == 1
    assert crew_size(tmp_path, "node1", 4) == 4


def test_only_folders_of_this_nodes_workers_count(tmp_path: Path) -> None:
    for name in ("node1", "node1-w2", "node1-w0", "node1-w99", "node11-w3", "node1-w1x", "node1-w"):
        (tmp_path / name).mkdir()
    assert former_workers(tmp_path, "node1") == [2]


def test_a_smaller_crew_is_as_large_as_a_call_of_before_needs(tmp_path: Path) -> None:
    leave_call(tmp_path, "node1-w2", "a" * 32)
    leave_call(tmp_path, "node1-w3", "b" * 32, is_over=True)
    assert crew_size(tmp_path, "node1", 1) == 3
    assert crew_size(tmp_path, "node1", 2) == 3
    assert crew_size(tmp_path, "node1", 4) == 4


def test_the_first_worker_cares_for_those_that_are_no_more(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        leave_call(tmp_path, f"node1-w{number}", "a" * 32, is_over=True)
    alone = place_of(tmp_path, "node1", (), 1, None)
    assert (alone.name, alone.retired) == ("node1", ("node1-w1", "node1-w2", "node1-w3"))
    places = [place_of(tmp_path, "node1", (), 2, Membership(number, 2, {}, GivenSockets({}))) for number in range(2)]
    assert [(place.name, place.retired) for place in places] == [
        ("node1", ("node1-w2", "node1-w3")),
        ("node1-w1", ()),
    ]


def test_a_worker_ends_with_its_parent_even_when_that_dies_first() -> None:
    program = (
        "import os, signal, sys, time\n"
        "from voip.node.workers import dying_with\n"
        "ask = dying_with(os.getpid())\n"
        "if os.fork() == 0:\n"
        "    ask(); print('ready', flush=True); time.sleep(60)\n"
        "os.read(0, 1)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"ready\n"
        # The pipe's end comes when the last process that holds it is gone.
        assert parent.communicate(b"x", timeout=15)[0] == b""
    late = "import os\nfrom voip.node.workers import dying_with\ndying_with(1 - os.getppid())()\nprint('alive')"
    run = subprocess.run(
        [sys.executable, "-c", late], capture_output=True, check=False, cwd=Path(__file__).parents[2], timeout=15
    )
    assert (run.returncode, run.stdout) == (1, b"")
