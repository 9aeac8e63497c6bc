"""The promise of the product: acknowledged is on disk, and on disk is charged exactly once, whoever is killed."""

from __future__ import annotations

import os
import secrets

import pytest

from tests.e2e.carnage import VICTIMS, Carnage
from tests.e2e.peers import Peers
from tests.e2e.platform import Platform

pytestmark = pytest.mark.integration

SECONDS = int(os.environ.get("KILL_SECONDS", "15"))
"""`make test-kill` sets 60."""
RATE = 50


def test_whoever_is_killed_records_equal_what_the_peers_logged(platform: Platform, peers: Peers) -> None:
    seed = int(os.environ.get("KILL_SEED") or secrets.randbits(32))
    print(f"KILL_SEED={seed}")
    rounds = max(2, SECONDS // 15)
    found = Carnage(platform, peers, SECONDS, RATE, rounds, seed).run()
    print(found)
    assert {name: found[f"killed {name}"] for name in VICTIMS} == dict.fromkeys(VICTIMS, rounds)
