"""Between sockets and switch: feed, drain, transmit, re-arm the one timer. Decides nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from sip.io.crew import Crew
from sip.io.limits import LOAD_TICK_S
from sip.stack.bugs import BugLog
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.guard.guard import Guard
from sip.stack.guard.limits import SHED_STEP_UP_PERCENT
from sip.stack.guard.overload import Measurement
from sip.stack.guard.signals import Signal

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
        self.guard: Guard | None = None
        """Who is heard at all; ``None`` hears everybody."""
        self._tick: asyncio.TimerHandle | None = None
        self._tick_due = 0.0
        self._undrained: dict[object, float] = {}

    def datagram(self, data: bytes, flow: Flow) -> None:
        """Feed one datagram; ``turn`` or ``wake`` must follow."""
        try:
            if self._admits(data, flow) and (self.crew is None or not self.crew.diverts(data, flow)):
                refused = self._endpoint.refused
                self._endpoint.receive_datagram(data, flow, self._loop.time())
                if refused != self._endpoint.refused:
                    self._note_malformed(flow)
        except Exception as error:  # noqa: BLE001 - a bug met by one message ends that message, never the node
            self._bugs.note(error, f"a datagram of {flow.remote[0]}", self._loop.time())

    def message(self, data: bytes, flow: Flow) -> None:
        """Feed one message of a stream."""
        try:
            if self._admits(data, flow) and (self.crew is None or not self.crew.diverts(data, flow)):
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

    def _admits(self, data: bytes, flow: Flow) -> bool:
        """Ask the guard; what it answers goes out past everything else."""
        guard = self.guard
        if guard is None:
            return True
        verdict = guard.admit(data, flow, self._loop.time())
        if verdict.reply is not None:
            reply_to, answer = verdict.reply
            sender = self._senders.find(reply_to)
            if sender is not None:
                sender.send(reply_to, answer)
        return verdict.passes

    def _note_malformed(self, flow: Flow) -> None:
        if self.guard is not None:
            self.guard.note(flow, Signal.MALFORMED, "", self._loop.time())

    def is_banned(self, address: str) -> bool:
        """Tell whether nothing of this address is heard: its stream need not be opened."""
        guard = self.guard
        return guard is not None and guard.is_banned(address, self._loop.time())

    def drained(self, queue: object) -> None:
        """Learn that a socket's receive queue was found empty."""
        if self._undrained:
            self._undrained.pop(queue, None)

    def undrained(self, queue: object) -> None:
        """Learn that there was more in a socket's receive queue than is read in one go."""
        self._undrained.setdefault(queue, self._loop.time())

    def watch_load(self) -> None:
        """Begin to measure how late the loop comes, and tell the guard."""
        self._endpoint.wish.change(0, time.time())  # After a restart too the sequence has grown.
        self._arm_tick()

    def _arm_tick(self) -> None:
        if self._tick is not None:
            self._tick.cancel()
        self._tick_due = self._loop.time() + LOAD_TICK_S
        self._tick = self._loop.call_at(self._tick_due, self._measure)

    def _measure(self) -> None:
        now, guard = self._loop.time(), self.guard
        if guard is not None:
            waited_s = now - min(self._undrained.values()) if self._undrained else 0.0
            percent = 100 * self._endpoint.transactions / self._endpoint.config.transactions_max
            if guard.measure(Measurement(now - self._tick_due, waited_s, percent)):
                share = guard.overload.percent
                self._endpoint.wish.change(share, time.time())
                if share in (0, SHED_STEP_UP_PERCENT):
                    log.warning("overload is over" if share == 0 else "overload: new calls are refused in part")
        self._arm_tick()

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
        for timer in (self._timer, self._tick):
            if timer is not None:
                timer.cancel()
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
