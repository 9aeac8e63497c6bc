"""Allowed values of the alerts app."""

from __future__ import annotations

from django.db import models


class Severity(models.TextChoices):
    """How soon somebody should look."""

    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


SEVERITY_RANK: dict[str, int] = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
"""Order of severities; a recipient gets those at or above its own threshold."""


class Channel(models.TextChoices):
    """Ways an event reaches somebody; each is one file in ``alerts.channels``."""

    WEBSOCKET = "websocket", "Browser"
    EMAIL = "email", "E-mail"
    WEBHOOK = "webhook", "Webhook"


class DeliveryState(models.TextChoices):
    """A delivery is pending until it succeeds, fails for good, or runs out of attempts."""

    PENDING = "pending", "Pending"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"
