"""Errors of the network that a user can act on."""

from __future__ import annotations

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from tenants.errors import Conflict, DomainError


class InvalidLine(DomainError):
    """A line's data break a rule; ``field`` names which."""

    code = "invalid_line"


class InvalidTrunk(DomainError):
    """A trunk's data break a rule; ``field`` names which."""

    code = "invalid_trunk"


class InvalidRoute(DomainError):
    """A route's data break a rule; ``field`` names which."""

    code = "invalid_route"


class LineInUse(Conflict):
    """A line cannot be deleted: something still points to it."""

    code = "line_in_use"


class TrunkInUse(Conflict):
    """A trunk cannot be deleted: routes or numbers still point to it."""

    code = "trunk_in_use"


def from_validation(error: ValidationError, kind: type[DomainError]) -> DomainError:
    """Return the first complaint of a model's ``full_clean`` as an error of ours, with the field at fault."""
    if not hasattr(error, "error_dict"):
        return kind(error.messages[0])
    field, complaints = next(iter(error.error_dict.items()))
    complaint = complaints[0]
    # A value that must be unique among others: the last field of the check is the one a person can change.
    unique = (complaint.params or {}).get("unique_check", ()) if isinstance(complaint.params, dict) else ()
    if field == NON_FIELD_ERRORS:
        return kind(complaint.messages[0], field=unique[-1] if unique else None)
    return kind(complaint.messages[0], field=field)
