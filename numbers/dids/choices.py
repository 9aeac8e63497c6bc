"""Allowed values of the dids app."""

from django.db import models


class DidState(models.TextChoices):
    """Where a number stands between stock and use; the arrows are in ``dids.states``."""

    AVAILABLE = "available", "Available"
    RESERVED = "reserved", "Reserved"
    ASSIGNED = "assigned", "Assigned"
    QUARANTINED = "quarantined", "Quarantined"
