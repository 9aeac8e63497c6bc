"""A demo rate deck over the world's real prefixes, as the tables of ``phonenumbers`` know them.

The prefixes and their destinations are real; the prices are made up, by a fixed rule, so that each run makes the same.
"""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Iterator

MOBILE_PREFIX_DIGITS_MAX = 5
"""Longer prefixes split one operator's range into hundreds of rows that tell a reader nothing."""

_CHEAP = frozenset(
    [
        "US",
        "CA",
        "GB",
        "DE",
        "FR",
        "ES",
        "IT",
        "NL",
        "SE",
        "DK",
        "PL",
        "AU",
        "NZ",
        "SG",
        "HK",
        "JP",
        "CN",
        "IE",
        "BE",
        "AT",
        "CH",
        "NO",
        "PT",
    ]
)
_DEAR = frozenset(
    ["CU", "SO", "SL", "ST", "TO", "NR", "TK", "KI", "VU", "FK", "SB", "WS", "MV", "LY", "TN", "MG", "KM", "GW"]
)


def rows() -> Iterator[tuple[str, str, str, str, int, int]]:
    """Yield (prefix, destination, rate per minute, connect fee, first_s, next_s), each prefix once, sorted."""
    found = {prefix: (name, region, False) for prefix, name, region in _countries()}
    found.update({prefix: (name, region, False) for prefix, name, region in _north_american_areas()})
    for prefix, name, region in _mobile_ranges():
        found.setdefault(prefix, (name, region, True))
    for prefix in sorted(found):
        name, region, is_mobile = found[prefix]
        first_s, next_s = (60, 60) if region == "MX" else (1, 1) if region in _CHEAP else (30, 6)
        yield prefix, name, _price(prefix, region, is_mobile), "0.0000", first_s, next_s


def as_csv(markup_percent: int = 0) -> str:
    """Return the deck as the importer takes it; ``markup_percent`` raises each price, rounded to five decimals."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["prefix", "destination", "rate_per_minute", "connect_fee", "first_s", "next_s"])
    for prefix, name, price, fee, first_s, next_s in rows():
        raised = int(price.replace(".", "")) * (100 + markup_percent) // 100
        writer.writerow([prefix, name, f"{raised // 100_000}.{raised % 100_000:05d}", fee, first_s, next_s])
    return out.getvalue()


def _price(prefix: str, region: str, is_mobile: bool) -> str:
    """Return a price per minute with five decimals: by kind of destination, spread by the prefix itself."""
    base = 500 if region in _CHEAP else 32_000 if region in _DEAR else 6_000
    if is_mobile:
        base = base * 3
    spread = zlib.crc32(prefix.encode()) % (base // 2)
    price = base + spread
    return f"{price // 100_000}.{price % 100_000:05d}"


def _countries() -> Iterator[tuple[str, str, str]]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        yield str(code), _name(regions[0], code), regions[0]


def _north_american_areas() -> Iterator[tuple[str, str, str]]:
    from phonenumbers import parse, region_code_for_number
    from phonenumbers.tzdata import TIMEZONE_DATA

    for prefix in TIMEZONE_DATA:
        if prefix.startswith("1") and len(prefix) == 4:
            # +1 is some twenty-five countries: each area is rated by its own, never as "US".
            region = region_code_for_number(parse(f"+{prefix}2345678")) or "US"
            yield prefix, f"{_name(region, 1)} {prefix[1:]}", region


def _mobile_ranges() -> Iterator[tuple[str, str, str]]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE
    from phonenumbers.carrierdata import CARRIER_DATA

    for prefix, names in CARRIER_DATA.items():
        if len(prefix) > MOBILE_PREFIX_DIGITS_MAX or "en" not in names:
            continue
        code = next((int(prefix[:n]) for n in (1, 2, 3) if int(prefix[:n]) in COUNTRY_CODE_TO_REGION_CODE), 0)
        regions = COUNTRY_CODE_TO_REGION_CODE.get(code)
        if regions:
            yield prefix, f"{_name(regions[0], code)} mobile {names['en']}"[:80], regions[0]


def _name(region: str, code: int) -> str:
    from phonenumbers.geodata.locale import LOCALE_DATA

    names = LOCALE_DATA.get(region, {})
    name = str(names.get("en", ""))
    while name.startswith("*"):
        name = str(names.get(name[1:], ""))
    return name or f"International +{code}"
