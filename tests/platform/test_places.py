"""Short socket paths, generated settings, one supervisor a folder."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from voip.platform import environment, lock
from voip.platform.console import StepFailed
from voip.platform.limits import SOCKET_PATH_BYTES_MAX
from voip.platform.sockets import LONGEST_NAME, socket_folder


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder whose servers are the user's own, so that none is made."""
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    for name, value in {
        "DATABASE_URL": "postgresql://app@db/voip",
        "OWNER_DATABASE_URL": "postgresql://owner@db/voip",
        "REDIS_URL": "redis://cache/0",
        "SECRET_KEY": "",
        "WEB_PORT": "8123",
    }.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "var"


def test_a_short_path_is_used_as_it_is(tmp_path: Path) -> None:
    assert socket_folder(tmp_path / "run") == tmp_path / "run"


def test_a_long_path_becomes_a_short_private_one(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 120)
    short = socket_folder(long)
    assert len(os.fsencode(short)) + len(LONGEST_NAME) <= SOCKET_PATH_BYTES_MAX
    assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert socket_folder(long) == short
    other = socket_folder(tmp_path / ("y" * 120))
    assert other != short
    short.rmdir()
    other.rmdir()


def test_secrets_are_made_once_and_kept_for_ourselves(var: Path) -> None:
    first = environment.load().settings
    assert environment.load().settings == first
    assert len({first[name] for name in environment.SECRETS}) == 3
    assert all(len(first[name]) >= 50 for name in environment.SECRETS)
    assert stat.S_IMODE((var / "env").stat().st_mode) == 0o600
    assert stat.S_IMODE(var.stat().st_mode) == 0o700


def test_the_environment_overrules_what_is_generated(var: Path) -> None:
    installation = environment.load()
    assert installation.cluster is None
    assert installation.redis is None
    assert environment.read(var / "env")["WEB_PORT"] == "8123"
    assert installation.settings["DATABASE_URL"] == "postgresql://app@db/voip"


def test_no_daemon_learns_the_owners_password(var: Path) -> None:
    installation = environment.load()
    assert installation.environment()["OWNER_DATABASE_URL"] == "postgresql://owner@db/voip"
    assert not {"OWNER_DATABASE_URL", "POSTGRES_OWNER_PASSWORD"} & set(installation.service_environment())


def test_a_database_without_its_owner_is_refused(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OWNER_DATABASE_URL")
    with pytest.raises(StepFailed, match=r"deploy/roles\.sql"):
        environment.load()


def test_the_lock_names_its_holder_and_ends_with_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert lock.holder(path) == 0
    code = "import sys, time; from pathlib import Path; from voip.platform import lock;"
    code += "lock.take(Path(sys.argv[1])); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert lock.holder(path) == other.pid
        with pytest.raises(lock.AlreadyRunning, match=f"pid {other.pid}"):
            lock.take(path)
        other.kill()
    assert lock.holder(path) == 0
    os.close(lock.take(path))
