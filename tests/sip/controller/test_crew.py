"""Workers of one node on a hand-moved clock: what they tell each other, and what they then know."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sip.controller.crew import limits
from sip.controller.crew.places import Places
from sip.controller.location import Binding
from sip.stack.flow import Flow
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone

UDP = Flow("UDP", SWITCH, ("192.0.2.10", 5060))
TCP = Flow("TCP", SWITCH, ("192.0.2.10", 40000), 77)


@dataclass
class Seat:
    """One worker's way to its siblings, over JSON as in truth."""

    crew: Crew
    worker: int
    takers: dict[str, Callable[[int, dict[str, Any]], None]] = field(default_factory=dict)

    @property
    def siblings(self) -> tuple[int, ...]:
        """The others."""
        return tuple(number for number in range(len(self.crew.networks)) if number != self.worker)

    def on_news(self, topic: str, take: Callable[[int, dict[str, Any]], None]) -> None:
        """Note who takes a topic."""
        self.takers[topic] = take

    def tell(self, topic: str, news: dict[str, Any], sibling: int | None = None) -> None:
        """Put it on the way."""
        for other in self.siblings if sibling is None else (sibling,):
            self.crew.said.append((self.worker, topic))
            self.crew.under_way.append((self.worker, other, topic, json.dumps(news)))


class Crew:
    """Switches on one clock, with links between them."""

    def __init__(self, workers: int, **changes: Any) -> None:
        lines = directory(line(1, "alice", **changes), line(2, "bob", **changes), line(3, "carol", **changes))
        self.networks = [Network(lines) for _ in range(workers)]
        self.seats: dict[int, Seat] = {}
        self.under_way: deque[tuple[int, int, str, str]] = deque()
        self.said: list[tuple[int, str]] = []
        self.dead: set[int] = set()
        self.informed: list[int] = []
        """Workers that said they know all their siblings know."""

    def join(self, worker: int) -> None:
        """Let a worker take its place."""
        self.seats[worker] = Seat(self, worker)
        self.networks[worker].switch.join(self.seats[worker], lambda: self.informed.append(worker))
        self.dead.discard(worker)
        self.run()

    def restart(self, worker: int) -> None:
        """Kill a worker and start it anew; its store is empty, as if Redis were away."""
        self.networks[worker].store.kept.clear()
        self.networks[worker].restart()
        self.join(worker)

    def run(self) -> None:
        """Let everybody work, and carry news, until nothing is under way."""
        while True:
            for number, network in enumerate(self.networks):
                if number not in self.dead:
                    network.run()
            deliverable = [item for item in self.under_way if item[1] in self.seats and item[1] not in self.dead]
            if not deliverable:
                return
            for item in deliverable:
                self.under_way.remove(item)
                source, target, topic, text = item
                self.seats[target].takers[topic](source, json.loads(text))

    def advance(self, seconds: float) -> None:
        """Move the clock on for all."""
        for number, network in enumerate(self.networks):
            if number not in self.dead:
                network.advance(seconds)
        self.run()

    def contacts(self, username: str) -> list[list[str]]:
        """Return what each worker knows of a line."""
        return [
            sorted(binding.uri for binding in network.switch.locations.bindings(username, network.wall))
            for network in self.networks
        ]

    def lines_up(self, number: int) -> list[int]:
        """Return how many calls of a line each worker counts."""
        return [network.core.line_calls[number] for network in self.networks]


def crew_of(workers: int, **changes: Any) -> Crew:
    crew = Crew(workers, **changes)
    for worker in range(workers):
        crew.join(worker)
    return crew


def registered(network: Network, username: str, host: str) -> Phone:
    phone = network.phone(host, username, f"pw-{username}")
    phone.register()
    return phone


def bind(crew: Crew, worker: int, username: str, *bindings: Binding) -> None:
    network = crew.networks[worker]
    network.switch.locations.replace(username, bindings, network.wall)


def binding(crew: Crew, uri: str, flow: Flow = UDP, lasts_s: float = 600.0) -> Binding:
    return Binding(uri, flow, "", "", "call", 1, crew.networks[0].wall + lasts_s, "phone")


