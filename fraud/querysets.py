"""Questions about rules and cases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Case as CaseExpression
from django.db.models import F, IntegerField, Value, When
from django.db.models.expressions import OrderBy

from alerts.choices import SEVERITY_RANK
from fraud.choices import CaseState
from tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from fraud.models import Case, Rule  # noqa: F401


class RuleQuerySet(TenantQuerySet["Rule"]):
    """Questions about rules."""

    def active(self) -> Self:
        """Keep rules that are switched on."""
        return self.filter(is_active=True)


class CaseQuerySet(TenantQuerySet["Case"]):
    """Questions about cases."""

    def unsettled(self) -> Self:
        """Keep cases somebody must still look at or decide on."""
        return self.exclude(state=CaseState.CLOSED)

    def by_urgency(self) -> Self:
        """Order as the night shift reads: open before acknowledged before closed, gravest first, then latest hit."""
        return self.order_by(*urgency())


def urgency() -> tuple[OrderBy, ...]:
    """Return the order of the night shift's list: state, severity, latest hit."""
    return _rank("state", _STATE_RANK).asc(), _rank("severity", SEVERITY_RANK).desc(), F("last_hit_at").desc()


_STATE_RANK: dict[str, int] = {CaseState.OPEN: 0, CaseState.ACKNOWLEDGED: 1, CaseState.CLOSED: 2}


def _rank(field: str, ranks: dict[str, int]) -> CaseExpression:
    whens = [When(**{field: name}, then=Value(rank)) for name, rank in ranks.items()]
    return CaseExpression(*whens, default=Value(len(ranks)), output_field=IntegerField())
