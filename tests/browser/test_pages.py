"""Every page of the menus, on a desk and on a telephone, by day and by night."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.integration]

WAYS = ((1440, "light"), (390, "dark"))
"""Half of the four: the pages of the journey are taken in all."""
INSIDE_ONLY = re.compile(r"_nanos|\bNone\b|\bnull\b|\bNaN\b|<[A-Z]\w+:|\b[0-9a-f]{32}\b|\{\{|\{%")
"""What belongs to programs: a page that shows it forgot to say something in words."""


def test_every_page_of_the_operators_menu_opens_fits_and_speaks_to_people(operator: Window) -> None:
    operator.go("/admin/")
    paths = links(operator.page, "#nav-sidebar a[href]")
    assert len(paths) == 23, paths
    for path in paths:
        look_at(operator, path, "admin")
        if path.startswith("/admin/"):
            expect(operator.page.locator("#header-inner .tl-bell")).to_be_visible()


def test_every_page_of_the_tenants_menu_opens_fits_and_speaks_to_people(tenant: Window) -> None:
    tenant.go("/")
    paths = links(tenant.page, "nav[aria-label=Main] a")
    assert len(paths) == 11
    for path in paths:
        look_at(tenant, path, "portal")


def test_the_bell_never_lies_over_the_button_that_saves(operator: Window) -> None:
    for width in (1440, 1024, 390):
        operator.page.set_viewport_size({"width": width, "height": 844})
        operator.go("/admin/sip/line/add/")
        operator.page.get_by_role("button", name="Save", exact=True).click(trial=True)


def links(page: Page, selector: str) -> list[str]:
    """Return the addresses of a menu, each once."""
    found = page.locator(selector).evaluate_all("all => all.map(link => link.getAttribute('href'))")
    return list(dict.fromkeys(found))


def look_at(window: Window, path: str, kind: str) -> None:
    """Open a page, read it, take its pictures."""
    window.go(path)
    for chart in window.page.locator(".an-chart").all():
        expect(chart.locator("canvas")).to_be_visible()
    text = window.page.locator("main, #main").first.inner_text()
    assert INSIDE_ONLY.findall(text) == [], path
    window.picture(f"{kind}-{re.sub(r'[^a-z]+', '-', path).strip('-') or 'home'}", WAYS)
