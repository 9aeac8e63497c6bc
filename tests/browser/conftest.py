"""A platform of its own with its demo untouched, Chromium, and windows for the operator and for a tenant."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.analytics.site import chromium
from tests.browser.window import Window
from tests.e2e.platform import Platform
from voip.demo.phone import Phone

HOST = "127.0.0.21"
PATIENCE_MS = 20_000
"""For a loaded machine: nothing here measures time, it only gives up at last."""

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """The platform with its demo; nobody but these tests touches it."""
    made = Platform(tmp_path_factory.mktemp("browsed"), HOST)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if not made.processes():
            made.delete()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the pictures."""
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def browser(platform: Platform) -> Iterator[Browser]:
    """Chromium, closed after each module: its event loop would be in the way of others."""
    with chromium() as made:
        yield made


@pytest.fixture
def operator(browser: Browser, platform: Platform, pictures: Path) -> Iterator[Window]:
    """The operator's window."""
    facts = platform.facts()
    window = Window(browser, facts["url"], pictures, facts["admin"])
    yield window
    assert window.close() == []


@pytest.fixture
def tenant(browser: Browser, platform: Platform, pictures: Path) -> Iterator[Window]:
    """The window of a customer's administrator."""
    facts = platform.facts()
    window = Window(browser, facts["url"], pictures, facts["tenant_user"])
    yield window
    assert window.close() == []


@pytest.fixture
def carrier(platform: Platform) -> Iterator[Phone]:
    """A phone that plays the carrier behind the demo's trunk."""
    facts = platform.facts()
    trunk = facts["trunk"]
    made = Phone(platform.sip, facts["sip"]["realm"], "carrier", address=(trunk["host"], trunk["port"]))
    yield made
    made.close()
