"""Money as integers: nano-units (10⁻⁹) of a named currency. Text to nanos and back, exactly; never a float."""

from __future__ import annotations

import re
from functools import lru_cache

from billing.limits import DECIMALS_MAX

NANOS: int = 10**DECIMALS_MAX
"""Nano-units in one currency unit."""

_DECIMAL = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d+))?", re.ASCII)


def parse_nanos(text: str) -> int:
    """Return the exact nano-units of a decimal such as ``0.0125``; ``format_nanos`` is its inverse.

    Raises:
        ValueError: not a plain decimal (no exponent, no separators), or more than nine decimals that count.
    """
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise ValueError(f"not a plain decimal number: {text[:40]!r}")
    sign, whole, fraction = match.groups()
    fraction = (fraction or "").rstrip("0")
    if len(fraction) > DECIMALS_MAX:
        raise ValueError(f"more than {DECIMALS_MAX} decimals: {text[:40]!r}")
    nanos = int(whole) * NANOS + int(fraction.ljust(DECIMALS_MAX, "0"))
    return -nanos if sign == "-" else nanos


def format_nanos(nanos: int, decimals_min: int = 2) -> str:
    """Return nano-units as a decimal with all digits that count, at least ``decimals_min`` of them."""
    whole, fraction = divmod(abs(nanos), NANOS)
    digits = f"{fraction:09d}".rstrip("0").ljust(decimals_min, "0")
    text = f"{whole}.{digits}" if digits else str(whole)
    return f"-{text}" if nanos < 0 else text


def format_money(nanos: int, currency: str, decimals: int | None = None) -> str:
    """Return an amount for people: grouped thousands, currency code, rounded half away from zero for display.

    ``decimals`` defaults to the currency's own (2 for USD, 0 for JPY). Display only: nothing computes with it.
    """
    places = exponent(currency) if decimals is None else decimals
    unit = 10 ** (DECIMALS_MAX - places)
    scaled = (abs(nanos) + unit // 2) // unit
    whole, fraction = divmod(scaled, 10**places)
    text = f"{whole:,}.{fraction:0{places}d}" if places else f"{whole:,}"
    return f"{'-' if nanos < 0 and scaled else ''}{text} {currency}"


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """Return how many decimals the currency's smallest payable unit has (ISO 4217): 2 USD, 0 JPY, 3 KWD.

    Raises:
        ValueError: no such currency.
    """
    from moneyed import CurrencyDoesNotExist, get_currency  # Imported late: the SIP node needs only integers.

    try:
        sub_unit = int(get_currency(currency).sub_unit)
    except CurrencyDoesNotExist:
        raise ValueError(f"unknown currency {currency!r}") from None
    return len(str(sub_unit)) - 1


def minor_nanos(currency: str) -> int:
    """Return the nano-units of one minor unit: 10,000,000 for a cent."""
    return int(10 ** (DECIMALS_MAX - exponent(currency)))


def to_minor(nanos: int, currency: str) -> int:
    """Return an amount in minor units, as payment providers count.

    Raises:
        ValueError: it is not a whole number of them.
    """
    minor, rest = divmod(nanos, minor_nanos(currency))
    if rest:
        raise ValueError(f"{format_nanos(nanos)} {currency} is not a whole number of its smallest units")
    return minor


def from_minor(minor: int, currency: str) -> int:
    """Return the nano-units of an amount in minor units; inverse of ``to_minor``."""
    return minor * minor_nanos(currency)


def payable_nanos(nanos: int, currency: str) -> int:
    """Return the smallest payable amount that covers ``nanos``: rounded up to a whole minor unit, once an invoice."""
    unit = minor_nanos(currency)
    return -(-nanos // unit) * unit
