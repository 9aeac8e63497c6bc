"""The switch: takes what the endpoint tells, decides, and tells the endpoint what to send. No I/O, no clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from sip.controller import methods, recovery, strangers, users
from sip.controller.calls import aborting, answering, closing, hunting, in_dialog
from sip.controller.calls.admission import check_request
from sip.controller.calls.call import Call
from sip.controller.calls.states import Action
from sip.controller.core import Core
from sip.controller.crew.nodes import NodeSharing, merge
from sip.controller.crew.port import CrewPort, NodesPort
from sip.controller.crew.sharing import Sharing
from sip.controller.directory import Directory
from sip.controller.events import notifying, sharing, standard
from sip.controller.headers import ALLOW_ROW, KNOWN_METHODS
from sip.controller.location import LocationTable
from sip.controller.messages import postman
from sip.controller.messages.store import MessageStore, NoMessageStore
from sip.controller.outbound import watching
from sip.controller.policy import CallPolicy
from sip.controller.ports import (
    JournalPort,
    LivePort,
    LocationStore,
    LocatorPort,
    NoLive,
    NoLocationStore,
    NumericLocator,
    SwitchConfig,
)
from sip.controller.registration.limits import BINDING_SWEEP_S, SWEEP_LINES_MAX
from sip.controller.registration.paths import take_off_routes
from sip.controller.registration.pings import Pinger
from sip.stack.bodies.message_summary import Summary
from sip.stack.endpoint import Endpoint
from sip.stack.errors import RemoteProtocolError
from sip.stack.events import (
    AckReceived,
    CancelReceived,
    Event,
    FlowFailed,
    RequestReceived,
    ResponseReceived,
    StrayAnswer,
    TransactionTimedOut,
    TransportFailed,
)
from sip.stack.guard.guard import Guard
from sip.stack.transaction.base import ClientTransaction

log = logging.getLogger(__name__)

_ACTIONS: dict[Action, Callable[[Core, Call], None]] = {
    Action.HUNT: hunting.hunt,
    Action.FAIL: closing.fail,
    Action.CANCEL_BRANCHES: closing.cancel_call,
    Action.SETTLE: closing.settle,
    Action.OPEN: answering.open_call,
    Action.TELL_CALLER: answering.tell_caller,
    Action.RELEASE_ANSWER: answering.release_answer,
    Action.NOTE_CROSSED: answering.note_crossed,
    Action.DEFER: answering.defer,
    Action.HANG_UP: closing.hang_up,
    Action.FINISH: closing.finish,
}


class Switch:
    """One node's call control over one endpoint.

    After feeding the endpoint call ``process``; when ``get_timer`` is due call ``handle_timer``; then send what the
    endpoint has. ``wake`` is called when an answer came from outside (policy, journal): ``process`` is to be called
    soon. ``now`` is monotonic, ``wall`` seconds since the epoch. All on one thread.
    """

    def __init__(
        self,
        config: SwitchConfig,
        endpoint: Endpoint,
        directory: Directory,
        policy: CallPolicy,
        journal: JournalPort,
        store: LocationStore | None = None,
        live: LivePort | None = None,
        wake: Callable[[], None] = lambda: None,
        locator: LocatorPort | None = None,
        message_store: MessageStore | None = None,
        guard: Guard | None = None,
    ) -> None:
        self.locations = LocationTable(store or NoLocationStore())
        self._core = Core(config, endpoint, directory, policy, journal, self.locations, live or NoLive(), wake)
        self._core.locator = locator or NumericLocator()
        self._core.guard = guard or Guard()
        self._core.guard.use_trunks(strangers.addresses_of(directory.trunks.values()))
        self._core.failed = self._failed
        self._core.actions = _ACTIONS
        self._core.on_bug = aborting.end_after_bug
        standard.install(self._core, config.event_packages)
        postman.install(self._core, message_store or NoMessageStore())
        if config.registrar.pings != "off":
            self._core.pinger = Pinger(self._core)
            self.locations.subscribe(self._core.pinger.on_change)
        self._endpoint = endpoint
        self._next_sweep: float | None = None
        self._core.post(partial(watching.sync, self._core))

    @property
    def bugs(self) -> int:
        """How many bugs of ours were caught, each at the cost of one call or message."""
        return self._core.bugs.total

    @property
    def directory(self) -> Directory:
        """The network as the next call will see it; replace it at any time."""
        return self._core.directory

    @directory.setter
    def directory(self, directory: Directory) -> None:
        self._core.directory = directory
        self._core.guard.use_trunks(strangers.addresses_of(directory.trunks.values()))
        self._core.post(partial(watching.sync, self._core))

    @property
    def trunks_down(self) -> tuple[int, ...]:
        """Ids of the trunks that do not answer OPTIONS and are passed over."""
        return self._core.trunks.down()

    def open_call_ids(self) -> frozenset[str]:
        """Return every call that is not over: those whose holds are not orphans."""
        return frozenset(self._core.calls)

    def restore(self, states: Iterable[dict[str, Any]], now: float, wall: float) -> int:
        """Go on, after a restart, with the calls the journal has open; returns how many could be read."""
        self._core.now, self._core.wall = now, wall
        restored = recovery.restore(self._core, states)
        self._drain()
        return restored

    def join(self, crew: CrewPort, informed: Callable[[], None] = lambda: None) -> None:
        """Share registrations and the counts of calls with the other workers of this node; after ``restore``.

        ``informed`` is called when the lines are known that they know: until then a caller would not find them.
        """
        Sharing(self._core, crew, informed)
        sharing.share(self._core, crew)

    def meet(self, nodes: NodesPort) -> None:
        """Share registrations with other nodes."""
        NodeSharing(self._core, nodes)

    def merge(self, stored: Mapping[str, Iterable[Mapping[str, Any]]], wall: float) -> None:
        """Take from a store what other nodes wrote and is not known here, or from earlier."""
        merge(self.locations, stored, wall)

    def stop(self, now: float, wall: float) -> None:
        """Take no new calls and end those in set-up (503); calls that are up stay up and in the journal."""
        core = self._core
        core.now, core.wall, core.stopping = now, wall, True
        for call in list(core.offers.values()):
            core.post(partial(closing.refuse_for_stop, core, call))
        core.post(partial(notifying.stop, core))
        self._drain()

    def set_mailbox(self, username: str, summary: Summary | None) -> None:
        """Learn how many messages wait for a line, ``None`` for "it has no mailbox"; who watches it is told.

        For whoever keeps the mailboxes, who says it anew when the node has started.
        """
        self._core.mailboxes.set(username, summary)

    def journal_failed(self, error: str) -> None:
        """Learn that the journal cannot write: calls go on without it until it can."""
        self._core.post(lambda: self._core.journal_failed(error))

    def get_timer(self) -> float | None:
        """Return when ``handle_timer`` is next to be called; the endpoint's own timers included."""
        times = (self._core.timers.next_at(), self._endpoint.get_timer(), self._next_sweep)
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, now: float, wall: float) -> None:
        """Do what is due by ``now``, the endpoint's part included."""
        self._core.now, self._core.wall = now, wall
        self._run_transaction_timers(now)
        self._drain()
        self._core.run_timers()
        self._drain()
        if self._next_sweep is not None and now >= self._next_sweep:
            is_behind = self.locations.sweep(wall, SWEEP_LINES_MAX)
            self._next_sweep = now if is_behind else now + BINDING_SWEEP_S

    def _run_transaction_timers(self, now: float) -> None:
        """Run the endpoint's timers: one that meets a bug is out of the queue, so the others get their turn."""
        while True:
            try:
                self._endpoint.handle_timer(now)
                return
            except Exception as error:  # noqa: BLE001 - a bug in one transaction must not stop all others
                self._core.on_bug(self._core, error, None, None)

    def process(self, now: float, wall: float) -> None:
        """Work on everything the endpoint tells and everything that was answered from outside."""
        self._core.now, self._core.wall = now, wall
        if self._next_sweep is None:
            self._next_sweep = now + BINDING_SWEEP_S
        self._drain()

    def _failed(self, tx: ClientTransaction, status: int) -> None:
        users.on_failure(self._core, tx, status)

    def _drain(self) -> None:
        core, endpoint, timers = self._core, self._endpoint, self._core.timers
        while True:
            event = endpoint.next_event()
            while event is not None:
                timers.owner = None
                try:
                    self._take(event)
                except Exception as error:  # noqa: BLE001 - a bug met by one event ends its call, never the node
                    tx = event.tx if isinstance(event, RequestReceived) else None
                    core.on_bug(core, error, self._owner_of(event), tx)
                event = endpoint.next_event()
            timers.owner = None
            if not core.run_posted():
                return

    def _owner_of(self, event: Event) -> object:
        """Return the call that an event's turn was about."""
        return self._core.timers.owner or aborting.owner_of(self._core, event)

    def _take(self, event: Event) -> None:
        core = self._core
        if isinstance(event, ResponseReceived):
            users.on_response(core, event.tx, event.response)
        elif isinstance(event, RequestReceived):
            try:
                self._request(event)
            except RemoteProtocolError as error:
                # Nothing of the request has taken effect yet: handlers read first and change afterwards.
                core.reply(event.tx, event.request, error.status, error.reason)
        elif isinstance(event, AckReceived):
            answering.on_ack(core, event)
        elif isinstance(event, CancelReceived):
            users.on_cancel(core, event.tx)
        elif isinstance(event, StrayAnswer):
            answering.on_stray_answer(core, event.response)
        elif isinstance(event, FlowFailed):
            core.locations.connection_lost(event.flow, core.wall)
        elif isinstance(event, TransactionTimedOut | TransportFailed):
            silent = isinstance(event, TransactionTimedOut)
            users.on_failure(core, event.tx, users.SILENCE if silent else users.UNREACHABLE)

    def _request(self, event: RequestReceived) -> None:
        core, tx, request, flow = self._core, event.tx, event.request, event.flow
        if not check_request(core, tx, request):
            return
        if request.get("Route") is not None:
            take_off_routes(core, request, flow)
        handler = (methods.INSIDE if request.to_tag else methods.OUTSIDE).get(request.method)
        if handler is not None:
            handler(core, tx, request, flow)
        elif request.to_tag:
            in_dialog.receive(core, tx, request, flow)
        else:
            core.reply(tx, request, 405 if request.method in KNOWN_METHODS else 501, headers=[ALLOW_ROW])
