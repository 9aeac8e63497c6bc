"""Hostile messages against a node of its own process; ``make fuzz`` sends 100,000, ``make test`` 5,000."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fuzz.live import FORGOTTEN_S, HOST, LiveRun, free_port

pytestmark = pytest.mark.integration

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "5000"))
SEED = int(os.environ.get("FUZZ_SEED", "1"))
IS_LONG = MESSAGES >= 20_000
ROUNDS = 5 if IS_LONG else 1
GROWTH_MB_MAX = 8.0
"""From the second round to the last, in which 60,000 messages come: one transaction kept of each would be 180 MB."""
SHORT_GROWTH_MB_MAX = 100.0
"""In one round, with all its transactions still in memory."""


def test_a_node_under_hostile_messages_goes_on_and_so_do_honest_calls(tmp_path: Path) -> None:
    run = LiveRun(tmp_path, free_port(HOST), SEED)
    figures = run.run(MESSAGES, ROUNDS, FORGOTTEN_S if IS_LONG else 2.0, 20 if IS_LONG else 50)
    print(f"\nseed {SEED}: {figures}")
    assert (figures.messages, figures.restarts, figures.bugs) == (MESSAGES, 0, [])
    assert figures.answers > MESSAGES // 20
    assert figures.calls >= 100
    assert figures.calls_failed <= figures.calls // 1000
    resident = figures.resident_mb
    if IS_LONG:
        assert resident[-1] - resident[2] < GROWTH_MB_MAX
    else:
        assert resident[-1] - resident[0] < SHORT_GROWTH_MB_MAX
