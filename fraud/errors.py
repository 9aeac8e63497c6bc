"""Errors of the fraud app that a user can act on."""

from __future__ import annotations

from tenants.errors import Conflict, DomainError


class InvalidRule(DomainError):
    """A rule's data break a rule; ``field`` names which."""

    code = "invalid_rule"


class RuleInUse(Conflict):
    """A rule that has cases cannot be deleted."""

    code = "rule_in_use"


class WrongState(Conflict):
    """The case's state does not allow the action."""

    code = "case_wrong_state"
