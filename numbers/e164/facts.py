"""What is known of a number besides its digits: country and printed form. Not for the call path (40 µs and more)."""

from __future__ import annotations

from functools import lru_cache

from e164 import nanp
from e164.plans import calling_code_of
from e164.values import E164

COUNTRIES_CACHED_MAX = 65_536
"""Numbers whose country is remembered: about 10 MiB."""


@lru_cache(COUNTRIES_CACHED_MAX)
def country_of(number: E164) -> str:
    """Return the ISO 3166 code of a number's country, "" when none can be told (satellite, +1 without a known area).

    ``+1`` alone is never taken for the US: it is some twenty-five countries, several of them dear.
    """
    import phonenumbers

    region = phonenumbers.region_code_for_number(phonenumbers.parse(number))
    if region is None:
        code = calling_code_of(number.digits)
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code or 0), ())
        region = regions[0] if len(regions) == 1 and code != nanp.CALLING_CODE else ""
    return "" if region == "001" else region


def format_international(number: E164) -> str:
    """Return the number as it is printed for readers abroad: ``+33 1 23 45 67 89``."""
    import phonenumbers

    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def format_national(number: E164) -> str:
    """Return the number as it is printed for readers in its own country: ``01 23 45 67 89``."""
    import phonenumbers

    return phonenumbers.format_number(phonenumbers.parse(number), phonenumbers.PhoneNumberFormat.NATIONAL)
