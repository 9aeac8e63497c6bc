"""A browser's window that keeps account of what a page fetched and complained of, and takes its pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, TimeoutError, expect

WIDTHS = {1440: 900, 390: 844}
"""A desk's screen and a telephone's, with their heights."""
THEMES = ("light", "dark")
FITS = "width => document.documentElement.scrollWidth <= width"
SETTLE_MS_MAX = 5_000
"""A chart takes its new size a frame or two after the window has its own; a page that never fits is too wide."""
ADMINS_THEME = "d => document.querySelector('#header-inner') && document.documentElement.classList.toggle('dark', d)"
"""The admin asks for the theme only when it is loaded; everything else follows by itself."""


class Window:
    """One person's browser, logged in as ``person``; ``close`` says what went wrong beside the test's own business."""

    def __init__(self, browser: Browser, url: str, pictures: Path, person: dict[str, str]) -> None:
        self.url = url
        self.strays: list[str] = []
        self.errors: list[str] = []
        self.overflows: list[str] = []
        self._pictures = pictures
        self.context = browser.new_context(viewport={"width": 1440, "height": WIDTHS[1440]}, color_scheme="light")
        self.page = self._new_page()
        self._log_in(person)

    def _new_page(self) -> Page:
        page: Page = self.context.new_page()
        page.on("request", lambda request: self._look_at(request.url))
        page.on("websocket", lambda socket: self._look_at(socket.url))
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        page.on("console", self._listen)
        return page

    def _look_at(self, address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"data", "blob"} and not (parts.hostname or "").startswith("127.0.0."):
            self.strays.append(address)

    def _listen(self, message: Any) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{self.page.url}: {message.text}")

    def _log_in(self, person: dict[str, str]) -> None:
        self.go("/login/")
        self.page.get_by_label("E-mail").fill(person["email"])
        self.page.get_by_label("Password").fill(person["password"])
        self.page.get_by_role("button", name="Log in").click()
        expect(self.page).not_to_have_url(re.compile("/login/"))

    def go(self, path: str) -> None:
        """Open a page of the platform; it must be there."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def picture(self, name: str, ways: Iterable[tuple[int, str]] = tuple(product(WIDTHS, THEMES))) -> None:
        """Take the page's pictures on both screens in both themes, and note where it is wider than the screen."""
        for width, theme in ways:
            self.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            self.page.evaluate(ADMINS_THEME, theme == "dark")
            try:
                self.page.wait_for_function(FITS, arg=width, timeout=SETTLE_MS_MAX)
            except TimeoutError:
                wide = self.page.evaluate("document.documentElement.scrollWidth")
                self.overflows.append(f"{name} is {wide} wide on {width}")
            self.page.screenshot(path=self._pictures / f"{name}-{width}-{theme}.png", animations="disabled")
        self.page.set_viewport_size({"width": 1440, "height": WIDTHS[1440]})
        self.page.emulate_media(color_scheme="light")
        self.page.evaluate(ADMINS_THEME, False)

    def choose(self, field: str, text: str) -> None:
        """Choose in a field of the admin that searches while one types."""
        self.page.locator(f"#id_{field} + .select2 .select2-selection").click()
        self.page.locator(".select2-search__field").fill(text)
        self.page.locator(".select2-results__option", has_text=text).first.click()
        expect(self.page.locator(f"#id_{field} + .select2 .select2-selection")).to_contain_text(text)

    def press(self, name: str) -> None:
        """Press a button, or follow a link, by what stands on it, beside its icon and its count."""
        text = re.compile(rf"^\s*(\w+\s+)?{re.escape(name)}(\s+\d+)?\s*$")
        self.page.locator("a:visible, button:visible").filter(has_text=text).first.click()

    def close(self) -> list[str]:
        """Close it; returns what went astray, was complained of, or was wider than its screen."""
        self.context.close()
        return self.strays + self.errors + self.overflows
