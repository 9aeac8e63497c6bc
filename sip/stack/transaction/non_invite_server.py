"""Non-INVITE server transaction: RFC 3261 §17.2.2 as amended by RFC 4320 §4.

A provisional response of the transaction user is not sent: RFC 4320 §4.1 forbids all but 100, and that before Timer E
has reached T2; the 100 goes out from here when it is due. A 408 is not sent either: its reader has timed out itself.
"""

from __future__ import annotations

from typing import ClassVar, Final

from sip.stack.events import RequestReceived, TransportFailed
from sip.stack.transaction.base import ServerTransaction
from sip.stack.transaction.machine import Action, Input, State, Table
from sip.stack.transaction.responses import make_response

TRANSITIONS: Final[Table] = {
    (State.NEW, Input.START): (State.TRYING, (Action.DELIVER, Action.START_TRYING)),
    (State.TRYING, Input.TIMER_TRYING): (State.PROCEEDING, (Action.SEND_TRYING,)),
    (State.TRYING, Input.SEND_2XX): (State.COMPLETED, (Action.STOP, Action.SEND, Action.START_J)),
    (State.TRYING, Input.SEND_FAILURE): (State.COMPLETED, (Action.STOP, Action.SEND, Action.START_J)),
    (State.TRYING, Input.SEND_408): (State.TERMINATED, ()),
    (State.TRYING, Input.FORGET): (State.TERMINATED, ()),
    (State.TRYING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.PROCEEDING, Input.REQUEST): (State.PROCEEDING, (Action.SEND,)),
    (State.PROCEEDING, Input.SEND_2XX): (State.COMPLETED, (Action.STOP, Action.SEND, Action.START_J)),
    (State.PROCEEDING, Input.SEND_FAILURE): (State.COMPLETED, (Action.STOP, Action.SEND, Action.START_J)),
    (State.PROCEEDING, Input.SEND_408): (State.TERMINATED, ()),
    (State.PROCEEDING, Input.FORGET): (State.TERMINATED, ()),
    (State.PROCEEDING, Input.TRANSPORT_ERROR): (State.TERMINATED, (Action.INFORM_FAILURE,)),
    (State.COMPLETED, Input.REQUEST): (State.COMPLETED, (Action.SEND,)),
    (State.COMPLETED, Input.TIMER_J): (State.TERMINATED, ()),
    # The final response is given: that its repetition cannot be sent is no news for the transaction user.
    (State.COMPLETED, Input.TRANSPORT_ERROR): (State.TERMINATED, ()),
}


class NonInviteServer(ServerTransaction):
    """The peer's request of another method than INVITE and ACK."""

    __slots__ = ()

    table: ClassVar[Table] = TRANSITIONS

    def _act(self, action: Action, now: float) -> None:
        if action is Action.DELIVER:
            self._emit(RequestReceived(self, self.request, self.source))
        elif action is Action.START_TRYING:
            self._start(Input.TIMER_TRYING, _trying_after_s(self._layer.values.t1_s, self._layer.values.t2_s), now)
        elif action is Action.SEND_TRYING:
            self.data = bytes(make_response(self.request, 100))
            self._layer.to_send.append((self.flow, self.data))
        elif action is Action.START_J:
            self._start(Input.TIMER_J, 0.0 if self.flow.reliable else self._layer.values.timeout_s, now)
        elif action is Action.INFORM_FAILURE:
            self._emit(TransportFailed(self))
        else:
            super()._act(action, now)

    def _classify(self, status: int) -> Input:
        return Input.SEND_408 if status == 408 else super()._classify(status)


def _trying_after_s(t1_s: float, t2_s: float) -> float:
    """Return when the peer's Timer E is reset to T2: 3.5 s with the usual values (RFC 4320 §4.1)."""
    after_s = 0.0
    interval_s = t1_s
    while interval_s < t2_s:
        after_s += interval_s
        interval_s *= 2
    return after_s
