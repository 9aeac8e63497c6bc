"""What the four transaction machines share: running a table, timers, and the way out."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, ClassVar

from sip.stack.addresses import source_of
from sip.stack.config import TimerValues
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.timers import Timer, TimerQueue
from sip.stack.transaction.machine import Action, Input, State, Table

if TYPE_CHECKING:
    from sip.stack.events import Event

Key = tuple[str, ...]


class Layer:
    """What every transaction of an endpoint writes to."""

    __slots__ = (
        "by_remote",
        "by_source",
        "clients",
        "events",
        "servers",
        "timers",
        "to_send",
        "unacknowledged",
        "values",
    )

    def __init__(self, values: TimerValues) -> None:
        self.values = values
        self.timers = TimerQueue()
        self.to_send: list[tuple[Flow, bytes]] = []
        self.events: deque[Event] = deque()
        self.servers: dict[Key, ServerTransaction] = {}
        self.clients: dict[Key, ClientTransaction] = {}
        self.unacknowledged: dict[Key, ServerTransaction] = {}
        """INVITEs answered 2xx, by what their ACK carries: Call-ID, local tag, remote tag, sequence number."""
        self.by_source: dict[str, int] = {}
        """How many server transactions each source has; one of them may not have them all."""
        self.by_remote: dict[tuple[str, int], dict[Transaction, None]] = {}
        """Transactions over connections, by remote address: closing one must not cost a walk over all."""


class Transaction:
    """One request and all its responses, over one flow."""

    __slots__ = ("_interval_s", "_layer", "_timers", "data", "flow", "is_silent", "key", "request", "state", "user")

    table: ClassVar[Table] = {}

    def __init__(self, layer: Layer, key: Key, request: Request, flow: Flow) -> None:
        self._layer = layer
        self.key = key
        self.request = request
        self.flow = flow
        self.state: State = State.NEW
        self.data = b""
        """Bytes to repeat: the request of a client, the latest response of a server."""
        self.is_silent = False
        """Tell nobody: a transaction the endpoint deals with itself (CANCEL)."""
        self.user: Any = None
        """Belongs to the transaction user."""
        self._timers: list[Timer] = []
        self._interval_s = 0.0
        if flow.reliable:
            layer.by_remote.setdefault(flow.remote, {})[self] = None

    @property
    def method(self) -> str:
        """Method of the request."""
        return self.request.method

    @property
    def is_over(self) -> bool:
        """Tell whether the transaction has ended."""
        return self.state is State.TERMINATED

    def handle(self, given: Input, now: float) -> None:
        """Take an input: look up its row, change state, act."""
        row = self.table.get((self.state, given))
        if row is None:
            return
        self.state = row[0]
        for action in row[1]:
            self._act(action, now)
        if self.state is State.TERMINATED:
            self._stop_all()
            if self.flow.reliable:
                self._forget_remote()
            self._forget()

    def _act(self, action: Action, now: float) -> None:
        """Do what all machines do alike; each machine does its own before."""
        if action is Action.SEND:
            self._layer.to_send.append((self.flow, self.data))
        elif action is Action.STOP:
            self._stop_all()
        else:
            raise AssertionError(f"no machine does {action.name}")

    def _forget(self) -> None:
        """Leave the layer's look-ups."""

    def _forget_remote(self) -> None:
        mates = self._layer.by_remote.get(self.flow.remote)
        if mates is not None:
            mates.pop(self, None)
            if not mates:
                del self._layer.by_remote[self.flow.remote]

    def _emit(self, event: Event) -> None:
        if not self.is_silent:
            self._layer.events.append(event)

    def _start(self, fires: Input, delay_s: float, now: float) -> None:
        """Start a timer; one of no length fires at once."""
        if delay_s <= 0.0:
            self.handle(fires, now)
        else:
            self._timers.append(self._layer.timers.start(self, fires, delay_s, now))

    def _start_doubling(self, fires: Input, longest_s: float, now: float) -> None:
        """Start a timer of T1, and of twice its last length each further time."""
        if self._interval_s == 0.0:
            self._interval_s = self._layer.values.t1_s
        else:
            self._interval_s = min(2 * self._interval_s, longest_s)
        self._start(fires, self._interval_s, now)

    def timer_fired(self, timer: Timer, now: float) -> None:
        """Take a timer of this transaction that is due."""
        self._timers.remove(timer)
        self.handle(timer.input, now)

    def _stop(self, fires: Input) -> None:
        for timer in self._timers:
            if timer.input is fires:
                timer.tx = None
        self._timers = [timer for timer in self._timers if timer.tx is not None]

    def _stop_all(self) -> None:
        for timer in self._timers:
            timer.tx = None
        self._timers.clear()
        self._interval_s = 0.0


