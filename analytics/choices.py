"""Allowed values of the analytics app."""

from __future__ import annotations

from django.db import models


class Basis(models.TextChoices):
    """What a row of traffic counts. The two are never added up: a call over a trunk is in both."""

    CALL = "call", "Calls"
    """Each call once, by its outcome: the customers' figures."""
    TRUNK = "trunk", "Trunk attempts"
    """Every attempt sent to a trunk and every call that came from one: the carriers' figures."""
