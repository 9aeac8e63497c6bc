"""Errors of the dids app that a user can act on."""

from __future__ import annotations

from tenants.errors import Conflict, DomainError


class InvalidDid(DomainError):
    """A number or what it should lead to breaks a rule; ``field`` names which."""

    code = "invalid_did"


class WrongState(Conflict):
    """The number's state does not allow the action."""

    code = "did_wrong_state"
