"""Non-INVITE client transaction: RFC 3261 §17.1.2."""

from __future__ import annotations

from typing import ClassVar, Final

from sip.stack.events import ResponseReceived, TransactionTimedOut, TransportFailed
from sip.stack.transaction.base import ClientTransaction
from sip.stack.transaction.machine import Action, Input, State, Table

TRANSITIONS: Final[Table] = {
    (State.NEW, Input.START): (State.TRYING, (Action.SEND, Action.START_E, Action.START_F)),
    (State.NEW, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.TRYING, Input.TIMER_E): (State.TRYING, (Action.SEND, Action.START_E)),
    (State.TRYING, Input.TIMER_F): (State.TERMINATED, (Action.INFORM_TIMEOUT,)),
    (State.TRYING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.TRYING, Input.RESPONSE_1XX): (State.PROCEEDING, (Action.DELIVER,)),
    (State.TRYING, Input.RESPONSE_2XX): (State.COMPLETED, (Action.STOP, Action.DELIVER, Action.START_K)),
    (State.TRYING, Input.RESPONSE_FAILURE): (State.COMPLETED, (Action.STOP, Action.DELIVER, Action.START_K)),
    (State.PROCEEDING, Input.TIMER_E): (State.PROCEEDING, (Action.SEND, Action.START_E_SLOW)),
    (State.PROCEEDING, Input.TIMER_F): (State.TERMINATED, (Action.INFORM_TIMEOUT,)),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.PROCEEDING, Input.RESPONSE_1XX): (State.PROCEEDING, (Action.DELIVER,)),
    (State.PROCEEDING, Input.RESPONSE_2XX): (State.COMPLETED, (Action.STOP, Action.DELIVER, Action.START_K)),
    (State.PROCEEDING, Input.RESPONSE_FAILURE): (State.COMPLETED, (Action.STOP, Action.DELIVER, Action.START_K)),
    (State.COMPLETED, Input.TIMER_K): (State.TERMINATED, ()),
    # The transaction user has its final response already.
    (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
}


class NonInviteClient(ClientTransaction):
    """Our request of another method than INVITE and ACK."""

    __slots__ = ()

    table: ClassVar[Table] = TRANSITIONS

    def _act(self, action: Action, now: float) -> None:
        values = self._layer.values
        if action is Action.DELIVER:
            assert self.response is not None
            self._emit(ResponseReceived(self, self.response))
        elif action is Action.START_E:
            if not self.flow.reliable:
                self._start_doubling(Input.TIMER_E, values.t2_s, now)
        elif action is Action.START_E_SLOW:
            self._interval_s = values.t2_s
            self._start(Input.TIMER_E, values.t2_s, now)
        elif action is Action.START_F:
            self._start(Input.TIMER_F, values.timeout_s, now)
        elif action is Action.START_K:
            self._start(Input.TIMER_K, 0.0 if self.flow.reliable else values.t4_s, now)
        elif action is Action.INFORM_TIMEOUT:
            self._emit(TransactionTimedOut(self))
        elif action is Action.INFORM_FAILURE:
            self._emit(TransportFailed(self))
        else:
            super()._act(action, now)
