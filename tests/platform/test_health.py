"""``GET /healthz``: 200 when all is ready, else 503, with the state of each process."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

READY = {"state": "ready", "pid": 7, "since": 1.5, "restarts": 0}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    monkeypatch.setenv("VAR_DIR", str(tmp_path))

    def write(pid: int, **processes: object) -> None:
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / "state.json").write_text(
            json.dumps({"supervisor": {"pid": pid, "since": 1.0}, "processes": processes})
        )

    return write


def test_all_ready_is_200(db: None, client: Client, state: Callable[..., None]) -> None:
    state(os.getpid(), web=READY, sipnode=READY)
    answer = client.get("/healthz")
    assert answer.status_code == 200
    expected = {"status": "ok", "database": "ok", "redis": "ok", "processes": {"web": READY, "sipnode": READY}}
    assert answer.json() == expected


def test_one_process_that_is_not_ready_is_503(db: None, client: Client, state: Callable[..., None]) -> None:
    state(os.getpid(), web=READY, sipnode=READY | {"state": "backing off"})
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["status"]) == (503, "unavailable")
    assert answer.json()["processes"]["sipnode"]["state"] == "backing off"


def test_redis_away_is_503(db: None, client: Client, state: Callable[..., None], settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere.sock"
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["redis"], answer.json()["database"]) == (503, "unavailable", "ok")


def test_what_a_dead_supervisor_wrote_is_not_believed(db: None, client: Client, state: Callable[..., None]) -> None:
    state(2**22 + 1, web=READY | {"state": "starting"})
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["processes"]) == (200, {})
