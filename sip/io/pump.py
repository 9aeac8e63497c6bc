"""Between sockets and switch: feed, drain, transmit, re-arm the one timer. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from sip.io.crew import Crew
from sip.stack.bugs import BugLog
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow

log = logging.getLogger(__name__)


class Sender(Protocol):
    """One transport's way out."""

    def send(self, flow: Flow, data: bytes) -> bool:
        """Send or queue a message; returns whether the flow can carry messages at all."""
        ...


class Outlets(Protocol):
    """Who carries which flow (``sip.io.listeners.Senders``)."""

    def find(self, flow: Flow) -> Sender | None:
        """Return the way out, ``None`` when there is none."""
        ...


class Brain(Protocol):
    """Who decides (``sip.controller.switch.Switch``); ``now`` is monotonic, ``wall`` seconds since the epoch."""

    def process(self, now: float, wall: float) -> None:
        """Work on everything the endpoint tells."""
        ...

    def handle_timer(self, now: float, wall: float) -> None:
        """Do what is due."""
        ...

    def get_timer(self) -> float | None:
        """Return when ``handle_timer`` is next to be called."""
        ...


class Pump:
    """Runs one endpoint and its switch on an event loop; ``senders`` is filled before anything is fed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, endpoint: Endpoint, senders: Outlets) -> None:
        self.switch: Brain | None = None
        self.crew: Crew | None = None
        """The node's other workers; ``None`` where there are none, which costs nothing then."""
        self._loop = loop
        self._endpoint = endpoint
        self._senders = senders
        self._is_due = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._bugs = BugLog(log)

    def datagram(self, data: bytes, flow: Flow) -> None:
        """Feed one datagram; ``turn`` or ``wake`` must follow."""
        try:
            if self.crew is None or not self.crew.diverts(data, flow):
                self._endpoint.receive_datagram(data, flow, self._loop.time())
        except Exception as error:  # noqa: BLE001 - a bug met by one message ends that message, never the node
            self._bugs.note(error, f"a datagram of {flow.remote[0]}", self._loop.time())

    def message(self, data: bytes, flow: Flow) -> None:
        """Feed one message of a stream."""
        try:
            if self.crew is None or not self.crew.diverts(data, flow):
                self._endpoint.receive_message(data, flow, self._loop.time())
        except Exception as error:  # noqa: BLE001 - as above
            self._bugs.note(error, f"a message of {flow.remote[0]}", self._loop.time())
        self.wake()

    def take(self, data: bytes, flow: Flow) -> None:
        """Feed a message that a sibling handed over; ``turn`` or ``wake`` must follow."""
        receive = self._endpoint.receive_message if flow.reliable else self._endpoint.receive_datagram
        try:
            receive(data, flow, self._loop.time())
        except Exception as error:  # noqa: BLE001 - as above
            self._bugs.note(error, f"a message of {flow.remote[0]}", self._loop.time())

    def refuse(self, error: RemoteProtocolError, flow: Flow) -> None:
        """Answer what a stream ended on, at once."""
        self._endpoint.refuse(error, flow)
        self.turn()

    def failed(self, flow: Flow) -> None:
        """Tell that a flow carries nothing any more."""
        if self.crew is not None and flow.reliable:
            self.crew.stream_failed(flow)
        self._endpoint.transport_failed(flow, self._loop.time())
        self.wake()

    def wake(self) -> None:
        """Have a turn soon, one for all that comes until then."""
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self.turn)

    def turn(self) -> None:
        """Drain, transmit, re-arm."""
        self._is_due = False
        if self.switch is None:
            return
        try:
            self.switch.process(self._loop.time(), time.time())
        finally:
            # A bug met by one call must not silence all others.
            self._transmit()
            self._arm()

    def close(self) -> None:
        """Stop the timer; nothing is fed any more."""
        if self._timer is not None:
            self._timer.cancel()
        self.switch = None

    def _transmit(self) -> None:
        for flow, data in self._endpoint.messages_to_send():
            sender = self._senders.find(flow)
            if sender is None or not sender.send(flow, data):
                self._endpoint.transport_failed(flow, self._loop.time())
                self.wake()

    def _arm(self) -> None:
        at = self.switch.get_timer() if self.switch is not None else None
        if self._timer is not None:
            if at is not None and self._timer_at <= at:
                return  # It fires early, finds nothing due and is armed anew: cheaper than a new one each turn.
            self._timer.cancel()
            self._timer = None
        if at is not None:
            self._timer_at = at
            self._timer = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._timer = None
        if self.switch is not None:
            try:
                self.switch.handle_timer(self._loop.time(), time.time())
            finally:
                self._transmit()
                self._arm()
