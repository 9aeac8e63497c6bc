"""From a bare checkout to an environment, and what is said when it cannot be made."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from voip.platform import bootstrap, places, tools
from voip.platform.console import StepFailed, run_logged, step

LISTS = ("requirements.txt", "requirements-dev.txt", "requirements-uv.txt")


@pytest.fixture
def empty_venv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(places, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "VENV_PYTHON", tmp_path / ".venv" / "bin" / "python")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path / ".venv"


@pytest.mark.parametrize("name", LISTS)
def test_every_package_is_pinned_and_hashed_and_no_index_is_named(name: str) -> None:
    text = (places.ROOT / name).read_text()
    packages = [line for line in text.splitlines() if re.match(r"[a-z0-9]", line)]
    assert packages
    assert [line for line in packages if not re.match(r"[a-z0-9._-]+(\[[a-z,-]+\])?==\S+ .*\\$", line)] == []
    assert "http" not in text.replace("httpx", "").replace("httpcore", "").replace("httptools", "")


def test_what_developers_need_holds_all_that_running_needs() -> None:
    run, test = (set(re.findall(r"^\S+==\S+", (places.ROOT / name).read_text(), re.MULTILINE)) for name in LISTS[:2])
    assert run - test == set()


def test_an_environment_is_current_until_its_list_changes(empty_venv: Path) -> None:
    assert not bootstrap._is_current("run")
    bootstrap._stamp("run").write_text(bootstrap._fingerprint("run"))
    assert bootstrap._is_current("run")
    assert not bootstrap._is_current("test")
    bootstrap._stamp("run").write_text("an older list")
    assert not bootstrap._is_current("run")


def test_without_a_python_that_makes_environments_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "_can_make_environments", lambda python: False)
    with pytest.raises(StepFailed, match="apt-get install python3 python3-venv"):
        bootstrap.find_python()


def test_the_set_up_imports_nothing_that_is_not_pythons_own() -> None:
    code = (
        "import sys; import voip.platform.bootstrap; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    names = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=places.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(names) - set(sys.stdlib_module_names) == {"__main__", "voip"}


def test_a_failed_step_shows_the_end_of_what_was_written(tmp_path: Path) -> None:
    log = tmp_path / "setup.log"
    code = "print('\\n'.join(map(str, range(100)))); raise SystemExit(3)"
    with pytest.raises(StepFailed) as caught:
        run_logged([sys.executable, "-c", code], log)
    lines = str(caught.value).splitlines()
    assert lines[1] == f"ended with 3; in {log}:"
    assert lines[2:] == [str(number) for number in range(70, 100)]


def test_a_step_tells_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    with step("one thing"):
        pass
    assert capsys.readouterr().out == "    ok one thing 0.0 s\n"


def test_every_test_program_is_there_and_starts() -> None:
    assert {name for name in tools.PACKAGES if tools.find(name) is None} == set()
    sipp = subprocess.run([str(tools.find("sipp")), "-v"], capture_output=True, text=True, timeout=60)
    assert "SIPp v3" in sipp.stdout
    assert (tools.baresip_modules() / "sndfile.so").exists()
    assert (tools.kamailio_modules() / "tm.so").exists()


def test_servers_among_the_test_programs_are_not_started_by_their_packages(tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    with tools._without_services(policy):
        assert subprocess.run([policy], check=False).returncode == 101
    assert not policy.exists()
    policy.write_text("the machine's own")
    with tools._without_services(policy):
        assert policy.read_text() == "the machine's own"
    assert policy.read_text() == "the machine's own"


def test_a_script_of_an_unpacked_program_finds_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    for name in ("usr/bin/sipp", "usr/lib/x86_64-linux-gnu/libpcap.so.1.2", "usr/lib/x86_64-linux-gnu/pulse/libp-1.so"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "usr/bin/sipp").write_text('#!/bin/sh\necho "$LD_LIBRARY_PATH $1"\n')
    (root / "usr/bin/sipp").chmod(0o755)
    monkeypatch.setattr(tools, "_UNPACKED", root)
    monkeypatch.setattr(tools, "BIN", tmp_path / "bin")
    tools._write_script("sipp")
    done = subprocess.run([tmp_path / "bin" / "sipp", "-v"], capture_output=True, text=True, env={}, check=True)
    folder = root / "usr/lib/x86_64-linux-gnu"
    assert done.stdout == f"{folder}:{folder / 'pulse'} -v\n"
