"""Errors of the alerts app."""

from __future__ import annotations

from tenants.errors import DomainError


class InvalidEndpoint(DomainError):
    """A webhook endpoint's data break a rule; ``field`` names which."""

    code = "invalid_endpoint"


class ChannelError(Exception):
    """A delivery failed. ``permanent`` says that trying again cannot help; ``status`` is the receiver's, if any."""

    def __init__(self, message: str, *, permanent: bool, status: int | None = None, response: str = "") -> None:
        super().__init__(message)
        self.permanent = permanent
        self.status = status
        self.response = response
