"""What the endpoint tells its transaction user."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.transaction.base import ClientTransaction, ServerTransaction


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A new request: INVITE or any other but ACK and CANCEL. It must be answered through ``Endpoint.respond``."""

    tx: ServerTransaction
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The ACK of a 2xx; a repeated one is absorbed as long as ``tx`` lives."""

    request: Request
    flow: Flow
    tx: ServerTransaction | None
    """The INVITE's transaction, ``None`` when it is over or never was here."""


@dataclass(frozen=True, slots=True)
class CancelReceived:
    """The INVITE is not wanted any more; its CANCEL has been answered 200, the INVITE is still to be answered (487)."""

    tx: ServerTransaction


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response: each provisional (100 too), the final one, and every further 2xx of an INVITE."""

    tx: ClientTransaction
    response: Response


@dataclass(frozen=True, slots=True)
class TransactionTimedOut:
    """Nothing came: of a client transaction no final response (act as for 408), of an INVITE server one no ACK."""

    tx: ClientTransaction | ServerTransaction


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """The message could not be sent (act as for 503)."""

    tx: ClientTransaction | ServerTransaction


@dataclass(frozen=True, slots=True)
class FlowFailed:
    """A connection is gone: nothing will come or go over it any more (RFC 5626 §7)."""

    flow: Flow


@dataclass(frozen=True, slots=True)
class StrayAnswer:
    """A 2xx to an INVITE whose transaction is not here any more, or died with a process before this one.

    RFC 3261 §13.2.2.4: whoever knows its dialog acknowledges it again.
    """

    response: Response


@dataclass(frozen=True, slots=True)
class RequestPassing:
    """A request at a stateless element, its source stamped into the topmost Via."""

    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class ResponsePassing:
    """A response at a stateless element."""

    response: Response
    flow: Flow


Event = (
    RequestReceived
    | AckReceived
    | CancelReceived
    | ResponseReceived
    | TransactionTimedOut
    | TransportFailed
    | StrayAnswer
    | FlowFailed
    | RequestPassing
    | ResponsePassing
)
