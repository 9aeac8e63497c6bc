"""Date (RFC 3261 §20.17): always in GMT, always in English."""

from __future__ import annotations

from calendar import timegm
from datetime import UTC, datetime
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def format_date(wall: float) -> str:
    """Return the value for a wall-clock instant, as ``Sat, 13 Nov 2010 23:29:00 GMT``."""
    at = datetime.fromtimestamp(int(wall), UTC)
    clock = f"{at.hour:02d}:{at.minute:02d}:{at.second:02d}"
    return f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d} {clock} GMT"


def parse_date(text: str) -> float:
    """Return the wall-clock instant of a value.

    Raises:
        ValueError: it is no ``rfc1123-date``, or there is no such day or time.
    """
    fields = text.replace(",", " ").split()
    if len(fields) != 6 or fields[5] != "GMT" or fields[2] not in _MONTHS:
        raise ValueError(f"Date: not an RFC 1123 date: {text[:40]!r}")
    clock = fields[4].split(":")
    numbers = [fields[1], fields[3], *clock]
    if len(clock) != 3 or not all(number.isascii() and number.isdigit() and len(number) <= 4 for number in numbers):
        raise ValueError(f"Date: not an RFC 1123 date: {text[:40]!r}")
    day, year, hour, minute, second = [int(number) for number in numbers]
    at = datetime(year, _MONTHS.index(fields[2]) + 1, day, hour, minute, min(second, 59), tzinfo=UTC)
    return float(timegm(at.timetuple()))
