"""How people dial in each country: a small table a country, made once from the metadata of ``phonenumbers``.

``phonenumbers`` is imported when the first table is made and never after: an import takes 80 ms, a parse 40 µs, and
neither may happen while a call waits. A node calls ``warm`` with the countries of its lines and trunks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True, slots=True)
class DialPlan:
    """The dialling habits of one country (ISO 3166 alpha-2)."""

    country: str
    calling_code: str
    international: re.Pattern[str]
    """What is dialled before a foreign number: ``00``, ``011``, ``0011`` …"""
    trunk_prefix: re.Pattern[str] | None
    """What is dialled before a national number (``0`` in France, ``1`` in the US), perhaps with a carrier's code."""
    trunk_transform: str | None
    """Replacement for the match of ``trunk_prefix`` where it is more than a removal, in ``re`` template syntax."""
    national: re.Pattern[str]
    """Every national number, without its trunk prefix."""
    short: re.Pattern[str]
    emergency: re.Pattern[str]

    def national_number(self, digits: str) -> str | None:
        """Return the national number in what was dialled, its trunk prefix taken off; ``None`` when there is none."""
        as_dialled = digits if self.national.fullmatch(digits) else None
        if self.trunk_prefix is None:
            return as_dialled
        match = self.trunk_prefix.match(digits)
        if match is None or match.end() == 0:
            return as_dialled
        head = ""
        if self.trunk_transform is not None and match.lastindex is not None and match[match.re.groups] is not None:
            head = match.expand(self.trunk_transform)
        stripped = head + digits[match.end() :]
        # A number that is whole before the removal and not after it began with those digits itself.
        return stripped if self.national.fullmatch(stripped) else as_dialled


@cache
def plan_for(country: str) -> DialPlan:
    """Return a country's dial plan.

    Raises:
        ValueError: no country with numbers of its own has this ISO 3166 code.
    """
    from phonenumbers.phonemetadata import PhoneMetadata

    general = PhoneMetadata.metadata_for_region(country)
    short = PhoneMetadata.short_metadata_for_region(country)
    if general is None:
        raise ValueError(f"no dial plan for country {country!r}")
    transform = general.national_prefix_transform_rule
    return DialPlan(
        country=country,
        calling_code=str(general.country_code),
        international=_compiled(general.international_prefix),
        trunk_prefix=_compiled(general.national_prefix_for_parsing) if general.national_prefix_for_parsing else None,
        trunk_transform=transform or None,
        national=_pattern_of(general.general_desc),
        short=_pattern_of(short and short.short_code),
        emergency=_pattern_of(short and short.emergency),
    )


@cache
def calling_codes() -> frozenset[str]:
    """Return every country calling code in use, one to three digits each."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    return frozenset(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)


@cache
def countries() -> tuple[str, ...]:
    """Return the ISO 3166 codes of all countries that have a dial plan, sorted."""
    from phonenumbers import SUPPORTED_REGIONS

    return tuple(sorted(SUPPORTED_REGIONS))


def calling_code_of(digits: str) -> str | None:
    """Return the country calling code an E.164 number (without ``+``) begins with; no code begins another."""
    codes = calling_codes()
    for length in (1, 2, 3):
        if digits[:length] in codes:
            return digits[:length]
    return None


def warm(wanted: Iterable[str]) -> None:
    """Make the tables of these countries now, so that no call waits for them; an unknown country is passed over."""
    calling_codes()
    known = frozenset(countries())
    for country in wanted:
        if country in known:
            plan_for(country)


def _pattern_of(description: Any) -> re.Pattern[str]:
    """Compile the numbers a part of the metadata describes; a part that is missing matches nothing."""
    return _compiled(description.national_number_pattern if description else None)


def _compiled(pattern: str | None) -> re.Pattern[str]:
    return re.compile(pattern or r"(?!)", re.ASCII)
