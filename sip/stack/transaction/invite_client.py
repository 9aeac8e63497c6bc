"""INVITE client transaction: RFC 3261 §17.1.1 as amended by RFC 6026 §8.4, with CANCEL of §9.1."""

from __future__ import annotations

from typing import ClassVar, Final

from sip.stack.events import ResponseReceived, TransactionTimedOut, TransportFailed
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.transaction.base import ClientTransaction, Key, Layer
from sip.stack.transaction.machine import Action, Input, State, Table
from sip.stack.transaction.non_invite_client import NonInviteClient

TRANSITIONS: Final[Table] = {
    (State.NEW, Input.START): (State.CALLING, (Action.SEND, Action.START_A, Action.START_B)),
    (State.NEW, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.CALLING, Input.TIMER_A): (State.CALLING, (Action.SEND, Action.START_A)),
    (State.CALLING, Input.TIMER_B): (State.TERMINATED, (Action.INFORM_TIMEOUT,)),
    (State.CALLING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.CALLING, Input.CANCEL): (State.CALLING, (Action.REMEMBER_CANCEL,)),
    (State.CALLING, Input.RESPONSE_1XX): (
        State.PROCEEDING,
        (Action.STOP, Action.DELIVER, Action.SEND_REMEMBERED_CANCEL),
    ),
    (State.CALLING, Input.RESPONSE_2XX): (State.ACCEPTED, (Action.STOP, Action.START_M, Action.DELIVER)),
    (State.CALLING, Input.RESPONSE_FAILURE): (
        State.COMPLETED,
        (Action.STOP, Action.SEND_ACK, Action.DELIVER, Action.START_D),
    ),
    (State.PROCEEDING, Input.RESPONSE_1XX): (State.PROCEEDING, (Action.DELIVER,)),
    (State.PROCEEDING, Input.CANCEL): (State.PROCEEDING, (Action.SEND_CANCEL,)),
    (State.PROCEEDING, Input.TIMER_CANCEL): (State.TERMINATED, (Action.INFORM_TIMEOUT,)),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.PROCEEDING, Input.RESPONSE_2XX): (State.ACCEPTED, (Action.STOP, Action.START_M, Action.DELIVER)),
    (State.PROCEEDING, Input.RESPONSE_FAILURE): (
        State.COMPLETED,
        (Action.STOP, Action.SEND_ACK, Action.DELIVER, Action.START_D),
    ),
    (State.COMPLETED, Input.RESPONSE_FAILURE): (State.COMPLETED, (Action.SEND_ACK,)),
    (State.COMPLETED, Input.TIMER_D): (State.TERMINATED, ()),
    # The transaction user has its final response already: that the ACK cannot be sent changes nothing for it.
    (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
    (State.ACCEPTED, Input.RESPONSE_2XX): (State.ACCEPTED, (Action.DELIVER,)),
    (State.ACCEPTED, Input.TIMER_M): (State.TERMINATED, ()),
}


class InviteClient(ClientTransaction):
    """Our INVITE."""

    __slots__ = ("_ack", "_cancel_state")

    table: ClassVar[Table] = TRANSITIONS

    def __init__(self, layer: Layer, key: Key, request: Request, flow: Flow) -> None:
        super().__init__(layer, key, request, flow)
        self._ack = b""
        self._cancel_state = _NOT_CANCELLED

    def _act(self, action: Action, now: float) -> None:
        if action is Action.DELIVER:
            assert self.response is not None
            self._emit(ResponseReceived(self, self.response))
        elif action is Action.START_A:
            if not self.flow.reliable:
                self._start_doubling(Input.TIMER_A, self._layer.values.timeout_s, now)
        elif action is Action.START_B:
            self._start(Input.TIMER_B, self._layer.values.timeout_s, now)
        elif action is Action.START_D:
            self._start(Input.TIMER_D, 0.0 if self.flow.reliable else self._layer.values.d_s, now)
        elif action is Action.START_M:
            self.data = b""
            self._start(Input.TIMER_M, self._layer.values.timeout_s, now)
        elif action is Action.SEND_ACK:
            self._send_ack()
        elif action is Action.REMEMBER_CANCEL:
            self._cancel_state = _REMEMBERED
        elif action is Action.SEND_CANCEL:
            self._send_cancel(now)
        elif action is Action.SEND_REMEMBERED_CANCEL:
            self.data = b""
            if self._cancel_state == _REMEMBERED:
                self._send_cancel(now)
        elif action is Action.INFORM_TIMEOUT:
            self._emit(TransactionTimedOut(self))
        elif action is Action.INFORM_FAILURE:
            self._emit(TransportFailed(self))
        else:
            super()._act(action, now)

    def _send_ack(self) -> None:
        """Send the ACK of a failure, the same each time."""
        if not self._ack:
            assert self.response is not None
            self._ack = bytes(make_ack_of_failure(self.request, self.response))
            self.data = b""
        self._layer.to_send.append((self.flow, self._ack))

    def _send_cancel(self, now: float) -> None:
        """Send the CANCEL once, in a transaction of its own, and give the INVITE 64*T1 to end."""
        if self._cancel_state == _SENT:
            return
        self._cancel_state = _SENT
        cancel = NonInviteClient(self._layer, (self.key[0], "CANCEL"), make_cancel(self.request), self.flow)
        cancel.is_silent = True
        self._layer.clients[cancel.key] = cancel
        cancel.start(now)
        self._start(Input.TIMER_CANCEL, self._layer.values.timeout_s, now)


_NOT_CANCELLED: Final = 0
_REMEMBERED: Final = 1
_SENT: Final = 2


def _make_companion(request: Request, method: str, to: str) -> Request:
    """Return a request on the hop of ``request``: same topmost Via, Route, number (RFC 3261 §9.1, §17.1.1.3)."""
    rows = [("Via", str(request.via))]
    rows += [("Route", value) for value in request.get_all("Route")]
    rows.append(("From", request.get("From") or ""))
    rows.append(("To", to))
    rows.append(("Call-ID", request.call_id))
    rows.append(("CSeq", f"{request.cseq.number} {method}"))
    rows.append(("Max-Forwards", "70"))
    return Request(method, request.uri, rows)


def make_ack_of_failure(request: Request, response: Response) -> Request:
    """Return the ACK of a 300 to 699 response to ``request`` (RFC 3261 §17.1.1.3)."""
    return _make_companion(request, "ACK", response.get("To") or "")


def make_cancel(request: Request) -> Request:
    """Return the CANCEL of ``request`` (RFC 3261 §9.1)."""
    return _make_companion(request, "CANCEL", request.get("To") or "")
