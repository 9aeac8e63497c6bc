"""Windows of time as people name them: whole days in a time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

BY_HOUR_DAYS_MAX = 2
"""Up to here a chart shows hours, beyond it days."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days ``first`` to ``last``, both included, in ``zone``.

    Figures are kept by whole UTC hours: in a zone off by half an hour, an hour belongs to the day it begins in.
    """

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        """The first moment, UTC."""
        return datetime.combine(self.first, time.min, self.zone).astimezone(UTC)

    @property
    def end(self) -> datetime:
        """The first moment after it, UTC."""
        return datetime.combine(self.last + timedelta(days=1), time.min, self.zone).astimezone(UTC)

    @property
    def days(self) -> list[date]:
        """Every day of it."""
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]

    @property
    def is_by_hour(self) -> bool:
        """Whether it is short enough to be shown by the hour."""
        return len(self.days) <= BY_HOUR_DAYS_MAX

    @property
    def hours(self) -> list[datetime]:
        """The first moment of every UTC hour that begins in it."""
        first = self.start.replace(minute=0)
        if first < self.start:
            first += timedelta(hours=1)
        count = -((first - self.end) // timedelta(hours=1))
        return [first + timedelta(hours=number) for number in range(count)]

    def before(self) -> Window:
        """Return the window of as many days that ends where this one begins."""
        length = timedelta(days=len(self.days))
        return Window(self.first - length, self.last - length, self.zone)


def last_days(count: int, now: datetime, zone: ZoneInfo) -> Window:
    """Return the window of the last days, today included."""
    today = now.astimezone(zone).date()
    return Window(today - timedelta(days=count - 1), today, zone)
