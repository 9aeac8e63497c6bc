"""A bug ends the call that met it, with 500 and one line in the log; every other call and the node go on."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan
from tests.sip.controller.business import Done, FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, Recorder, Store
from tests.sip.controller.phone import OFFER, Phone


class Bug(Exception):
    """What our own mistakes raise."""


class BuggyPolicy(FakePolicy):
    """Raises in the methods named in ``broken``."""

    def __init__(self) -> None:
        super().__init__((9,))
        self.broken: set[str] = set()

    def _meet(self, step: str) -> None:
        if step in self.broken:
            raise Bug(step)

    def screen(self, offer: CallOffer) -> Refusal | None:
        self._meet("screen")
        return super().screen(offer)

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        self._meet("route")
        if "plan" in self.broken:
            return None  # type: ignore[return-value]
        return super().route(offer)

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Done) -> None:
        self._meet("authorise")
        if "grant" in self.broken:
            done(Authorisation("long"))  # type: ignore[arg-type]
            return
        super().authorise(offer, plan, done)

    def extend(self, call_id: str, plan: RoutePlan, done: Done) -> None:
        self._meet("extend")
        super().extend(call_id, plan, done)

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        self._meet("answered")
        super().answered(offer, plan)

    def settle(self, record: Any) -> None:
        self._meet("settle")
        super().settle(record)


class BuggyLive(Recorder):
    """Raises when told so."""

    broken: frozenset[str] = frozenset()

    def changed(self, call: Any) -> None:
        if "changed" in self.broken:
            raise Bug("changed")
        super().changed(call)

    def ended(self, call_id: str) -> None:
        if "ended" in self.broken:
            raise Bug("ended")
        super().ended(call_id)


class BuggyStore(Store):
    """Raises when told so."""

    broken = False

    def save(self, username: str, bindings: list[dict[str, Any]], expires_at: float) -> None:
        if self.broken:
            raise Bug("save")
        super().save(username, bindings, expires_at)


class BuggyNetwork(Network):
    """Everything around the switch can break."""

    policy: BuggyPolicy
    live: BuggyLive
    store: BuggyStore

    def start(self) -> None:
        self.live, self.store = BuggyLive(), BuggyStore()
        super().start()

    def bugs(self) -> int:
        return self.switch.bugs


def scene() -> tuple[BuggyNetwork, BuggyPolicy, Phone, Phone]:
    policy = BuggyPolicy()
    network = BuggyNetwork(
        directory(line(1, "alice"), line(2, "bob"), line(3, "carol"), trunk(9, "203.0.113.9")), policy
    )
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    bob = network.phone("192.0.2.20", "bob", "pw-bob")
    for phone in (alice, bob):
        phone.on_invite = (180, 200)
        phone.register()
    network.run()
    return network, policy, alice, bob


def nothing_is_left(network: BuggyNetwork) -> None:
    """Let every transaction end, then look into all tables."""
    network.advance(120.0)
    core = network.switch._core
    assert network.switch.open_call_ids() == frozenset()
    assert (core.offers, core.early, core.dialogs) == ({}, {}, {})
    assert (core.line_calls.all(), core.trunk_calls.all()) == ([], [])
    assert network.endpoint.transactions == 0


def the_next_call_works(network: BuggyNetwork, alice: Phone, bob: Phone) -> None:
    records = len(network.journal.records)
    alice.call("102")
    network.advance(2.0)
    assert alice.statuses[-1] == 200
    alice.hang_up()
    network.advance(2.0)
    assert len(network.journal.records) == records + 1


@pytest.mark.parametrize("step", ["screen", "route", "plan", "authorise", "grant", "answered"])
def test_a_bug_before_the_answer_is_a_500_and_one_line(step: str, caplog: pytest.LogCaptureFixture) -> None:
    network, policy, alice, bob = scene()
    policy.broken = {step}
    alice.call("102")
    network.advance(5.0)
    assert [status for status in alice.statuses if status >= 200] == [407, 500]
    [record] = network.journal.records
    assert (record.sip_status, record.refusal_code, record.answered_at is None) == (500, "node.bug", True)
    [logged] = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
    assert logged.getMessage().startswith(f"a bug ended call {record.call_id}: ")
    assert network.bugs() == 1
    policy.broken = set()
    nothing_is_left(network)
    the_next_call_works(network, alice, bob)
    nothing_is_left(network)


def test_a_bug_in_extending_hangs_up_and_writes_the_record() -> None:
    network, policy, alice, bob = scene()
    policy.authorisation = Authorisation(60.0, True)
    alice.call("102")
    network.advance(2.0)
    policy.broken = {"extend"}
    network.advance(70.0)
    [record] = network.journal.records
    assert (record.sip_status, record.ended_by, record.refusal_code) == (200, "platform", "node.bug")
    assert record.duration_s == pytest.approx(54.0, abs=0.1)
    assert [request.method for request in alice.requests] == ["BYE"]
    assert [request.method for request in bob.requests] == ["INVITE", "BYE"]
    policy.broken = set()
    nothing_is_left(network)
    the_next_call_works(network, alice, bob)


@pytest.mark.parametrize("step", ["settle", "ended", "journal"])
def test_a_bug_at_the_end_of_a_call_still_answers_and_forgets_it(step: str) -> None:
    network, _, alice, bob = scene()
    alice.call("102")
    network.advance(2.0)
    break_(network, step)
    alice.hang_up()
    network.advance(5.0)
    assert alice.responses[-1].status == 200
    assert bob.requests[-1].method == "BYE"
    mend(network)
    assert len(network.journal.records) == (0 if step == "journal" else 1)
    nothing_is_left(network)
    the_next_call_works(network, alice, bob)


def test_a_journal_that_raises_at_the_start_of_a_call_is_a_500_and_the_callee_is_hung_up() -> None:
    network, _, alice, bob = scene()
    break_(network, "journal")
    alice.call("102")
    network.advance(5.0)
    assert alice.statuses[-1] == 500
    assert bob.requests[-1].method == "BYE"
    mend(network)
    nothing_is_left(network)
    the_next_call_works(network, alice, bob)


@pytest.mark.parametrize("step", ["changed"])
def test_a_bug_in_the_live_view_ends_one_call(step: str) -> None:
    network, _, alice, bob = scene()
    break_(network, step)
    alice.call("102")
    network.advance(5.0)
    assert alice.statuses[-1] == 500
    mend(network)
    nothing_is_left(network)
    the_next_call_works(network, alice, bob)


def test_a_bug_in_a_registration_is_a_500_and_the_phone_tries_again() -> None:
    network, _, alice, _ = scene()
    network.store.broken = True
    alice.register()
    network.advance(1.0)
    assert alice.responses[-1].status == 500
    network.store.broken = False
    alice.register()
    network.advance(1.0)
    assert alice.responses[-1].status == 200
    assert network.bugs() == 1


def test_a_bug_in_one_calls_timer_leaves_the_timers_of_others_alone() -> None:
    network, policy, alice, bob = scene()
    policy.authorisation = Authorisation(60.0, True)
    alice.call("102")
    network.advance(1.0)
    policy.authorisation = Authorisation(60.0)
    carol = network.phone("192.0.2.30", "carol", "pw-carol")
    carol.call("102")
    network.advance(1.0)
    policy.broken = {"extend"}
    network.advance(62.0)
    records = {record.a_line_id: record for record in network.journal.records}
    assert (records[1].refusal_code, records[3].refusal_code) == ("node.bug", "")
    assert records[3].duration_s == pytest.approx(60.0)
    assert bob.requests[-1].method == "BYE"


def test_a_bug_while_the_node_stops_leaves_no_other_call_without_its_answer() -> None:
    network, policy, alice, _ = scene()
    carol = network.phone("192.0.2.30", "carol", "pw-carol")
    policy.waiting = []
    alice.call("102")
    carol.call("102")
    network.advance(0.1)
    policy.broken = {"settle"}
    network.switch.stop(network.now, network.wall)
    network.advance(2.0)
    assert (alice.statuses[-1], carol.statuses[-1]) == (500, 500)
    assert network.bugs() == 2


def test_the_same_bug_in_a_thousand_calls_is_one_line_in_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    network, policy, alice, _ = scene()
    policy.broken = {"route"}
    for _ in range(200):
        alice.call("102")
        network.advance(0.1)
    assert network.bugs() == 200
    assert len([entry for entry in caplog.records if entry.levelno >= logging.ERROR]) == 1


def break_(network: BuggyNetwork, step: str) -> None:
    """Let one step around the switch raise from now on."""
    if step == "journal":
        network.journal.refusal = Bug("append")
    elif step in ("changed", "ended"):
        network.live.broken = frozenset({step})
    else:
        network.policy.broken = {step}


def mend(network: BuggyNetwork) -> None:
    """Let everything work again."""
    network.journal.refusal = None
    network.live.broken = frozenset()
    network.policy.broken = set()


def test_a_bug_in_the_middle_of_a_session_change_ends_the_call_it_belongs_to() -> None:
    network, _, alice, bob = scene()
    alice.call("102")
    network.advance(2.0)
    core = network.switch._core
    [call] = core.calls.values()
    assert call.b_leg is not None
    call.b_leg.dialog.remote_target = "not a URI at all\0"
    alice.in_dialog("INVITE", OFFER)
    network.advance(5.0)
    assert alice.statuses[-1] >= 400
    alice.hang_up()
    network.advance(5.0)
    nothing_is_left(network)
    the_next_call_works(network, alice, bob)
