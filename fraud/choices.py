"""Allowed values of the fraud app."""

from django.db import models


class RuleKind(models.TextChoices):
    """What a rule looks at; the words of ``fraud.screening``."""

    BARRED_DESTINATION = "barred_destination", "Barred destination"
    CONCURRENT_CALLS = "concurrent_calls", "Calls at once"
    SPEND_PER_HOUR = "spend_per_hour", "Spending per hour"


class RuleAction(models.TextChoices):
    """What a hit does besides opening a case."""

    REFUSE = "refuse", "Refuse the call"
    REFUSE_AND_BLOCK = "refuse_and_block", "Refuse the call and block the line"


class CountedBy(models.TextChoices):
    """Over what a rule counts calls or money."""

    LINE = "line", "Each line"
    TENANT = "tenant", "Each tenant"


class CaseState(models.TextChoices):
    """Where a case stands; the arrows are in ``fraud.states``."""

    OPEN = "open", "Open"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    CLOSED = "closed", "Closed"
