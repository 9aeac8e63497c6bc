"""INVITE server transaction: RFC 3261 §17.2.1 as amended by RFC 6026 §8.5.

The 2xx is repeated here on behalf of the transaction user (RFC 3261 §13.3.1.4), over any transport: the hop may be
reliable and the way beyond it not.
"""

from __future__ import annotations

from typing import ClassVar, Final

from sip.stack.events import AckReceived, RequestReceived, TransactionTimedOut, TransportFailed
from sip.stack.message.message import Request
from sip.stack.transaction.base import ServerTransaction
from sip.stack.transaction.machine import Action, Input, State, Table
from sip.stack.transaction.responses import make_response

TRANSITIONS: Final[Table] = {
    (State.NEW, Input.START): (State.PROCEEDING, (Action.DELIVER, Action.START_TRYING)),
    (State.NEW, Input.RESTORE): (State.ACCEPTED, (Action.START_L, Action.START_2XX)),
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Action.SEND,)),
    (State.PROCEEDING, Input.TIMER_TRYING): (State.PROCEEDING, (Action.SEND_TRYING,)),
    (State.PROCEEDING, Input.SEND_1XX): (State.PROCEEDING, (Action.STOP, Action.SEND)),
    (State.PROCEEDING, Input.SEND_2XX): (
        State.ACCEPTED,
        (Action.STOP, Action.SEND, Action.START_L, Action.START_2XX),
    ),
    (State.PROCEEDING, Input.SEND_FAILURE): (
        State.COMPLETED,
        (Action.STOP, Action.SEND, Action.START_G, Action.START_H),
    ),
    (State.PROCEEDING, Input.FORGET): (State.TERMINATED, ()),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Action.SEND,)),
    (State.COMPLETED, Input.TIMER_G): (State.COMPLETED, (Action.SEND, Action.START_G)),
    (State.COMPLETED, Input.TIMER_H): (State.TERMINATED, (Action.INFORM_TIMEOUT,)),
    (State.COMPLETED, Input.ACK): (State.CONFIRMED, (Action.STOP, Action.START_I)),
    (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.CONFIRMED, Input.TIMER_I): (State.TERMINATED, ()),
    (State.ACCEPTED, Input.SEND_2XX): (State.ACCEPTED, (Action.SEND,)),
    (State.ACCEPTED, Input.TIMER_2XX): (State.ACCEPTED, (Action.SEND, Action.START_2XX)),
    (State.ACCEPTED, Input.ACK): (State.ACKNOWLEDGED, (Action.STOP_2XX, Action.DELIVER_ACK)),
    (State.ACCEPTED, Input.TIMER_L): (State.TERMINATED, (Action.INFORM_TIMEOUT,)),
    (State.ACKNOWLEDGED, Input.TIMER_L): (State.TERMINATED, ()),
}


class InviteServer(ServerTransaction):
    """The peer's INVITE."""

    __slots__ = ()

    table: ClassVar[Table] = TRANSITIONS

    def _act(self, action: Action, now: float) -> None:
        values = self._layer.values
        if action is Action.SEND:
            if self.data:
                self._layer.to_send.append((self.flow, self.data))
        elif action is Action.DELIVER:
            self._emit(RequestReceived(self, self.request, self.source))
        elif action is Action.DELIVER_ACK:
            self._deliver_ack()
        elif action is Action.START_TRYING:
            self._start(Input.TIMER_TRYING, values.trying_s, now)
        elif action is Action.SEND_TRYING:
            self.data = bytes(make_response(self.request, 100))
            self._layer.to_send.append((self.flow, self.data))
        elif action is Action.START_G:
            if not self.flow.reliable:
                self._start_doubling(Input.TIMER_G, values.t2_s, now)
        elif action is Action.START_H:
            self._start(Input.TIMER_H, values.timeout_s, now)
        elif action is Action.START_I:
            self._start(Input.TIMER_I, 0.0 if self.flow.reliable else values.t4_s, now)
        elif action is Action.START_L:
            self._start(Input.TIMER_L, values.timeout_s, now)
        elif action is Action.START_2XX:
            self._start_2xx(now)
        elif action is Action.STOP_2XX:
            self._stop(Input.TIMER_2XX)
            self.data = b""
        elif action is Action.INFORM_TIMEOUT:
            if not self.is_proxied:
                self._emit(TransactionTimedOut(self))
        elif action is Action.INFORM_FAILURE:
            self._emit(TransportFailed(self))
        else:
            super()._act(action, now)

    def receive_ack(self, ack: Request | None, now: float) -> None:
        """Take the ACK; ``None`` when the transaction user saw it and wants no event."""
        self.ack = ack
        self.handle(Input.ACK, now)
        self.ack = None

    def _start_2xx(self, now: float) -> None:
        """Wait to repeat the 2xx, and let its ACK find the way here."""
        if self.is_proxied:
            return
        if not self.ack_key:
            assert self.response is not None
            request = self.request
            number = str(request.cseq.number)
            self.ack_key = (request.call_id, self.response.to_tag, request.from_tag, number)
            self._layer.unacknowledged[self.ack_key] = self
        self._start_doubling(Input.TIMER_2XX, self._layer.values.t2_s, now)

    def _deliver_ack(self) -> None:
        if self.ack is not None:
            self._emit(AckReceived(self.ack, self.ack_flow, self))
