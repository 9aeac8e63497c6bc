"""The phone number as a value: parse, normalise, format. Pure: no Django, no I/O."""

from e164.dialling import is_emergency, normalise_dialled, parse
from e164.facts import country_of, format_international, format_national
from e164.plans import calling_code_of, countries, warm
from e164.values import E164, ShortCode

__all__ = [
    "E164",
    "ShortCode",
    "calling_code_of",
    "countries",
    "country_of",
    "format_international",
    "format_national",
    "is_emergency",
    "normalise_dialled",
    "parse",
    "warm",
]
