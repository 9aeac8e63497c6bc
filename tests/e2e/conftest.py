"""One platform for the whole folder, and a fresh set of peers for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.peers import Peers
from tests.e2e.platform import Platform, wait_for


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform, ready; at the end it must stop in order and leave no process."""
    made = Platform(tmp_path_factory.mktemp("platform"))
    try:
        made.start()
        yield made
    finally:
        status = made.stop()
        left = made.processes()
        if not left:
            made.delete()
    assert (status, left) == (0, []), made.said()


@pytest.fixture(scope="session")
def network(platform: Platform) -> dict[str, int]:
    """What is made once for all tests: the deck's id, and the trunk that peers play."""
    values: dict[str, int] = platform.ask("prepare")
    return values


@pytest.fixture
def peers(platform: Platform, network: dict[str, int], tmp_path: Path) -> Iterator[Peers]:
    """Peers with a folder of their own, on a platform where everything runs; they end with the test."""
    platform.wait_ready()
    made = Peers(platform, tmp_path, int(network["deck"]))
    try:
        yield made
    finally:
        made.close()
        platform.wait_ready()
        wait_for("no money is held", lambda: made.held() == 0)
