"""What the workers of a node tell each other: registrations as they change, and how many calls lines and trunks have.

Each worker's memory is its own truth; news brings them together. A worker that begins asks one sibling for all
registrations, page by page, since Redis may be away and knows no connections.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from sip.controller.core import Core
from sip.controller.crew.limits import BINDINGS_PER_PAGE, COUNTS_PER_NEWS_MAX, PAGE_S_MAX, TELL_S
from sip.controller.crew.places import Places
from sip.controller.crew.port import CrewPort
from sip.controller.location import Binding, Reason, difference

log = logging.getLogger(__name__)


def owner_name(worker: int) -> str:
    """Return how bindings name the worker that holds their connection."""
    return f"worker {worker}"


class Sharing:
    """One worker's part in it; made after its own calls were taken up and before messages come."""

    def __init__(self, core: Core, crew: CrewPort, informed: Callable[[], None]) -> None:
        """``informed`` is called once what siblings knew of lines is known here, or none of them is left to ask."""
        self._informed = informed
        self._core = core
        self._crew = crew
        self._me = owner_name(crew.worker)
        self._pages: dict[int, Iterator[str]] = {}
        """Lines that a sibling who asked has still to be told of."""
        self._to_ask = list(crew.siblings)
        self._asked = -1
        self._pages_seen = 0
        self._tell_is_due = False
        self._places: dict[str, Places] = {"line": core.line_calls, "trunk": core.trunk_calls}
        crew.on_news("begin", self._on_begin)
        crew.on_news("calls", self._on_calls)
        crew.on_news("contacts", self._on_contacts)
        crew.on_news("ask", self._on_ask)
        crew.on_news("page", self._on_page)
        core.locations.subscribe(self._contacts_changed, False)
        core.on_place = self._calls_changed
        for places in self._places.values():
            places.share()
        core.post(self._begin)

    def _begin(self) -> None:
        self._crew.tell("begin", {})
        self._tell_calls()
        self._ask_next()

    def _on_begin(self, sibling: int, news: dict[str, Any]) -> None:
        # What the process before it held by connections is gone with it; the line's other contacts stay.
        self._core.post(lambda: self._core.locations.owner_lost(owner_name(sibling), self._core.wall))
        for name, places in self._places.items():
            places.forget(sibling)
            self._tell_counts(name, places.all(), sibling)

    def _calls_changed(self) -> None:
        if not self._tell_is_due:
            self._tell_is_due = True
            self._core.after(TELL_S, self._tell_calls)

    def _tell_calls(self) -> None:
        self._tell_is_due = False
        for name, places in self._places.items():
            self._tell_counts(name, places.changes(), None)

    def _tell_counts(self, name: str, counts: list[tuple[int, int]], sibling: int | None) -> None:
        for start in range(0, len(counts), COUNTS_PER_NEWS_MAX):
            self._crew.tell("calls", {"of": name, "are": counts[start : start + COUNTS_PER_NEWS_MAX]}, sibling)

    def _on_calls(self, sibling: int, news: dict[str, Any]) -> None:
        places = self._places[str(news["of"])]
        places.hear(sibling, [(int(key), int(number)) for key, number in news["are"]])

    def _contacts_changed(
        self, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        if reason == "expired":
            return  # Everybody sees the time.
        changed, gone = difference(before, after)
        self._crew.tell("contacts", {"line": username, "changed": changed, "gone": gone, "reason": reason})

    def _on_contacts(self, sibling: int, news: dict[str, Any]) -> None:
        self._core.post(lambda: self._take_contacts(sibling, news))

    def _take_contacts(self, sibling: int, news: dict[str, Any]) -> None:
        core = self._core
        try:
            core.locations.apply_remote(
                str(news["line"]), news["changed"], news["gone"], core.wall, news["reason"], owner_name(sibling)
            )
        except (KeyError, TypeError, ValueError) as error:
            log.warning("what worker %d tells of a line cannot be read: %s", sibling, error)

    def _ask_next(self) -> None:
        """Ask the next sibling for its registrations, from the first."""
        if self._to_ask:
            self._asked = self._to_ask.pop(0)
            self._ask({"first": True})
        else:
            self._informed()

    def _ask(self, what: dict[str, Any]) -> None:
        self._crew.tell("ask", what, self._asked)
        seen = self._pages_seen
        self._core.after(PAGE_S_MAX, lambda: self._give_up(seen))

    def _give_up(self, seen: int) -> None:
        if seen == self._pages_seen:
            self._ask_next()

    def _on_ask(self, sibling: int, news: dict[str, Any]) -> None:
        if news.get("first"):
            self._pages[sibling] = iter(self._core.locations.usernames())
        self._core.post(lambda: self._tell_page(sibling))

    def _tell_page(self, sibling: int) -> None:
        """Tell of some lines; an empty page is the last."""
        core = self._core
        rows: list[list[Any]] = []
        for username in self._pages.get(sibling, iter(())):
            for binding in core.locations.bindings(username, core.wall):
                rows.append([username, binding.owner or self._me, binding.to_json()])
            if len(rows) >= BINDINGS_PER_PAGE:
                break
        if not rows:
            self._pages.pop(sibling, None)
        self._crew.tell("page", {"rows": rows}, sibling)

    def _on_page(self, sibling: int, news: dict[str, Any]) -> None:
        self._core.post(lambda: self._take_page(sibling, news))

    def _take_page(self, sibling: int, news: dict[str, Any]) -> None:
        if sibling != self._asked:
            return
        self._pages_seen += 1
        rows = news["rows"]
        if not rows:
            self._to_ask.clear()
            self._informed()
            return
        for username, owner, row in rows:
            self._take_row(str(username), str(owner), row)
        self._ask({"first": False})

    def _take_row(self, username: str, owner: str, row: dict[str, Any]) -> None:
        """Take one contact, unless it is known here from later; what a former process of ours held is nobody's."""
        core = self._core
        try:
            told = Binding.from_json(row)
            for binding in core.locations.bindings(username, core.wall):
                if binding.key == told.key and binding.expires_at > told.expires_at:
                    return
            owner = "" if owner == self._me else owner
            core.locations.apply_remote(username, [row], (), core.wall, "registered", owner)
        except (KeyError, TypeError, ValueError) as error:
            log.warning("a contact of %r cannot be read: %s", username, error)
