"""What the four transaction machines share."""

from __future__ import annotations

from typing import Any

from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response


class Transaction:
    """One request and all its responses, over one flow."""

    __slots__ = ("flow", "key", "request", "user")

    def __init__(self, key: tuple[str, ...], request: Request, flow: Flow) -> None:
        self.key = key
        self.request = request
        self.flow = flow
        self.user: Any = None
        """Belongs to the transaction user."""

    @property
    def method(self) -> str:
        """Method of the request."""
        return self.request.method


class ServerTransaction(Transaction):
    """A request that came."""

    __slots__ = ("response",)

    def __init__(self, key: tuple[str, ...], request: Request, flow: Flow) -> None:
        super().__init__(key, request, flow)
        self.response: Response | None = None
        """The latest response given."""


class ClientTransaction(Transaction):
    """A request that was sent."""

    __slots__ = ()
