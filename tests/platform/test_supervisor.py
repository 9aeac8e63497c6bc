"""The supervisor keeps processes alive, in order, and leaves none behind."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.platform.dummies import PARENT, SLEEP, STUBBORN, always, make_supervisor, python, wait_until
from voip.platform import limits
from voip.platform.deathwatch import is_running
from voip.platform.supervisor import Supervisor

pytestmark = pytest.mark.asyncio


def processes(folder: Path) -> dict[str, dict[str, Any]]:
    states: dict[str, dict[str, Any]] = json.loads((folder / "state.json").read_text())["processes"]
    return states


async def started(folder: Path, *services: Any) -> Supervisor:
    supervisor = make_supervisor(folder)
    supervisor.start(services)
    await supervisor.wait_ready([service.name for service in services])
    return supervisor


async def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    supervisor = await started(tmp_path, python("a", SLEEP, probe=always()))
    first = processes(tmp_path)["a"]
    assert (first["state"], first["restarts"]) == ("ready", 0)
    os.kill(first["pid"], signal.SIGKILL)
    await wait_until(lambda: processes(tmp_path)["a"]["restarts"] == 1 and processes(tmp_path)["a"]["state"] == "ready")
    assert processes(tmp_path)["a"]["pid"] != first["pid"]
    assert not is_running(first["pid"])
    await supervisor.close()


async def test_the_pause_before_a_restart_doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "RESTART_S_MIN", 0.1)
    supervisor = make_supervisor(tmp_path)
    supervisor.start([python("a", "print('no database'); raise SystemExit(3)", probe=None, ready_line="never")])
    began = time.monotonic()
    await wait_until(lambda: processes(tmp_path)["a"]["restarts"] == 3)
    assert 0.7 <= time.monotonic() - began < 3.0
    await supervisor.close()
    assert (tmp_path / "a.log").read_text().splitlines() == ["no database"] * 3 + (
        ["no database"] if (tmp_path / "a.log").read_text().count("no") == 4 else []
    )


async def test_a_process_waits_for_those_it_needs(tmp_path: Path) -> None:
    flag = tmp_path / "flag"

    async def flag_is_there() -> bool:
        return flag.exists()

    supervisor = make_supervisor(tmp_path)
    supervisor.start([python("server", SLEEP, probe=flag_is_there), python("client", SLEEP, after=("server",))])
    await wait_until(lambda: processes(tmp_path)["server"]["state"] == "starting")
    assert processes(tmp_path)["client"] == processes(tmp_path)["client"] | {"state": "waiting", "pid": 0}
    flag.touch()
    await supervisor.wait_ready(["client"])
    await supervisor.close()


async def test_a_line_of_its_output_makes_a_process_ready(tmp_path: Path) -> None:
    supervisor = await started(tmp_path, python("a", "print('I am ready.', flush=True);" + SLEEP, ready_line="ready."))
    assert processes(tmp_path)["a"]["state"] == "ready"
    assert (tmp_path / "a.log").read_text() == "I am ready.\n"
    await supervisor.close()


async def test_a_process_that_does_not_become_ready_is_started_again(tmp_path: Path) -> None:
    supervisor = make_supervisor(tmp_path)
    supervisor.start([python("a", SLEEP, ready_line="never", start_s_max=0.2)])
    await wait_until(lambda: processes(tmp_path)["a"]["restarts"] == 1)
    await supervisor.close()


async def test_a_process_that_hangs_is_shown_and_then_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PROBE_S", 0.05)
    monkeypatch.setattr(limits, "UNRESPONSIVE_S_MAX", 1.0)
    hanging = tmp_path / "hanging"

    async def does_not_hang() -> bool:
        return not hanging.exists()

    supervisor = await started(tmp_path, python("a", SLEEP, probe=does_not_hang))
    pid = processes(tmp_path)["a"]["pid"]
    hanging.touch()
    await wait_until(lambda: processes(tmp_path)["a"]["state"] == "unresponsive")
    assert is_running(pid)
    await wait_until(lambda: processes(tmp_path)["a"]["state"] == "backing off")
    assert not is_running(pid)
    await supervisor.close()


async def test_all_are_stopped_the_last_one_first(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time;"
        "signal.signal(signal.SIGTERM, lambda *_: (open({path!r}, 'a').write({name!r}), sys.exit()));"
        "print('ready', flush=True); time.sleep(600)"
    )
    services = [python(name, code.format(path=str(order), name=name), ready_line="ready") for name in "abc"]
    supervisor = await started(tmp_path, *services)
    await supervisor.close()
    assert order.read_text() == "cba"
    assert not (tmp_path / "state.json").exists()


async def test_a_process_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    supervisor = await started(tmp_path, python("a", STUBBORN, ready_line="ready", stop_s_max=0.3))
    pid = processes(tmp_path)["a"]["pid"]
    began = time.monotonic()
    await supervisor.close()
    assert not is_running(pid)
    assert 0.3 <= time.monotonic() - began < 3.0


async def test_what_a_killed_process_leaves_behind_is_ended(tmp_path: Path) -> None:
    supervisor = await started(tmp_path, python("a", PARENT, ready_line="child"))
    child = int((tmp_path / "a.log").read_text().split()[1])
    assert is_running(child)
    os.kill(processes(tmp_path)["a"]["pid"], signal.SIGKILL)
    await wait_until(lambda: not is_running(child))
    await supervisor.close()


async def test_a_line_without_end_is_cut(tmp_path: Path) -> None:
    code = f"import sys; sys.stdout.write('x' * {3 * limits.LOG_LINE_BYTES_MAX}); sys.stdout.flush();" + SLEEP
    supervisor = await started(tmp_path, python("a", code, probe=always()))
    await wait_until(lambda: (tmp_path / "a.log").stat().st_size > limits.LOG_LINE_BYTES_MAX)
    await supervisor.close()
    assert (tmp_path / "a.log").read_text().replace("\n", "") == "x" * 3 * limits.LOG_LINE_BYTES_MAX


async def test_a_process_of_somebody_else_below_us_is_left_alone(tmp_path: Path) -> None:
    other = await asyncio.create_subprocess_exec(sys.executable, "-c", SLEEP)
    supervisor = await started(tmp_path, python("a", SLEEP, probe=always()))
    await asyncio.sleep(2.5)  # Two rounds of the sweeper.
    await supervisor.close()
    assert is_running(other.pid)
    other.kill()
    await other.wait()
