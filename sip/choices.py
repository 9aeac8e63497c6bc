"""Allowed values of the sip app."""

from django.db import models


class Transport(models.TextChoices):
    """How requests go to a trunk."""

    UDP = "udp", "UDP"
    TCP = "tcp", "TCP"
    TLS = "tls", "TLS"


class Direction(models.TextChoices):
    """Which way a call crosses the platform's border; the words of ``sip.cdr.record``."""

    INTERNAL = "internal", "Internal"
    OUTBOUND = "outbound", "Outbound"
    INBOUND = "inbound", "Inbound"


class EndedBy(models.TextChoices):
    """Who ended a call."""

    CALLER = "caller", "Caller"
    CALLEE = "callee", "Callee"
    PLATFORM = "platform", "Platform"


class CallStatus(models.TextChoices):
    """How a call came out: answered (whatever ended it), refused by the platform, or failed beyond it."""

    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Failed"
    REFUSED = "refused", "Refused"