def test_a_phone_that_registers_at_one_worker_is_called_by_another() -> None:
    crew = crew_of(3)
    registered(crew.networks[0], "alice", "192.0.2.10")
    crew.run()
    assert crew.contacts("alice") == [["sip:alice@192.0.2.10:5060"]] * 3
    caller = registered(crew.networks[2], "bob", "192.0.2.20")
    callee = crew.networks[2].phone("192.0.2.10")
    callee.on_invite = (180, 200)
    crew.run()
    caller.call("101")
    crew.run()
    assert "200 INVITE" in crew.networks[2].texts(target=caller.name)


def test_two_phones_of_a_line_that_register_at_once_at_two_workers_are_both_known_to_all() -> None:
    crew = crew_of(2)
    bind(crew, 0, "alice", binding(crew, "sip:a"))
    bind(crew, 1, "alice", binding(crew, "sip:b"))
    assert crew.contacts("alice") == [["sip:a"], ["sip:b"]]
    crew.run()
    assert crew.contacts("alice") == [["sip:a", "sip:b"]] * 2


def test_a_registration_taken_back_is_taken_back_everywhere() -> None:
    crew = crew_of(2)
    bind(crew, 0, "alice", binding(crew, "sip:a"))
    crew.run()
    bind(crew, 1, "alice")
    crew.run()
    assert crew.contacts("alice") == [[], []]


def test_what_a_sibling_told_is_not_told_again() -> None:
    crew = crew_of(3)
    crew.said.clear()
    bind(crew, 0, "alice", binding(crew, "sip:a"))
    crew.run()
    assert crew.said == [(0, "contacts"), (0, "contacts")]
    assert [len(network.store.kept) for network in crew.networks] == [1, 0, 0]


def test_the_end_of_a_registration_needs_no_telling() -> None:
    crew = crew_of(2)
    bind(crew, 0, "alice", binding(crew, "sip:a", lasts_s=100.0))
    crew.run()
    crew.said.clear()
    crew.advance(300.0)
    assert crew.contacts("alice") == [[], []]
    assert crew.said == []


def test_a_contact_on_a_stream_names_the_worker_that_holds_it() -> None:
    crew = crew_of(2)
    bind(crew, 1, "alice", binding(crew, "sip:a", TCP))
    crew.run()
    network = crew.networks[0]
    [known] = network.switch.locations.bindings("alice", network.wall)
    assert (known.owner, known.flow.connection) == ("worker 1", 77)


def test_a_worker_that_starts_again_asks_a_sibling_for_all_registrations() -> None:
    crew = crew_of(3)
    names = [f"line{number}" for number in range(3 * limits.BINDINGS_PER_PAGE + 1)]
    for number, name in enumerate(names):
        bind(crew, number % 3, name, binding(crew, f"sip:{name}@192.0.2.9", TCP))
    crew.run()
    crew.said.clear()
    crew.restart(1)
    assert [crew.contacts(name)[1] for name in names] == [[f"sip:{name}@192.0.2.9"] for name in names]
    network = crew.networks[1]
    owners = [network.switch.locations.bindings(name, network.wall)[0] for name in names[:3]]
    assert [(one.owner, one.flow.connection) for one in owners] == [("worker 0", 77), ("", 0), ("worker 2", 77)]
    assert crew.informed[3:] == [1]
    assert crew.said.count((0, "page")) == 5
    assert crew.said.count((2, "page")) == 0
    assert len(network.store.kept) == 0


def test_what_only_a_dead_workers_connection_reached_is_gone_for_all() -> None:
    crew = crew_of(3)
    for worker, name, uri, flow in (
        (1, "browser", "sip:x@abc.invalid", TCP),
        (1, "phone", "sip:y@192.0.2.9", TCP),
        (1, "udp", "sip:z@abc.invalid", None),
        (2, "other", "sip:o@abc.invalid", TCP),
    ):
        bind(crew, worker, name, binding(crew, uri, flow) if flow is not None else binding(crew, uri))
    crew.run()
    crew.restart(1)
    seen = [[len(crew.contacts(name)[worker]) for worker in range(3)] for name in ("browser", "phone", "udp", "other")]
    assert seen == [[0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1]]