class ServerTransaction(Transaction):
    """A request that came."""

    __slots__ = (
        "ack",
        "ack_flow",
        "ack_key",
        "is_proven",
        "is_proxied",
        "received_bytes",
        "response",
        "source",
        "to_stranger",
    )

    def __init__(self, layer: Layer, key: Key, request: Request, flow: Flow) -> None:
        super().__init__(layer, key, request, flow)
        self.response: Response | None = None
        """The latest response given."""
        self.ack: Request | None = None
        """The ACK of a 2xx, for the moment of its delivery."""
        self.ack_flow = flow
        self.source = flow
        """Where the request really came from; ``flow`` is where responses go."""
        self.received_bytes = 0
        """Length of the request as it came, 0 where it is not known."""
        self.to_stranger = False
        """It was answered to somebody unproved: what is repeated is held to the length of the repeated request too."""
        self.is_proven = False
        """The transaction user knows who sent it: a response may be longer than the request, and may be repeated."""
        self.ack_key: Key = ()
        self.is_proxied = False
        """A 2xx is somebody else's: he repeats it, and the ACK passes by (RFC 3261 §16.7, RFC 6026 §7.1)."""

    def respond(self, response: Response, now: float) -> None:
        """Send a response, if the table knows it in this state."""
        given = self._classify(response.status)
        if (self.state, given) in self.table:
            self.data = bytes(response)
            self.response = response
            self.handle(given, now)

    def _classify(self, status: int) -> Input:
        if status < 200:
            return Input.SEND_1XX
        if status < 300:
            return Input.SEND_2XX
        return Input.SEND_FAILURE

    def _forget(self) -> None:
        layer = self._layer
        if layer.servers.get(self.key) is self:
            del layer.servers[self.key]
            self._leave_source()
        if layer.unacknowledged.get(self.ack_key) is self:
            del layer.unacknowledged[self.ack_key]

    def enter(self) -> None:
        """Be found by its key from now on."""
        layer = self._layer
        layer.servers[self.key] = self
        source = source_of(self.source.remote[0])
        layer.by_source[source] = layer.by_source.get(source, 0) + 1

    def _leave_source(self) -> None:
        source = source_of(self.source.remote[0])
        left = self._layer.by_source.get(source, 1) - 1
        if left:
            self._layer.by_source[source] = left
        else:
            self._layer.by_source.pop(source, None)


class ClientTransaction(Transaction):
    """A request that was sent."""

    __slots__ = ("response",)

    def __init__(self, layer: Layer, key: Key, request: Request, flow: Flow) -> None:
        super().__init__(layer, key, request, flow)
        self.response: Response | None = None
        """The response being taken; not kept after the final one."""

    def start(self, now: float) -> None:
        """Send the request for the first time."""
        self.data = bytes(self.request)
        self.handle(Input.START, now)

    def receive(self, response: Response, now: float) -> None:
        """Take a response that matches."""
        self.response = response
        if response.status < 200:
            self.handle(Input.RESPONSE_1XX, now)
        elif response.status < 300:
            self.handle(Input.RESPONSE_2XX, now)
        else:
            self.handle(Input.RESPONSE_FAILURE, now)
        if response.status >= 200:
            self.response = None

    def _forget(self) -> None:
        if self._layer.clients.get(self.key) is self:
            del self._layer.clients[self.key]
