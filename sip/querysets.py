"""Questions about lines, trunks, routes and calls."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Q

from sip.choices import CallStatus
from tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from sip.models import Call, CallAttempt, Line, Route, Trunk  # noqa: F401


class LineQuerySet(TenantQuerySet["Line"]):
    """Questions about lines."""

    def in_service(self) -> Self:
        """Keep lines that may register and call: active, not blocked, of an active tenant."""
        return self.filter(is_active=True, blocked_at__isnull=True, tenant__is_active=True)

    def blocked(self) -> Self:
        """Keep lines that fraud control or an operator has blocked."""
        return self.filter(blocked_at__isnull=False)


class TrunkQuerySet(TenantQuerySet["Trunk"]):
    """Questions about trunks."""

    def in_service(self) -> Self:
        """Keep trunks that take calls."""
        return self.filter(is_active=True)

    def accepting_from(self, source: str) -> Self:
        """Keep trunks that list this address (or ``address:port``) as theirs."""
        return self.filter(source_addresses__contains=[source])

    def proving(self, name: str) -> Self:
        """Keep trunks whose certificate carries this name."""
        return self.filter(tls_name=name)


class RouteQuerySet(TenantQuerySet["Route"]):
    """Questions about routes."""

    def for_digits(self, digits: str) -> Self:
        """Keep routes whose prefix begins ``digits``, the longest prefix first, then by priority."""
        prefixes = [digits[:length] for length in range(len(digits) + 1)]
        return self.filter(prefix__in=prefixes).order_by("-prefix", "priority", "id")


class CallQuerySet(TenantQuerySet["Call"]):
    """Questions about call records."""

    def answered(self) -> Self:
        """Keep answered calls, whatever ended them: billable is what was answered."""
        return self.filter(answered_at__isnull=False)

    def refused(self) -> Self:
        """Keep calls the platform itself refused."""
        return self.filter(answered_at__isnull=True).exclude(refusal_code="")

    def failed(self) -> Self:
        """Keep calls that were tried and not answered."""
        return self.filter(answered_at__isnull=True, refusal_code="")

    def with_status(self, status: str) -> Self:
        """Keep calls that came out this way."""
        kept = {CallStatus.ANSWERED: self.answered, CallStatus.REFUSED: self.refused, CallStatus.FAILED: self.failed}
        return kept[CallStatus(status)]()

    def started_in(self, first: datetime, end: datetime) -> Self:
        """Keep calls that started at ``first`` or later and before ``end``; a call belongs to its start."""
        return self.filter(started_at__gte=first, started_at__lt=end)

    def of_line(self, line_id: int) -> Self:
        """Keep calls a line made or took."""
        return self.filter(Q(a_line_id=line_id) | Q(b_line_id=line_id))


class CallAttemptQuerySet(TenantQuerySet["CallAttempt"]):
    """Questions about attempts: a vendor's figures count each, a customer's only the last ones."""

    def final(self) -> Self:
        """Keep the attempt of each call that decided it."""
        return self.filter(is_last=True)
