"""Questions about numbers."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from dids.choices import DidState
from tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from dids.models import Did  # noqa: F401


class DidQuerySet(TenantQuerySet["Did"]):
    """Questions about numbers."""

    def unrouted(self) -> Self:
        """Keep assigned numbers that lead nowhere: a call to them is refused."""
        return self.filter(state=DidState.ASSIGNED, line__isnull=True)

    def rested(self, now: datetime) -> Self:
        """Keep quarantined numbers whose time is over."""
        return self.filter(state=DidState.QUARANTINED, quarantined_until__lte=now)
