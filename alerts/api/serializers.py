"""Events, recipients, webhooks and their deliveries as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from alerts.models import Delivery, DeliveryAttempt, Event, Recipient, WebhookEndpoint
from alerts.validators import KINDS_MAX, validate_kinds
from tenants.api.serializers import ScopedSerializer
from tenants.models import Tenant, User


class KindsField(serializers.ListField):
    """Kinds of events somebody wants; empty for all."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("help_text", 'Such as "fraud.case_opened" or "fraud.*"; empty for all.')
        child = serializers.CharField(max_length=61)
        super().__init__(
            child=child, max_length=KINDS_MAX, required=False, allow_empty=True, validators=[validate_kinds], **kwargs
        )


class EventSerializer(ScopedSerializer[Event]):
    """Something that happened."""

    payload = serializers.SerializerMethodField(help_text="What a webhook gets as its data.")

    class Meta:
        model = Event
        fields = ("id", "tenant", "kind", "subject", "severity", "payload", "created_at", "dispatched_at")
        read_only_fields = fields

    def get_payload(self, obj: Event) -> dict[str, Any]:
        """Leave out what is for the admin site only."""
        return {key: value for key, value in obj.payload.items() if key != "admin_url"}


class UserField(serializers.PrimaryKeyRelatedField[User]):
    """A user by id; only one in the caller's scope is accepted."""

    def get_queryset(self) -> Any:
        """Offer the users in scope only."""
        return User.objects.filter(tenant__in=Tenant.objects.visible())


class RecipientSerializer(ScopedSerializer[Recipient]):
    """A person's wish to be mailed; it belongs to the person's tenant."""

    user = UserField(queryset=User.objects.none())
    kinds = KindsField()

    class Meta:
        model = Recipient
        fields = ("id", "tenant", "user", "min_severity", "kinds", "is_active")
        read_only_fields = ("id", "tenant")


class WebhookEndpointSerializer(ScopedSerializer[WebhookEndpoint]):
    """An address that is told of events, without its secret."""

    url = serializers.CharField(max_length=500, help_text="http or https, on a public address.")
    kinds = KindsField()

    class Meta:
        model = WebhookEndpoint
        fields = ("id", "tenant", "url", "description", "kinds", "is_active", "created_at")
        read_only_fields = ("id", "created_at")


class NewWebhookEndpointSerializer(WebhookEndpointSerializer):
    """An endpoint just made: the one time its secret is shown."""

    secret = serializers.SerializerMethodField(help_text="Signs every delivery; keep it now, it is not shown again.")

    class Meta(WebhookEndpointSerializer.Meta):
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")  # type: ignore[assignment]

    def get_secret(self, obj: WebhookEndpoint) -> str:
        """Return the secret handed over by the view."""
        return str(self.context["secret"])


class SecretSerializer(serializers.Serializer[Any]):
    """A new secret: shown once."""

    secret = serializers.CharField(read_only=True)


@extend_schema_serializer(component_name="DeliveryAttempt")
class AttemptSerializer(serializers.ModelSerializer[DeliveryAttempt]):
    """One attempt and what the receiver said."""

    class Meta:
        model = DeliveryAttempt
        fields = ("attempt", "at", "duration_ms", "is_ok", "status", "error", "response")
        read_only_fields = fields


class DeliverySerializer(ScopedSerializer[Delivery]):
    """An event on its way to a webhook endpoint."""

    log = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Delivery
        fields = (
            "id",
            "tenant",
            "event",
            "endpoint",
            "state",
            "attempts",
            "next_attempt_at",
            "delivered_at",
            "last_error",
            "log",
        )
        read_only_fields = fields
