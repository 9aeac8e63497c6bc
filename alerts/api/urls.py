"""The API routes of the alerts app."""

from __future__ import annotations

from rest_framework.viewsets import ViewSetMixin

from alerts.api.views import DeliveryViewSet, EventViewSet, RecipientViewSet, WebhookEndpointViewSet

routes: list[tuple[str, type[ViewSetMixin], str]] = [
    ("events", EventViewSet, "event"),
    ("alert-recipients", RecipientViewSet, "alert-recipient"),
    ("webhook-endpoints", WebhookEndpointViewSet, "webhook-endpoint"),
    ("webhook-deliveries", DeliveryViewSet, "webhook-delivery"),
]
