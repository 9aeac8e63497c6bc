"""Which group of destinations a number belongs to, and what the group is called.

Groups are countries (ISO 3166 alpha-2) by the number itself, not by a rate deck's names: an unanswered call has no
rate, and an answer rate needs both kinds of calls in one group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

from analytics import limits
from e164 import E164, country_of

INTERNAL = "internal"
"""Calls between lines of the platform by extension."""
SHORT = "short"
"""Emergency and service numbers."""
OTHER = "other"
"""Numbers of no country: satellite, international freephone, unknown."""

PREFIX_CHARS = 9
"""``+`` and eight digits: no country's numbers are told from a neighbour's by more."""

_LABELS = {INTERNAL: "Internal", SHORT: "Short numbers", OTHER: "Not geographic"}


def groups_of(samples: Mapping[str, str]) -> dict[str, str]:
    """Return the group of each prefix, given a whole number of each."""
    return {prefix: _group_of(prefix, number) for prefix, number in samples.items()}


_by_prefix: dict[str, str] = {}


def _group_of(prefix: str, number: str) -> str:
    known = _by_prefix.get(prefix)
    if known is None:
        if len(_by_prefix) >= limits.NUMBERS_CACHED_MAX:
            _by_prefix.clear()
        known = _by_prefix[prefix] = _country(number) or OTHER
    return known


def _country(number: str) -> str:
    try:
        return country_of(E164(number))
    except ValueError:
        return ""


@lru_cache(512)
def label_of(group: str) -> str:
    """Return what a group is called in the user interface."""
    return _LABELS.get(group) or _territories().get(group, group)


def labels_of(groups: Iterable[str]) -> dict[str, str]:
    """Return the labels of these groups."""
    return {group: label_of(group) for group in groups}


@cache
def _territories() -> Mapping[str, str]:
    # Read when first needed: babel's data takes a tenth of a second.
    from babel import Locale

    return dict(Locale("en").territories)
