"""The outbox of events, who hears of them, and what became of each delivery."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from alerts.choices import Channel, DeliveryState, Severity
from alerts.limits import SUBJECT_CHARS_MAX, URL_CHARS_MAX
from alerts.querysets import DeliveryQuerySet, EventQuerySet, RecipientQuerySet, WebhookEndpointQuerySet
from alerts.validators import validate_kinds
from tenants.models import Tenant, User

KIND_FORMAT = RegexValidator(r"\A[a-z_]+\.[a-z_]+\Z", "a kind is two words with a dot, such as fraud.case_opened")


class Event(models.Model):
    """Something happened that somebody may want to hear of; written in the transaction that made it happen."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=60, validators=[KIND_FORMAT])
    subject = models.CharField(max_length=SUBJECT_CHARS_MAX)
    payload = models.JSONField(default=dict)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.INFO)
    dedupe_key = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    dispatched_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[EventQuerySet] = EventQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-id",)
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-id"], name="event_tenant_id"),
            models.Index(fields=["id"], name="event_pending", condition=Q(dispatched_at__isnull=True)),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                name="event_once", fields=["tenant", "kind", "dedupe_key"], condition=~Q(dedupe_key="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"


class Recipient(models.Model):
    """A person's wish to be mailed about events of the own tenant and those below it."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="alert_recipients")
    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="alert_recipient")
    min_severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    kinds = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_kinds],
        help_text='Such as "fraud.case_opened" or "fraud.*"; [] is all.',
    )
    is_active = models.BooleanField(default=True)

    objects: ClassVar[RecipientQuerySet] = RecipientQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("user__email",)

    def __str__(self) -> str:
        return f"{self.user.email}: {self.get_min_severity_display()} and above"


class WebhookEndpoint(models.Model):
    """A program's address that is told of events with a signed POST.

    The secret is derived from the platform's own and ``salt`` (``alerts.signing``), so that no copy of the database
    holds it.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.URLField(max_length=URL_CHARS_MAX)
    description = models.CharField(max_length=120, blank=True)
    salt = models.CharField(max_length=32, editable=False)
    kinds = models.JSONField(
        default=list,
        blank=True,
        validators=[validate_kinds],
        help_text='Such as "invoice.finalised" or "fraud.*"; [] is all.',
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[WebhookEndpointQuerySet] = WebhookEndpointQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.url


class Delivery(models.Model):
    """One event on its way to one receiver over one channel; attempted until it arrives or is given up."""

    tenant = models.ForeignKey(
        Tenant, on_delete=models.PROTECT, related_name="deliveries", help_text="Whose receiver it is."
    )
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    receiver = models.CharField(max_length=60, help_text="Group, recipient or endpoint; once an event and channel.")
    recipient = models.ForeignKey(Recipient, on_delete=models.SET_NULL, null=True, blank=True)
    endpoint = models.ForeignKey(
        WebhookEndpoint, on_delete=models.SET_NULL, null=True, blank=True, related_name="deliveries"
    )
    state = models.CharField(max_length=10, choices=DeliveryState.choices, default=DeliveryState.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)

    objects: ClassVar[DeliveryQuerySet] = DeliveryQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(name="delivery_once", fields=["event", "channel", "receiver"]),
        ]
        indexes: ClassVar = [
            models.Index(fields=["next_attempt_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(fields=["endpoint", "-id"], name="delivery_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event_id} to {self.receiver} ({self.state})"


class DeliveryAttempt(models.Model):
    """One attempt of a delivery and what the other side said; append-only."""

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="+")
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="log")
    attempt = models.PositiveSmallIntegerField()
    at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    is_ok = models.BooleanField()
    status = models.PositiveSmallIntegerField(null=True, blank=True, help_text="HTTP status, if there was one.")
    error = models.CharField(max_length=500, blank=True)
    response = models.TextField(blank=True, help_text="Beginning of the receiver's answer.")

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"attempt {self.attempt}: {'ok' if self.is_ok else self.error}"
