"""No process is left behind, whether the guard, the supervisor or the whole group is killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform.dummies import wait_gone
from voip.platform.deathwatch import children_of, descendants_of, is_running
from voip.platform.places import ROOT

GUARD = (
    "import sys; from voip.platform.launcher import guard;"
    "sys.exit(guard([sys.executable, '-m', 'tests.platform.killable', sys.argv[1]]))"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path that PostgreSQL's own user may pass through."""
    made = Path(tempfile.mkdtemp(prefix="tl-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def make(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A parent of the guard in whose process group it begins, as `make` is."""
    line = ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-c", GUARD, str(folder)]
    process = subprocess.Popen(line, cwd=ROOT, start_new_session=True)
    yield process
    for pid in descendants_of(process.pid):
        os.kill(pid, signal.SIGTERM)
    process.wait()


@pytest.fixture
def guard(make: subprocess.Popen[bytes], folder: Path) -> int:
    deadline = time.monotonic() + 60
    while not (folder / "ready").exists() and make.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (folder / "ready").exists()
    (pid,) = children_of(make.pid)
    return pid


def all_below(guard: int, folder: Path) -> list[int]:
    pids = descendants_of(guard)
    states = json.loads((folder / "state.json").read_text())["processes"]
    pool_child = int((folder / "pool.log").read_text().split()[1])
    assert {states["postgres"]["pid"], states["pool"]["pid"], pool_child} <= set(pids)
    assert len(pids) >= 8, "supervisor, postgres and its own processes, pool and its child"
    return pids


def test_nothing_is_left_when_the_supervisor_is_killed(guard: int, make: subprocess.Popen[bytes], folder: Path) -> None:
    pids = all_below(guard, folder)
    os.kill(children_of(guard)[0], signal.SIGKILL)
    assert make.wait(30) == 1
    assert [pid for pid in pids if is_running(pid)] == []


def test_nothing_is_left_when_the_guard_is_killed(guard: int, folder: Path) -> None:
    pids = all_below(guard, folder)
    os.kill(guard, signal.SIGKILL)
    assert wait_gone(pids) == []


def test_nothing_is_left_when_the_group_of_make_is_killed(
    guard: int, make: subprocess.Popen[bytes], folder: Path
) -> None:
    pids = all_below(guard, folder)
    os.killpg(make.pid, signal.SIGKILL)
    assert wait_gone([guard, *pids]) == []


def test_a_polite_end_stops_all(guard: int, make: subprocess.Popen[bytes], folder: Path) -> None:
    pids = all_below(guard, folder)
    os.kill(guard, signal.SIGTERM)
    assert make.wait(30) == 0
    assert [pid for pid in pids if is_running(pid)] == []
