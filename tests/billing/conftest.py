"""Fixtures of the money tests."""

from __future__ import annotations

import pytest

from tests.billing.world import World, make_world


@pytest.fixture
def world(db: None) -> World:
    """Give the standing world, rolled back after the test."""
    return make_world()


@pytest.fixture
def committed_world(committed_db: None) -> World:
    """Give the standing world with real commits."""
    return make_world()
