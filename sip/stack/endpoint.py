"""The stack's face: bytes, time and requests in; datagrams, events and the next timer out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sip.stack import stun
from sip.stack.addresses import source_of
from sip.stack.amplification import AMPLIFICATION_MAX, shorten
from sip.stack.config import EndpointConfig
from sip.stack.errors import LocalProtocolError, RemoteProtocolError
from sip.stack.events import (
    AckReceived,
    CancelReceived,
    Event,
    FlowFailed,
    RequestPassing,
    ResponsePassing,
    StrayAnswer,
)
from sip.stack.flow import Flow
from sip.stack.limits import HEAD_BYTES_MAX
from sip.stack.matching import (
    ack_keys,
    client_key,
    is_single_via,
    reply_flow,
    same_place,
    server_key,
    stamp_source,
)
from sip.stack.message.message import Request, Response
from sip.stack.message.parse import parse_head, parse_message, recover_head
from sip.stack.message.validate import check_new_request, check_response
from sip.stack.message.via import Via
from sip.stack.overload_control import OFFER, Restraint, Wish, answer_offer
from sip.stack.transaction.base import ClientTransaction, Layer, ServerTransaction, Transaction
from sip.stack.transaction.invite_client import InviteClient
from sip.stack.transaction.invite_server import InviteServer
from sip.stack.transaction.machine import Input, State
from sip.stack.transaction.non_invite_client import NonInviteClient
from sip.stack.transaction.non_invite_server import NonInviteServer
from sip.stack.transaction.responses import make_response

_FIRST_LETTER: Final = 0x40
"""Methods and ``SIP/2.0`` begin at or above it, STUN below (RFC 5626 §8.1)."""


class Endpoint:
    """One SIP element. ``now`` is in seconds on a monotonic clock of the caller's; it never goes back."""

    __slots__ = ("_layer", "config", "refused", "restraint", "wish")

    def __init__(self, config: EndpointConfig) -> None:
        self.config = config
        self.refused = 0
        """Messages that were no good, answered or not."""
        self.wish = Wish()
        """What peers that offer overload feedback are asked."""
        self.restraint = Restraint()
        """What servers ask of us."""
        self._layer = Layer(config.timers)

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram. Never raises for what a peer sent."""
        if len(data) < 5 and not data.strip(b"\r\n\0"):
            return  # A keep-alive of a phone behind NAT (RFC 5626 §3.5.1 and usage): no answer over UDP.
        if data[0] < _FIRST_LETTER and stun.is_stun(data):
            response = stun.answer(data, flow.remote)
            if response is not None:
                self._layer.to_send.append((flow, response))
            return
        self._receive(data, flow, now)

    def receive_message(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one message that ``StreamFramer`` cut out of a stream. Never raises for what a peer sent."""
        self._receive(data, flow, now)

    def _receive(self, data: bytes, flow: Flow, now: float) -> None:
        try:
            message = parse_message(data)
            if self.config.role == "stateless":
                self._pass(message, flow)
            elif isinstance(message, Request):
                self._receive_request(message, flow, len(data), now)
            else:
                self._receive_response(message, now)
        except RemoteProtocolError as error:
            if error.request_head is None:
                error.request_head = recover_head(data[:HEAD_BYTES_MAX].partition(b"\r\n\r\n")[0])
            self.refuse(error, flow, len(data))

    def _pass(self, message: Request | Response, flow: Flow) -> None:
        """Tell of a message without remembering it."""
        if isinstance(message, Response):
            self._layer.events.append(ResponsePassing(message, flow))
            return
        check_new_request(message, needs_contact=False)
        stamp_source(message, flow)
        self._layer.events.append(RequestPassing(message, flow))

    def refuse(self, error: RemoteProtocolError, flow: Flow, received_bytes: int = 0) -> None:
        """Answer a bad request without remembering it, if it can be answered; for ``StreamFramer.failure`` too."""
        if error.status != 503:
            self.refused += 1
        request = error.request_head
        if request is None:
            return
        reply_to = reply_flow(request, flow)
        stamp_source(request, flow)
        try:
            to_tag = "" if request.to_tag else self.config.token()
        except RemoteProtocolError:
            to_tag = ""  # What stands in To cannot be read: it goes back as it came.
        response = make_response(request, error.status, "" if error.status != 400 else _phrase(error.reason), to_tag)
        data = shorten(response, received_bytes) if received_bytes and not flow.reliable else bytes(response)
        if data:
            self._layer.to_send.append((reply_to, data))

    def _receive_request(self, request: Request, flow: Flow, received_bytes: int, now: float) -> None:
        key = server_key(request)
        if request.method == "ACK":
            self._receive_ack(request, flow, now)
            return
        known = self._layer.servers.get(key)
        if known is not None:
            if not known.to_stranger or len(known.data) <= received_bytes * AMPLIFICATION_MAX:
                known.handle(Input.REQUEST, now)
            return
        try:
            check_new_request(request)
            if not self._has_room(flow):
                raise RemoteProtocolError("Service Unavailable", 503)
        except RemoteProtocolError as error:
            error.request_head = request
            raise
        reply_to = reply_flow(request, flow)
        stamp_source(request, flow)
        if request.via.param("oc") is not None:
            answer_offer(request, self.wish)
        tx: ServerTransaction
        if request.method == "INVITE":
            tx = InviteServer(self._layer, key, request, reply_to)
        else:
            tx = NonInviteServer(self._layer, key, request, reply_to)
        tx.source = flow
        tx.received_bytes = received_bytes
        tx.enter()
        if request.method == "CANCEL":
            self._receive_cancel(tx, now)
        else:
            tx.handle(Input.START, now)

    def _has_room(self, flow: Flow) -> bool:
        """Tell whether another transaction of this source may begin.

        A source may have as many as there are places left: alone it gets half of all, beside a second one a third. Only
        when a quarter is taken does it matter at all.
        """
        layer, most = self._layer, self.config.transactions_max
        left = most - len(layer.servers) - len(layer.clients)
        if left > most * 3 // 4:
            return True
        return layer.by_source.get(source_of(flow.remote[0]), 0) < left

    def _receive_ack(self, request: Request, flow: Flow, now: float) -> None:
        """Find the INVITE: by branch for a failure, by dialog for a 2xx; without one the ACK is an event of its own."""
        by_branch, by_dialog = ack_keys(request)
        tx = self._layer.servers.get(by_branch) or self._layer.unacknowledged.get(by_dialog)
        if isinstance(tx, InviteServer):
            tx.ack_flow = flow
            tx.receive_ack(request, now)
        else:
            self._layer.events.append(AckReceived(request, flow, None))

    def _receive_cancel(self, tx: ServerTransaction, now: float) -> None:
        """Answer the CANCEL; tell of it when its INVITE is still to be answered (RFC 3261 §9.2)."""
        tx.is_silent = True
        tx.handle(Input.START, now)
        invite = self._layer.servers.get(server_key(tx.request, "INVITE"))
        if invite is None:
            self.respond_to_stranger(tx, self.make_response(tx.request, 481), now)
            return
        to_tag = "" if invite.response is None else invite.response.to_tag
        tx.respond(self.make_response(tx.request, 200, to_tag=to_tag), now)
        if invite.state is State.PROCEEDING:
            self._layer.events.append(CancelReceived(invite))

    def _receive_response(self, response: Response, now: float) -> None:
        tx = self._layer.clients.get(client_key(response))
        if not is_single_via(response) and self.config.role == "user":
            return
        check_response(response)
        if tx is None:
            if 200 <= response.status <= 299 and response.cseq.method == "INVITE":
                _ = response.from_tag  # Whose dialog it is will be asked: unreadable, it is nobody's.
                self._layer.events.append(StrayAnswer(response))
            return
        if len(self.restraint):
            self.restraint.learn(tx.flow, response, now)
        tx.receive(response, now)

    def has_invite(self, data: bytes) -> bool:
        """Tell whether the INVITE that a CANCEL or ACK means by its branch is here; a bad message means none."""
        try:
            request = parse_message(data)
            return isinstance(request, Request) and server_key(request, "INVITE") in self._layer.servers
        except RemoteProtocolError:
            return False

    def transport_failed(self, flow: Flow, now: float) -> None:
        """Learn that ``flow`` cannot carry messages: its pending transactions end with ``TransportFailed``.

        Of a connection ``FlowFailed`` tells as well.
        """
        layer = self._layer
        if flow.connection:
            layer.events.append(FlowFailed(flow))
        pool: list[Transaction]
        if flow.reliable:
            pool = [*layer.by_remote.get(flow.remote, ())]
        else:
            pool = [*layer.clients.values(), *layer.servers.values()]
        for tx in [tx for tx in pool if same_place(tx.flow, flow)]:
            tx.handle(Input.TRANSPORT_ERROR, now)

    def get_timer(self) -> float | None:
        """Return when ``handle_timer`` is next to be called, ``None`` when nothing waits."""
        return self._layer.timers.next_at()

    def handle_timer(self, now: float) -> None:
        """Do what is due by ``now``."""
        timers = self._layer.timers
        timer = timers.pop_due(now)
        while timer is not None:
            tx = timer.tx
            if tx is not None:
                tx.timer_fired(timer, now)
            timer = timers.pop_due(now)

    def messages_to_send(self) -> list[tuple[Flow, bytes]]:
        """Return, once, what is to be sent, in order."""
        layer = self._layer
        sending = layer.to_send
        layer.to_send = []
        return sending

    def next_event(self) -> Event | None:
        """Return the oldest event not yet taken."""
        events = self._layer.events
        return events.popleft() if events else None

    @property
    def transactions(self) -> int:
        """How many transactions live, of both sides."""
        return len(self._layer.servers) + len(self._layer.clients)

    def respond(self, tx: ServerTransaction, response: Response, now: float) -> None:
        """Answer a request.

        An INVITE's 2xx is repeated until its ACK comes. A response that comes too late for the transaction (after a
        final one, after its end) is not sent; a non-INVITE's provisional or 408 never is (RFC 4320).
        """
        tx.respond(response, now)

    def respond_to_stranger(self, tx: ServerTransaction, response: Response, now: float) -> None:
        """Answer somebody who may have forged the source address: never much longer than what was asked, and once.

        A failure of an INVITE is given statelessly: it is not repeated, but to a repeated INVITE. An answer that cannot
        be made short enough is not given (``sip.stack.amplification``).
        """
        if tx.flow.reliable or response.status < 200:
            tx.respond(response, now)
        elif (tx.state, Input.FORGET) in tx.table:
            data = shorten(response, tx.received_bytes)
            if tx.method == "INVITE" or not data:
                if data:
                    self._layer.to_send.append((tx.flow, data))
                tx.handle(Input.FORGET, now)
            else:
                tx.to_stranger = True
                tx.respond(response, now)

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

        ``reason`` "" stands for the usual phrase; To gets ``to_tag``, else a fresh tag, unless it has one (or for 100).
        """
        if not to_tag and status != 100 and not request.to_tag:
            to_tag = self.config.token()
        response = make_response(request, status, reason, to_tag, headers, body)
        if self.config.server_name:
            response.headers.append(("Server", self.config.server_name))
        return response

    def send_request(self, request: Request, flow: Flow, now: float, mark: str = "") -> ClientTransaction:
        """Send a request under a Via of ours with a new branch; not for ACK and CANCEL.

        The given request is not changed; ``tx.request`` is the one sent. ``mark`` ends the branch: what a proxy
        knows a loop by (RFC 5393 §4.2.1).
        """
        if request.method in ("ACK", "CANCEL"):
            raise LocalProtocolError(f"{request.method} has no transaction to start")
        sent, branch = self._with_via(request, flow, mark)
        key = (branch, request.method)
        tx: ClientTransaction
        if request.method == "INVITE":
            tx = InviteClient(self._layer, key, sent, flow)
        else:
            tx = NonInviteClient(self._layer, key, sent, flow)
        self._layer.clients[key] = tx
        if sent.uri[:5].lower() == "sips:" and not flow.is_secure:
            tx.handle(Input.TRANSPORT_ERROR, now)  # Never in the clear (RFC 3261 §26.2.2): as if nobody were there.
        else:
            tx.start(now)
        return tx

    def unsent(self, request: Request) -> ClientTransaction:
        """Return a transaction for a request that could not be sent: nothing ever happens to it."""
        kind = InviteClient if request.method == "INVITE" else NonInviteClient
        return kind(self._layer, ("", request.method), request, Flow("UDP", ("", 0), ("", 0)))

    def send_ack(self, request: Request, flow: Flow, now: float) -> None:
        """Send the ACK of a 2xx under a Via of ours; call it again for each repeated 2xx."""
        sent, _ = self._with_via(request, flow)
        self._layer.to_send.append((flow, bytes(sent)))

    def forward(self, message: Request | Response, flow: Flow) -> None:
        """Send a message as it stands, without a transaction: what a proxy passes on (RFC 3261 §16.6, §16.11)."""
        self._layer.to_send.append((flow, bytes(message)))

    def _with_via(self, request: Request, flow: Flow, mark: str = "") -> tuple[Request, str]:
        host, port = self.config.listeners.advertised(flow)
        branch = f"z9hG4bK{self.config.token()}{mark}"
        params: tuple[tuple[str, str | None], ...] = (("branch", branch), ("rport", None))
        if flow.transport == "TLS":
            params = (*params, ("alias", None))  # We show a certificate to who asks: RFC 5923 §8.1.
        text = str(Via(flow.transport, host, port, params))
        if len(self.restraint) and self.restraint.offers_to(flow):
            text += OFFER
            self.restraint.sent(flow, request.method == "INVITE" and not request.to_tag)
        return Request(request.method, request.uri, [("Via", text), *request.headers], request.body), branch

    def cancel(self, tx: ClientTransaction, now: float) -> None:
        """Take an INVITE back (RFC 3261 §9.1): at once after a provisional response, else as soon as one comes.

        The INVITE still ends with its own event: usually 487, a 2xx that crossed the CANCEL, or a time-out.
        """
        if tx.method != "INVITE":
            raise LocalProtocolError(f"{tx.method} cannot be cancelled")
        tx.handle(Input.CANCEL, now)

    def ack_received(self, tx: ServerTransaction, now: float) -> None:
        """Stop repeating the 2xx of ``tx``, without an event; for an ACK that came before a restart."""
        if isinstance(tx, InviteServer):
            tx.receive_ack(None, now)

    def restore_invite_server(self, request_head: bytes, response: bytes, flow: Flow, now: float) -> ServerTransaction:
        """After a restart, take up an INVITE that was answered 2xx before it.

        A repeated INVITE is absorbed, the 2xx is repeated from T1 on until its ACK comes or 64*T1 are over.
        ``request_head`` is ``bytes(tx.request)``, with body or without; ``flow`` where responses go (``tx.flow``).
        """
        request = parse_head(request_head)
        answer = parse_message(response)
        if not isinstance(request, Request) or request.method != "INVITE" or not isinstance(answer, Response):
            raise LocalProtocolError("not an INVITE and its response")
        tx = InviteServer(self._layer, server_key(request), request, flow)
        tx.response = answer
        tx.data = bytes(answer)
        tx.is_proven = True
        tx.enter()
        tx.handle(Input.RESTORE, now)
        return tx


def _phrase(reason: str) -> str:
    """Return a reason phrase that says what is wrong, safe to send."""
    printable = "".join([char if char.isascii() and char.isprintable() else "?" for char in reason[:80]])
    return f"Bad Request ({printable})"
