"""The stack's face: bytes, time and requests in; datagrams, events and the next timer out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from sip.stack.config import EndpointConfig
from sip.stack.events import Event
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.transaction.base import ClientTransaction, ServerTransaction


class Endpoint:
    """One SIP element. ``now`` is in seconds on a monotonic clock of the caller's; it never goes back."""

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        self._events: deque[Event] = deque()
        self._to_send: list[tuple[Flow, bytes]] = []

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram. Never raises for what a peer sent."""

    def receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message that ``StreamFramer`` cut out of a stream. Never raises for what a peer sent."""

    def transport_failed(self, flow: Flow, now: float) -> None:
        """Learn that ``flow`` cannot carry messages: its pending transactions end with ``TransportFailed``."""

    def get_timer(self) -> float | None:
        """Return when ``handle_timer`` is next to be called, ``None`` when nothing waits."""
        return None

    def handle_timer(self, now: float) -> None:
        """Do what is due by ``now``."""

    def messages_to_send(self) -> list[tuple[Flow, bytes]]:
        """Return, once, what is to be sent, in order."""
        sending, self._to_send = self._to_send, []
        return sending

    def next_event(self) -> Event | None:
        """Return the oldest event not yet taken."""
        return self._events.popleft() if self._events else None

    def respond(self, tx: ServerTransaction, response: Response, now: float) -> None:
        """Answer a request. An INVITE's 2xx is repeated until its ACK comes; after a final response nothing more is sent."""

    def make_response(
        self,
        request: Request,
        status: int,
        reason: str = "",
        to_tag: str = "",
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Response:
        """Return a response with all that RFC 3261 §8.2.6 copies from the request.

        ``reason`` "" stands for the usual phrase; ``to_tag`` "" for a fresh one unless the request has one or status is 100.
        """
        return Response(status, reason, headers, body)

    def send_request(self, request: Request, flow: Flow, now: float) -> ClientTransaction:
        """Send a request under a Via of ours with a new branch; not for ACK and CANCEL. The given request is not changed."""
        return ClientTransaction((), request, flow)

    def send_ack(self, request: Request, flow: Flow, now: float) -> None:
        """Send the ACK of a 2xx; call it again for each repeated 2xx."""

    def cancel(self, tx: ClientTransaction, now: float) -> None:
        """Take an INVITE back (RFC 3261 §9.1): at once after a provisional response, else as soon as one comes.

        The INVITE still ends with its own event: usually 487, a 2xx that crossed the CANCEL, or a time-out.
        """

    def ack_received(self, tx: ServerTransaction) -> None:
        """Stop repeating the 2xx of ``tx``; for an ACK the endpoint could not match itself."""

    def restore_invite_server(self, request_head: bytes, response: bytes, flow: Flow, now: float) -> ServerTransaction:
        """After a restart, take up an INVITE that was answered 2xx before it: a repeated INVITE is absorbed, the 2xx goes on."""
        return ServerTransaction((), Request("INVITE", ""), flow)
