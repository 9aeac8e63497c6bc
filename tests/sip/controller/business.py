"""A business and a disk of the tests: they say yes at once unless told otherwise, and remember what they were asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sip.cdr.record import CallRecord
from sip.controller.directory import Directory, LineEntry, TrunkEntry
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
from sip.stack import digest

Done = Callable[[Authorisation | Refusal], None]
REALM = "trunkline.test"


def line(number: int, username: str, **changes: Any) -> LineEntry:
    """Return a line whose password is ``pw-<username>`` and whose extension is ``100 + number``."""
    values: dict[str, Any] = {
        "id": number,
        "tenant_id": 7,
        "username": username,
        "extension": str(100 + number),
        "ha1_md5": digest.make_ha1("MD5", username, REALM, f"pw-{username}"),
        "ha1_sha256": digest.make_ha1("SHA-256", username, REALM, f"pw-{username}"),
        "ha1_sha512_256": digest.make_ha1("SHA-512-256", username, REALM, f"pw-{username}"),
        "display_name": username.title(),
        "caller_number": "",
        "is_active": True,
        "contacts_max": 3,
        "calls_max": 5,
        "country": "GB",
    }
    return LineEntry(**{**values, **changes})


def trunk(number: int, host: str, **changes: Any) -> TrunkEntry:
    """Return a trunk at ``host``:5060 over UDP."""
    values: dict[str, Any] = {
        "id": number,
        "tenant_id": 1,
        "name": f"carrier{number}",
        "host": host,
        "port": 5060,
        "transport": "UDP",
        "source_addresses": (host,),
        "calls_max": 5,
        "is_active": True,
        "country": "GB",
        "username": "",
        "ha1_md5": "",
    }
    return TrunkEntry(**{**values, **changes})


class FakePolicy:
    """Extensions 101 … go to lines 1 …, ``+44…`` to the trunks in order; everything is granted."""

    def __init__(self, trunks: tuple[int, ...] = ()) -> None:
        self.trunks = trunks
        self.ring_timeout_s = 60.0
        self.is_emergency = False
        self.targets: tuple[Target, ...] | None = None
        self.screened: list[CallOffer] = []
        self.holds: list[str] = []
        self.extensions: list[str] = []
        self.up: list[str] = []
        self.records: list[CallRecord] = []
        self.refusal: Refusal | None = None
        self.hold_refusal: Refusal | None = None
        self.authorisation = Authorisation(3600.0)
        self.extension: Authorisation | Refusal = Refusal(402, "", 21, "billing.insufficient_funds")
        self.waiting: list[Done] | None = None
        """A list here lets ``authorise`` wait until the test calls what it finds in it."""

    def screen(self, offer: CallOffer) -> Refusal | None:
        """Refuse what ``refusal`` says."""
        self.screened.append(offer)
        return self.refusal

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Find lines by extension, trunks by plus."""
        if self.targets is not None:
            return self._plan("internal", offer.dialled, "", self.targets)
        if offer.dialled.startswith("+"):
            targets = [self._target("trunk", number, offer) for number in self.trunks]
            return self._plan("outbound", offer.dialled, offer.dialled, tuple(targets))
        if offer.dialled.isdigit() and 100 < int(offer.dialled) < 200:
            target = self._target("line", int(offer.dialled) - 100, offer)
            return self._plan("internal", offer.dialled, "", (target,))
        return Refusal(404, "", 1, "route.none")

    def line_of(self, offer: CallOffer) -> Target | Refusal:
        """Find lines by extension."""
        plan = self.route(offer)
        if isinstance(plan, RoutePlan) and plan.targets and plan.targets[0].kind == "line":
            return plan.targets[0]
        return Refusal(404, "", 1, "route.none")

    def _target(self, kind: Any, number: int, offer: CallOffer) -> Target:
        return Target(kind, number, offer.dialled, offer.caller, "Caller Name", self.ring_timeout_s)

    def _plan(self, direction: Any, called: str, destination: str, targets: tuple[Target, ...]) -> RoutePlan:
        return RoutePlan(7, direction, called, destination, 70, targets, self.is_emergency)

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Done) -> None:
        """Hold money, at once or when the test says so."""
        self.holds.append(offer.call_id)
        if self.waiting is not None:
            self.waiting.append(done)
        else:
            done(self.hold_refusal or self.authorisation)

    def extend(self, call_id: str, plan: RoutePlan, done: Done) -> None:
        """Hold more."""
        self.extensions.append(call_id)
        done(self.extension)

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        """Note it."""
        self.up.append(offer.call_id)

    def settle(self, record: CallRecord) -> None:
        """Note it."""
        self.records.append(record)


class FakeJournal:
    """A journal in memory; JSON goes through text, as on disk."""

    def __init__(self) -> None:
        self.payloads: list[dict[str, Any]] = []
        self.is_slow = False
        """Nothing becomes durable until ``flush``."""
        self.refusal: Exception | None = None
        self._waiting: list[Callable[[], None]] = []

    def append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        """Keep the payload, or raise what the test wants raised."""
        if self.refusal is not None:
            raise self.refusal
        self.payloads.append(json.loads(json.dumps(payload)))
        if on_durable is None:
            return
        if self.is_slow:
            self._waiting.append(on_durable)
        else:
            on_durable()

    def flush(self) -> None:
        """Make durable what waits."""
        waiting, self._waiting = self._waiting, []
        for on_durable in waiting:
            on_durable()

    def drop_callbacks(self) -> None:
        """Forget who waits: the process died."""
        self._waiting.clear()

    @property
    def records(self) -> list[CallRecord]:
        """Every call record written."""
        return [CallRecord.from_json(item["record"]) for item in self.payloads if item["t"] == "end"]

    def open_states(self) -> list[dict[str, Any]]:
        """Return the states of calls without end, as recovery does."""
        states: dict[str, dict[str, Any]] = {}
        for item in self.payloads:
            if item["t"] == "open":
                states[item["call_id"]] = item["state"]
            else:
                states.pop(item["record"]["call_id"], None)
        return list(states.values())


def directory(*entries: LineEntry | TrunkEntry) -> Directory:
    """Return a directory of these lines and trunks."""
    lines = [entry for entry in entries if isinstance(entry, LineEntry)]
    trunks = [entry for entry in entries if isinstance(entry, TrunkEntry)]
    return Directory(lines, trunks)
