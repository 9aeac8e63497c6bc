"""Questions about events, who hears of them, and their deliveries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import Q

from alerts.choices import SEVERITY_RANK, DeliveryState
from tenants.querysets import TenantQuerySet

if TYPE_CHECKING:
    from alerts.models import Delivery, Event, Recipient, WebhookEndpoint  # noqa: F401


class EventQuerySet(TenantQuerySet["Event"]):
    """Questions about events."""

    def pending(self) -> Self:
        """Keep events no delivery was planned for yet, oldest first."""
        return self.filter(dispatched_at__isnull=True).order_by("pk")

    def after(self, event_id: int) -> Self:
        """Keep events younger than one a reader has seen."""
        return self.filter(pk__gt=event_id)


class _ListenerQuerySet:
    """What recipients and endpoints have in common: they choose kinds."""

    @staticmethod
    def wants(kind: str) -> Q:
        """Return the condition that a listener wants this kind: it names it, its family (``fraud.*``), or none."""
        family = kind.partition(".")[0] + ".*"
        return Q(kinds=[]) | Q(kinds__contains=[kind]) | Q(kinds__contains=[family])


class RecipientQuerySet(TenantQuerySet["Recipient"], _ListenerQuerySet):
    """Questions about people who get e-mails."""

    def for_event(self, event: Event, tenant_ids: Iterable[int]) -> Self:
        """Keep active people of these tenants who want this kind at this severity."""
        heard = [name for name, rank in SEVERITY_RANK.items() if rank <= SEVERITY_RANK[event.severity]]
        return self.filter(
            self.wants(event.kind),
            tenant_id__in=tenant_ids,
            min_severity__in=heard,
            is_active=True,
            user__is_active=True,
        )


class WebhookEndpointQuerySet(TenantQuerySet["WebhookEndpoint"], _ListenerQuerySet):
    """Questions about webhook endpoints."""

    def for_event(self, event: Event, tenant_ids: Iterable[int]) -> Self:
        """Keep active endpoints of these tenants that want this kind."""
        return self.filter(self.wants(event.kind), tenant_id__in=tenant_ids, is_active=True)


class DeliveryQuerySet(TenantQuerySet["Delivery"]):
    """Questions about deliveries."""

    def due(self, now: datetime) -> Self:
        """Keep deliveries whose next attempt is due, the longest waiting first."""
        return self.filter(state=DeliveryState.PENDING, next_attempt_at__lte=now).order_by("next_attempt_at", "pk")
