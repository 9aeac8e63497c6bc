"""Questions about the roll-ups."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from analytics.choices import Basis
from tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from analytics.models import DirtyHour, HourlyTraffic  # noqa: F401


class HourlyTrafficQuerySet(TenantQuerySet["HourlyTraffic"]):
    """Questions about hourly traffic."""

    def between(self, start: datetime, end: datetime) -> Self:
        """Keep the hours that begin in ``[start, end)``."""
        return self.filter(hour__gte=start, hour__lt=end)

    def of_calls(self) -> Self:
        """Keep the customers' figures."""
        return self.filter(basis=Basis.CALL)

    def of_trunks(self) -> Self:
        """Keep the carriers' figures."""
        return self.filter(basis=Basis.TRUNK)


class DirtyHourQuerySet(TenantQuerySet["DirtyHour"]):
    """Questions about hours whose figures are not up to date."""
