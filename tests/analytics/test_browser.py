"""Both pages in a real browser: charts have a size, nothing is fetched from elsewhere, live calls come and go."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product

import pytest
from django.conf import settings
from playwright.sync_api import Browser

from analytics.live import LivePublisher
from sip.controller.ports import LiveCall
from tests.analytics import busy_week
from tests.analytics.busy_week import BusyWeek
from tests.analytics.site import chromium, looking, serving, session_of

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("committed_db", "redis_url")]

PATIENCE_MS = 10_000
_HAS_A_SIZE = """([id, least, screen]) => {
  const box = document.querySelector(`#${id} canvas`)?.getBoundingClientRect();
  return box && box.width > least && box.right <= screen;
}"""


class Node:
    """A SIP node's live side in a thread of its own."""

    def __init__(self, operator_id: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._operator_id = operator_id
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._live = LivePublisher(settings.REDIS_URL, "n1", lambda tenant_id: (self._operator_id,))
        self._task = self._loop.create_task(self._live.run())
        self._loop.call_soon(self._ready.set)
        with suppress(asyncio.CancelledError):
            self._loop.run_until_complete(self._task)

    def tell(self, what: Callable[[LivePublisher], None]) -> None:
        """Do something on the node's own thread."""
        self._loop.call_soon_threadsafe(what, self._live)

    def call(self, call_id: str, tenant_id: int, state: str, trunk_id: int | None = None) -> None:
        """Have a call in a state."""
        now = time.time()
        call = LiveCall(
            call_id=call_id, tenant_id=tenant_id, state=state,  # type: ignore[typeddict-item]
            caller="+12125550100", called="<b>102</b>", line_id=1, trunk_id=trunk_id, started_at=now - 65,
            answered_at=now - 61 if state == "answered" else None,
        )  # fmt: skip
        self.tell(lambda live: live.changed(call))

    def end(self, call_id: str) -> None:
        """Have a call end."""
        self.tell(lambda live: live.ended(call_id))

    def stop(self) -> None:
        """Stop the thread."""
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(5)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright leaves an event loop running in this thread, in which Django would refuse to touch the database.
    with pytest.MonkeyPatch.context() as patch, chromium() as made:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield made


@pytest.fixture(autouse=True)
def _no_names_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analytics.names._known", {})


@pytest.fixture
def url() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def week(browser: Browser) -> BusyWeek:
    return busy_week.make()


@pytest.fixture
def people(browser: Browser) -> BusyWeek:
    return busy_week.people()


@pytest.fixture
def node(people: BusyWeek) -> Iterator[Node]:
    made = Node(people.operator.pk)
    yield made
    made.stop()


def test_charts_have_a_size_and_the_page_fits_on_both_screens_in_both_themes(
    browser: Browser, url: str, week: BusyWeek
) -> None:
    for user, width, dark in product((week.boss, week.ann), (1440, 390), (False, True)):
        with looking(browser, url, session_of(user), width, dark) as page:
            page.goto(f"{url}/analytics/billing/")
            for chart in ("an-money", "an-ageing", "an-calls"):
                page.wait_for_function(_HAS_A_SIZE, arg=[chart, 200 if width == 390 else 300, width])
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert (page.strays, page.errors) == ([], [])  # type: ignore[attr-defined]


def test_a_charts_box_that_starts_without_width_is_drawn_when_it_gets_one(
    browser: Browser, url: str, week: BusyWeek
) -> None:
    with looking(browser, url, session_of(week.boss)) as page:
        page.add_init_script(
            "addEventListener('DOMContentLoaded', () => { document.querySelector('.an-grid').style.display = 'none'; })"
        )
        page.goto(f"{url}/analytics/billing/")
        page.wait_for_selector("#an-calls canvas")
        page.evaluate("document.querySelector('.an-grid').style.display = ''")
        page.wait_for_function("document.querySelector('#an-money canvas')?.getBoundingClientRect().width > 300")


def test_a_figures_definition_shows_when_it_is_focused(browser: Browser, url: str, week: BusyWeek) -> None:
    with looking(browser, url, session_of(week.boss)) as page:
        page.goto(f"{url}/analytics/billing/")
        page.locator(".an-tile .an-def", has_text="ASR").focus()
        assert (page.text_content(".an-tip") or "").startswith("Answer-seizure ratio: answered ÷ seizures")


def test_a_call_comes_rings_is_answered_and_goes(browser: Browser, url: str, people: BusyWeek, node: Node) -> None:
    with looking(browser, url, session_of(people.boss)) as page:
        page.goto(f"{url}/analytics/live/")
        page.wait_for_selector("text=No calls in progress", timeout=PATIENCE_MS)
        node.call("c1", people.alice.pk, "ringing", people.trunk.pk)
        page.wait_for_selector("#an-calls tr", timeout=PATIENCE_MS)
        cells = page.locator("#an-calls tr td").all_text_contents()
        assert cells[:5] == ["Ringing", "+12125550100", "<b>102</b>", "Alice", "Atlantic Carrier"]
        node.call("c1", people.alice.pk, "answered", people.trunk.pk)
        page.wait_for_selector("#an-calls >> text=Answered", timeout=PATIENCE_MS)
        shown = page.text_content("#an-calls .an-c-duration") or ""
        assert "1:01" <= shown <= "1:15"  # The call says it was answered 61 s ago; a busy machine takes its time.
        page.wait_for_function(f"document.querySelector('#an-calls .an-c-duration').textContent !== '{shown}'")
        assert page.text_content("#an-count") == "1"
        node.end("c1")
        page.wait_for_selector("#an-calls tr", state="detached", timeout=PATIENCE_MS)
        assert page.text_content("#an-count") == "0"
        assert (page.strays, page.errors) == ([], [])  # type: ignore[attr-defined]


def test_the_filter_narrows_the_list_and_not_the_counts(
    browser: Browser, url: str, people: BusyWeek, node: Node
) -> None:
    node.call("c1", people.alice.pk, "ringing")
    node.call("c2", people.bob.pk, "answered")
    with looking(browser, url, session_of(people.boss)) as page:
        page.goto(f"{url}/analytics/live/")
        page.wait_for_selector("#an-calls tr:nth-child(2)", timeout=PATIENCE_MS)
        page.fill("#an-find", "bob")
        page.wait_for_selector("#an-calls tr:nth-child(2)", state="detached")
        assert page.text_content("#an-calls .an-c-tenant") == "Bob"
        page.select_option("#an-state", "ringing")
        page.wait_for_selector("text=No call matches")
        assert page.text_content("#an-count") == "2"


def test_a_tenants_page_never_shows_anothers_call(browser: Browser, url: str, people: BusyWeek, node: Node) -> None:
    with looking(browser, url, session_of(people.ann)) as page:
        page.goto(f"{url}/analytics/live/")
        page.wait_for_selector("text=No calls in progress", timeout=PATIENCE_MS)
        node.call("bobs", people.bob.pk, "ringing", people.trunk.pk)
        node.call("own", people.alice.pk, "ringing", people.trunk.pk)
        page.wait_for_selector("#an-calls tr", timeout=PATIENCE_MS)
        assert page.text_content("#an-count") == "1"
        html = page.content()
        assert "Bob" not in html
        assert "Atlantic Carrier" not in html


def test_the_page_connects_again(browser: Browser, people: BusyWeek, node: Node) -> None:
    session = session_of(people.boss)
    with serving() as address, looking(browser, address, session) as page:
        # The browser's own sockets are cut, as by a network that went away.
        page.add_init_script(
            "const Real = WebSocket; window.sockets = [];"
            "window.WebSocket = class extends Real { constructor(...a) { super(...a); window.sockets.push(this); } };"
        )
        page.goto(f"{address}/analytics/live/")
        page.wait_for_selector("[data-state=live]", timeout=PATIENCE_MS)
        page.evaluate("window.sockets.find((socket) => socket.url.endsWith('/ws/live/')).close()")
        page.wait_for_selector("#an-status[data-state=lost]")
        node.call("c1", people.alice.pk, "ringing")
        page.wait_for_selector("#an-status[data-state=live]", timeout=PATIENCE_MS)
        page.wait_for_selector("#an-calls tr", timeout=PATIENCE_MS)