def test_a_sibling_that_does_not_answer_is_passed_over() -> None:
    crew = crew_of(3)
    bind(crew, 2, "alice", binding(crew, "sip:a"))
    crew.run()
    crew.dead.add(0)
    crew.restart(1)
    assert crew.contacts("alice")[1] == []
    assert crew.informed[3:] == []
    crew.advance(limits.PAGE_S_MAX)
    assert crew.contacts("alice")[1] == ["sip:a"]
    assert crew.informed[3:] == [1]


def test_a_worker_whose_siblings_are_all_silent_goes_on_alone() -> None:
    crew = crew_of(3)
    crew.dead.update((0, 2))
    crew.restart(1)
    crew.advance(limits.PAGE_S_MAX)
    assert crew.informed[3:] == []
    crew.advance(limits.PAGE_S_MAX)
    assert crew.informed[3:] == [1]


def test_what_a_starting_worker_learnt_from_a_phone_itself_is_kept() -> None:
    crew = crew_of(2)
    bind(crew, 0, "alice", binding(crew, "sip:a", lasts_s=100.0))
    crew.run()
    crew.networks[1].store.kept.clear()
    crew.networks[1].restart()
    bind(crew, 1, "alice", binding(crew, "sip:a", lasts_s=500.0))
    crew.join(1)
    network = crew.networks[1]
    [known] = network.switch.locations.bindings("alice", network.wall)
    assert known.expires_at == network.wall + 500.0


def test_a_sibling_that_tells_nonsense_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    crew = crew_of(2)
    takers = crew.seats[0].takers
    takers["contacts"](1, {"line": "alice", "changed": [{"uri": "sip:a"}], "gone": [], "reason": "registered"})
    takers["page"](1, {"rows": [["alice", "worker 1", {"uri": "sip:a"}]]})
    takers["page"](7, {"rows": [["alice", "worker 1", binding(crew, "sip:a").to_json()]]})
    crew.run()
    assert crew.contacts("alice") == [[], []]
    assert caplog.text.count("cannot be read") == 2


def talking(crew: Crew, worker: int) -> tuple[Phone, Phone]:
    """Let alice and bob talk over one worker."""
    network = crew.networks[worker]
    alice, bob = registered(network, "alice", "192.0.2.10"), registered(network, "bob", "192.0.2.20")
    bob.on_invite = (180, 200)
    crew.run()
    alice.call("102")
    crew.advance(1.0)
    return alice, bob


def test_a_lines_bound_counts_its_calls_at_all_workers() -> None:
    crew = crew_of(2, calls_max=1)
    alice, _ = talking(crew, 0)
    assert crew.lines_up(1) == [1, 1]
    other = registered(crew.networks[1], "alice", "192.0.2.11")
    crew.run()
    other.call("103")
    crew.run()
    [record] = crew.networks[1].journal.records
    assert record.refusal_code == "limit.line_calls"
    alice.hang_up()
    crew.advance(1.0)
    assert crew.lines_up(1) == [0, 0]


def test_the_calls_of_a_dead_worker_are_counted_until_it_says_itself_what_it_has() -> None:
    crew = crew_of(2)
    talking(crew, 0)
    assert crew.lines_up(1) == [1, 1]
    crew.networks[0].journal.payloads.clear()
    crew.dead.add(0)
    assert crew.lines_up(1)[1] == 1
    crew.restart(0)
    assert crew.lines_up(1) == [0, 0]


def test_a_worker_that_starts_again_knows_its_own_calls_and_those_of_the_others() -> None:
    crew = crew_of(3)
    talking(crew, 0)
    talking(crew, 1)
    assert crew.lines_up(1) == [2, 2, 2]
    crew.restart(0)
    crew.advance(1.0)
    assert crew.lines_up(1) == [2, 2, 2]


def test_counts_are_told_together_and_not_call_by_call() -> None:
    crew = crew_of(2)
    crew.advance(1.0)
    crew.said.clear()
    core = crew.networks[0].core
    releases = [core.take_place(core.line_calls, number, 5) for number in range(100)]
    for release in releases[:50]:
        assert release is not None
        release()
    crew.advance(limits.TELL_S)
    assert crew.said == [(0, "calls")]
    assert [crew.lines_up(number)[1] for number in (0, 49, 50, 99)] == [0, 0, 1, 1]


