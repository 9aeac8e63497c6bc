"""Bounds and waiting times of what workers tell each other."""

from __future__ import annotations

from typing import Final

TELL_S: Final = 0.05
"""How often counts of calls are told: for so long, workers together may let a call too many through."""

COUNTS_PER_NEWS_MAX: Final = 2_000
"""Counts in one piece of news: some 30 KiB."""

BINDINGS_PER_PAGE: Final = 30
"""Contacts in one page of registrations; with those of the last line at most 39, of some 3 KiB at worst."""

PAGE_S_MAX: Final = 0.5
"""A sibling that sent no page for so long is passed over, and the next one is asked."""
