"""Errors that a user of the platform can act on."""

from __future__ import annotations


class DomainError(Exception):
    """A rule of the domain says no. ``field`` names the input at fault, ``code`` is stable for programs."""

    status = 400
    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        if code is not None:
            self.code = code


class Conflict(DomainError):
    """The object is in a state that does not allow it."""

    status = 409
    code = "conflict"