def test_alone_nothing_is_noted_of_changes() -> None:
    places = Places()
    assert places.take(1, 1)
    assert not places.take(1, 1)
    assert not places.has_changes
    assert places.changes() == []
    places.free(1)
    assert (len(places), places.all()) == (0, [])


def test_places_of_siblings_count_and_are_forgotten_with_them() -> None:
    places = Places()
    places.share()
    places.hear(1, [(7, 2), (8, 1)])
    places.hear(2, [(7, 1)])
    assert (places[7], places[8]) == (3, 1)
    assert not places.take(7, 3)
    assert places.take(7, 4)
    assert places.has_changes
    assert places.changes() == [(7, 1)]
    places.hear(1, [(7, 0)])
    places.forget(2)
    assert (places[7], places[8]) == (1, 1)
    places.free(7)
    assert places.changes() == [(7, 0)]
    places.hear(1, [(8, -5)])
    assert places[8] == 0


@dataclass
class Far:
    """The way to other nodes: what is told is kept, what they tell is put in."""

    is_alone: bool = False
    told: list[dict[str, Any]] = field(default_factory=list)
    take: Callable[[str, dict[str, Any]], None] = lambda node, news: None

    def on_news(self, take: Callable[[str, dict[str, Any]], None]) -> None:
        """Note who takes news."""
        self.take = take

    def tell(self, news: dict[str, Any]) -> None:
        """Keep it, as JSON would."""
        self.told.append(json.loads(json.dumps(news)))


def two_nodes() -> tuple[Crew, Far, Far]:
    """Return two switches that hear of each other over nothing but ``Far``."""
    crew, near, far = Crew(2), Far(), Far()
    crew.networks[0].switch.meet(near)
    crew.networks[1].switch.meet(far)
    crew.run()
    return crew, near, far


def test_a_contact_told_by_another_node_is_called_and_not_told_on() -> None:
    crew, near, far = two_nodes()
    bind(crew, 0, "alice", binding(crew, "sip:a", TCP))
    far.take("node1", near.told[0])
    crew.run()
    assert crew.contacts("alice") == [["sip:a"], ["sip:a"]]
    network = crew.networks[1]
    [known] = network.switch.locations.bindings("alice", network.wall)
    assert (known.owner, known.flow.connection) == ("node1", 0)
    assert far.told == []
    bind(crew, 0, "alice")
    far.take("node1", near.told[1])
    crew.run()
    assert crew.contacts("alice") == [[], []]


def test_alone_a_node_tells_nothing_and_the_end_of_a_registration_needs_no_telling() -> None:
    crew, near, _ = two_nodes()
    near.is_alone = True
    bind(crew, 0, "alice", binding(crew, "sip:a"))
    near.is_alone = False
    crew.advance(700.0)
    assert crew.contacts("alice")[0] == []
    assert near.told == []


def test_nonsense_of_another_node_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    crew, _, far = two_nodes()
    for news in ({}, {"line": "alice", "changed": [1], "gone": [], "reason": "registered"}):
        far.take("node1", news)
    crew.networks[1].switch.merge({"alice": [{"uri": "sip:a"}], "bob": [3]}, 0.0)  # type: ignore[list-item]
    crew.run()
    assert crew.contacts("alice") == [[], []]
    assert caplog.text.count("cannot be read") == 2
    assert caplog.text.count("unreadable") == 2


def test_what_a_store_holds_is_taken_where_it_is_newer() -> None:
    crew, _, _ = two_nodes()
    bind(crew, 0, "alice", binding(crew, "sip:a", lasts_s=100.0), binding(crew, "sip:b", lasts_s=500.0))
    network = crew.networks[0]
    stored = [binding(crew, f"sip:{name}", lasts_s=300.0).to_json() for name in "abc"]
    network.switch.merge({"alice": stored, "bob": [binding(crew, "sip:x", lasts_s=-1.0).to_json()]}, network.wall)
    known = network.switch.locations.bindings("alice", network.wall)
    assert {one.uri: round(one.expires_at - network.wall) for one in known} == {
        "sip:a": 300,
        "sip:b": 500,
        "sip:c": 300,
    }
    assert crew.contacts("bob")[0] == []
