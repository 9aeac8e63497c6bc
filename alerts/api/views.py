"""Viewsets of events, recipients and webhooks."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from alerts import services
from alerts.api.filters import DeliveryFilter, EventFilter
from alerts.api.serializers import (
    DeliverySerializer,
    EventSerializer,
    NewWebhookEndpointSerializer,
    RecipientSerializer,
    SecretSerializer,
    WebhookEndpointSerializer,
)
from alerts.choices import Channel
from alerts.models import Delivery, Event, Recipient, WebhookEndpoint
from tenants.api.viewsets import ScopedViewSet, ScopedWritableViewSet


class EventViewSet(ScopedViewSet[Event]):
    """What happened, newest first: the same events that browsers, people and webhooks are told of."""

    queryset = Event.objects.all()
    serializer_class = EventSerializer
    scope_resource = "events"
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)
    filterset_class = EventFilter


class RecipientViewSet(ScopedWritableViewSet[Recipient]):
    """Who is mailed about events."""

    queryset = Recipient.objects.all()
    serializer_class = RecipientSerializer
    scope_resource = "alert-recipients"
    ordering_fields = ("id",)
    ordering = ("id",)
    filterset_fields = ("tenant", "user", "min_severity", "is_active")

    def perform_create(self, serializer: BaseSerializer[Recipient]) -> None:
        """Create for the user's own tenant."""
        serializer.save(tenant=serializer.validated_data["user"].tenant)

    def perform_update(self, serializer: BaseSerializer[Recipient]) -> None:
        """Change; another user's wish is another object."""
        assert serializer.instance is not None
        services.check_same_user(serializer.instance, serializer.validated_data.get("user"))
        serializer.save()


class WebhookEndpointViewSet(ScopedWritableViewSet[WebhookEndpoint]):
    """Addresses that are told of events. The secret is in the answers to POST and ``rotate-secret/`` only."""

    queryset = WebhookEndpoint.objects.all()
    serializer_class = WebhookEndpointSerializer
    scope_resource = "webhooks"
    ordering_fields = ("id", "created_at")
    ordering = ("-id",)
    filterset_fields = ("tenant", "is_active")
    rights = {"rotate_secret": "change", "test": "change"}

    @extend_schema(responses={201: NewWebhookEndpointSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Register an endpoint and show its secret once."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = {**serializer.validated_data, "tenant": self.tenant_for(serializer)}
        endpoint, secret = services.create_endpoint(**data)
        shown = NewWebhookEndpointSerializer(endpoint, context={**self.get_serializer_context(), "secret": secret})
        return Response(shown.data, status=status.HTTP_201_CREATED)

    def perform_update(self, serializer: BaseSerializer[WebhookEndpoint]) -> None:
        """Change an endpoint; its secret stays."""
        self.refuse_move(serializer)
        assert serializer.instance is not None
        services.update_endpoint(serializer.instance, **serializer.validated_data)

    @extend_schema(request=None, responses=SecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str | None = None) -> Response:
        """Give the endpoint a new secret and show it once; the old one signs no more."""
        return Response({"secret": services.rotate_secret(self.get_object())})

    @extend_schema(request=None, responses={202: EventSerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str | None = None) -> Response:
        """Emit an event of kind ``webhook.test`` for the endpoint's tenant."""
        event = services.send_test_event(self.get_object())
        return Response(EventSerializer(event).data, status=status.HTTP_202_ACCEPTED)


class DeliveryViewSet(ScopedViewSet[Delivery]):
    """What became of each event on its way to a webhook, with every attempt."""

    queryset = Delivery.objects.filter(channel=Channel.WEBHOOK).prefetch_related("log")
    serializer_class = DeliverySerializer
    scope_resource = "webhooks"
    ordering_fields = ("id", "next_attempt_at")
    ordering = ("-id",)
    filterset_class = DeliveryFilter
    rights = {"retry": "change"}

    @extend_schema(request=None, responses={202: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str | None = None) -> Response:
        """Have a failed delivery attempted again, within seconds."""
        services.retry(self.get_object())
        return Response(self.get_serializer(self.get_object()).data, status=status.HTTP_202_ACCEPTED)
