"""What all parts of the switch share: ports, clocks, timers, open calls and the way an input moves a call."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sip.cdr.errors import JournalClosed, JournalFull
from sip.cdr.frames import FrameTooLong
from sip.controller import strangers
from sip.controller.auth import Authenticator
from sip.controller.calls.call import Call, Early, Leg
from sip.controller.calls.states import TRANSITIONS, Action, Input
from sip.controller.crew.places import Places
from sip.controller.directory import Directory
from sip.controller.events.center import EventCenter
from sip.controller.events.mailboxes import MailboxTable
from sip.controller.events.publications import PublicationTable
from sip.controller.limits import JOURNAL_S_MAX
from sip.controller.location import LocationTable
from sip.controller.messages.postman import Postman
from sip.controller.messages.rate import MessageRate
from sip.controller.messages.store import NoMessageStore
from sip.controller.outbound.quarantine import Quarantine
from sip.controller.outbound.trunks import TrunkStates
from sip.controller.policy import CallPolicy
from sip.controller.ports import JournalPort, LivePort, LocatorPort, NumericLocator, SwitchConfig
from sip.controller.registration.domains import Domains
from sip.controller.registration.sealer import Sealer
from sip.controller.timers import Timer, TimerQueue
from sip.stack.bugs import BugLog
from sip.stack.endpoint import Endpoint
from sip.stack.guard.guard import Guard
from sip.stack.message.message import Request
from sip.stack.transaction.base import ClientTransaction, ServerTransaction

if TYPE_CHECKING:
    from sip.controller.registration.pings import Pinger

log = logging.getLogger(__name__)

DialogKey = tuple[str, str, str]


def _raise(core: Core, error: Exception, owner: object, tx: ServerTransaction | None) -> None:
    """Let a bug through: what a core does that nobody told how to end a call."""
    raise error


def _nobody(tx: ClientTransaction, status: int) -> None:
    """Tell nobody."""


class _Pending:
    """Somebody waits for the journal; whichever comes first, disk, failure or time, lets them go on."""

    __slots__ = ("then", "timer")

    def __init__(self, then: Callable[[], object]) -> None:
        self.then: Callable[[], object] | None = then
        self.timer: Timer | None = None


def _nothing() -> None:
    """Tell nobody."""


class Core:
    """Shared state. ``now`` (monotonic) and ``wall`` are the clocks of the turn that is being worked on."""

    def __init__(
        self,
        config: SwitchConfig,
        endpoint: Endpoint,
        directory: Directory,
        policy: CallPolicy,
        journal: JournalPort,
        locations: LocationTable,
        live: LivePort,
        wake: Callable[[], None],
    ) -> None:
        self.config = config
        self.endpoint = endpoint
        self.directory = directory
        self.policy = policy
        self.locations = locations
        self.live = live
        self.locator: LocatorPort = NumericLocator()
        self.quarantine = Quarantine()
        self.trunks = TrunkStates()
        self.failed: Callable[[ClientTransaction, int], None] = _nobody
        """Tells the user of a transaction that it came to nothing, and with which status."""
        self.auth = Authenticator(config)
        self.guard = Guard()
        self.events = EventCenter()
        self.publications = PublicationTable()
        self.mailboxes = MailboxTable()
        self.postman = Postman(NoMessageStore())
        self.message_rate = MessageRate()
        self.call_watch: Callable[[Call, bool], None] | None = None
        """Told of calls that change, and whether they are over; ``None`` while nobody watches a line's calls."""
        self.domains = Domains(config)
        self.sealer = Sealer(config.secret)
        self.pinger: Pinger | None = None
        self.now = 0.0
        self.wall = 0.0
        self.timers = TimerQueue()
        self.calls: dict[str, Call] = {}
        self.dialogs: dict[DialogKey, Leg] = {}
        self.early: dict[DialogKey, Early] = {}
        """Dialogs of calls that are not answered, with callers and with callees."""
        self.offers: dict[tuple[str, str], Call] = {}
        """Calls in set-up by the caller's Call-ID and tag: the same request over another path is a loop (482)."""
        self.line_calls = Places()
        self.trunk_calls = Places()
        self.on_place: Callable[[], None] = _nothing
        """Called after each change of the two above; tells siblings, where there are any."""
        self.actions: dict[Action, Callable[[Core, Call], None]] = {}
        self.stopping = False
        self._journal = journal
        self._journal_broken = False
        self.is_journal_full = False
        """Records would be lost: no new calls."""
        self._waiting: set[_Pending] = set()
        self._inbox: deque[tuple[Callable[[], None], object]] = deque()
        self.bugs = BugLog(log)
        self.on_bug: Callable[[Core, Exception, object, ServerTransaction | None], None] = _raise
        self._wake = wake

    def fire(self, call: Call, event: Input) -> bool:
        """Move a call along its table; returns whether there was an arrow. Late events have none and do nothing."""
        arrow = TRANSITIONS.get((call.state, event))
        if arrow is None:
            return False
        self.timers.owner = call
        call.state, action = arrow
        self.actions[action](self, call)
        return True

    def post(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` run in the next turn, when the clocks are right; for answers from outside."""
        self._inbox.append((callback, self.timers.owner))
        self._wake()

    def run_posted(self) -> bool:
        """Run what was posted; returns whether there was anything."""
        if not self._inbox:
            return False
        timers = self.timers
        while self._inbox:
            callback, timers.owner = self._inbox.popleft()
            try:
                callback()
            except Exception as error:  # noqa: BLE001 - a bug met by one call must not stop the answers of all others
                self.on_bug(self, error, timers.owner, None)
        timers.owner = None
        return True

    def run_timers(self) -> None:
        """Do what the switch's own deadlines say."""
        self.timers.run(self.now, lambda error, owner: self.on_bug(self, error, owner, None))

    def after(self, delay_s: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` once in ``delay_s`` seconds."""
        return self.timers.add(self.now + delay_s, callback)

    def write(self, payload: dict[str, Any], then: Callable[[], object] | None) -> None:
        """Append to the journal; ``then`` runs once it is on disk, or at once when the journal is broken."""
        if then is None:
            self._append(payload, None)
            return
        pending = _Pending(then)
        self._waiting.add(pending)
        pending.timer = self.after(JOURNAL_S_MAX, lambda: self._journal_slow(pending))
        self._append(payload, lambda: self.post(lambda: self._durable(pending)))
        if self._journal_broken:
            self.post(lambda: self._release(pending))

    def _append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        try:
            self._journal.append(payload, on_durable)
        except FrameTooLong as error:
            log.error("%s of a call is not written: %s", payload["t"], error)
            if on_durable is not None:
                on_durable()
        except (JournalFull, JournalClosed) as error:
            self.is_journal_full = True
            text = f"{payload['t']} is not written: {error}"
            self.post(lambda: self.journal_failed(text))

    def journal_failed(self, error: str) -> None:
        """Let every call go on without the journal until it works again; says so once."""
        if not self._journal_broken:
            log.error("journal is broken, calls go on without it: %s", error)
        self._journal_broken = True
        for pending in list(self._waiting):
            self._release(pending)

    def _journal_slow(self, pending: _Pending) -> None:
        if pending.then is not None:
            self.journal_failed(f"nothing was written for {JOURNAL_S_MAX:g} s")

    def _durable(self, pending: _Pending) -> None:
        if self._journal_broken:
            self._journal_broken = self.is_journal_full = False
            log.warning("journal works again")
        self._release(pending)

    def _release(self, pending: _Pending) -> None:
        self._waiting.discard(pending)
        if pending.timer is not None:
            pending.timer.cancel()
        then, pending.then = pending.then, None
        if then is not None:
            then()

    def reply(
        self,
        tx: ServerTransaction,
        request: Request,
        status: int,
        reason: str = "",
        to_tag: str = "",
        headers: tuple[tuple[str, str], ...] | list[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> None:
        """Answer a request; somebody who has not proved who he is gets it short and once."""
        response = self.endpoint.make_response(request, status, reason, to_tag, headers, body)
        if tx.is_proven:
            self.endpoint.respond(tx, response, self.now)
        else:
            strangers.note_refusal(self, tx, request, status)
            self.endpoint.respond_to_stranger(tx, response, self.now)

    def take_place(self, places: Places, key: int, most: int) -> Callable[[], None] | None:
        """Count one more call of a line or trunk; returns how to give the place back, ``None`` when none is free."""
        if not places.take(key, most):
            return None
        self.on_place()

        def release() -> None:
            places.free(key)
            self.on_place()

        return release
