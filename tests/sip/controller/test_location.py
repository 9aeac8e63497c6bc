"""The table of bindings: who is told of a change, what another process may change, and what a sweep costs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sip.controller.location import Binding, LocationTable, Reason, difference
from sip.stack.flow import Flow

FLOW = Flow("UDP", ("10.0.0.1", 5060), ("192.0.2.10", 5060))
STREAM = Flow("TCP", ("10.0.0.1", 5060), ("192.0.2.10", 40000), 7)


def binding(uri: str, expires_at: float = 100.0, **changes: Any) -> Binding:
    return replace(Binding(uri, FLOW, "", "", "call", 1, expires_at, "phone"), **changes)


@dataclass
class Store:
    """A store that counts what it is asked to keep."""

    saved: list[tuple[str, int, float]] = field(default_factory=list)

    def save(self, username: str, bindings: list[dict[str, Any]], expires_at: float) -> None:
        """Note it."""
        self.saved.append((username, len(bindings), expires_at))


class Ear:
    """A listener that writes down what it is told, contacts by their URI."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, list[str], list[str], Reason]] = []

    def on_change(
        self, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        """Note it."""
        self.heard.append((username, [old.uri for old in before], [new.uri for new in after], reason))


def table_with_ears() -> tuple[LocationTable, Store, Ear, Ear]:
    """Return a table with a listener to everything and one to what this process did itself."""
    store, everything, own = Store(), Ear(), Ear()
    table = LocationTable(store)
    table.subscribe(everything.on_change)
    table.subscribe(own.on_change, with_remote=False)
    return table, store, everything, own


def test_a_change_is_stored_and_told_with_what_was_before() -> None:
    table, store, everything, own = table_with_ears()
    table.replace("alice", (binding("sip:a"),), 0.0)
    table.replace("alice", (), 1.0, "unregistered")
    assert everything.heard == [("alice", [], ["sip:a"], "registered"), ("alice", ["sip:a"], [], "unregistered")]
    assert own.heard == everything.heard
    assert store.saved == [("alice", 1, 100.0), ("alice", 0, 0.0)]
    assert len(table) == 0


def test_a_remote_change_is_neither_stored_nor_told_to_who_shares_changes() -> None:
    table, store, everything, own = table_with_ears()
    table.replace("alice", (binding("sip:a"), binding("sip:b")), 0.0)
    rows = [binding("sip:c", flow=STREAM).to_json()]
    table.apply_remote("alice", rows, ["sip:a"], 1.0, "registered", "worker-2")
    assert [found.uri for found in table.bindings("alice", 1.0)] == ["sip:b", "sip:c"]
    assert everything.heard[1:] == [("alice", ["sip:a", "sip:b"], ["sip:b", "sip:c"], "registered")]
    assert len(own.heard) == 1
    assert len(store.saved) == 1


def test_a_remote_stream_keeps_its_connection_and_says_whose_it_is() -> None:
    table = LocationTable(Store())
    table.apply_remote("alice", [binding("sip:c", flow=STREAM).to_json()], [], 1.0, owner="worker-2")
    [found] = table.bindings("alice", 1.0)
    assert (found.flow, found.owner) == (STREAM, "worker-2")
    assert Binding.from_json(found.to_json()).flow.connection == 0


def test_an_unreadable_remote_row_changes_nothing() -> None:
    table, _, everything, _ = table_with_ears()
    table.replace("alice", (binding("sip:a"),), 0.0)
    with pytest.raises(KeyError):
        table.apply_remote("alice", [{"uri": "sip:x"}], ["sip:a"], 1.0)
    assert [found.uri for found in table.bindings("alice", 1.0)] == ["sip:a"]
    assert len(everything.heard) == 1


def test_a_difference_applied_elsewhere_makes_the_same_bindings() -> None:
    first, second = LocationTable(Store()), LocationTable(Store())
    told: list[tuple[list[dict[str, Any]], list[str]]] = []
    first.subscribe(lambda name, before, after, wall, reason: told.append(difference(before, after)))
    kept = binding("sip:a")
    first.replace("alice", (kept, binding("sip:b")), 0.0)
    first.replace("alice", (kept, binding("sip:c"), binding("sip:d", instance="<urn:x>", reg_id=2)), 0.0)
    first.replace("alice", (kept, binding("sip:e", instance="<urn:x>", reg_id=2)), 0.0)
    assert [len(changed) for changed, _ in told] == [2, 2, 1]
    for changed, gone in told:
        second.apply_remote("alice", changed, gone, 0.0)
    assert second.bindings("alice", 0.0) == first.bindings("alice", 0.0)


def test_two_processes_that_bind_at_once_lose_neither_contact() -> None:
    first, second = LocationTable(Store()), LocationTable(Store())
    one, two = binding("sip:a"), binding("sip:b")
    first.replace("alice", (one,), 0.0)
    second.replace("alice", (two,), 0.0)
    first.apply_remote("alice", *difference((), (two,)), 0.0)
    second.apply_remote("alice", *difference((), (one,)), 0.0)
    assert {found.uri for found in first.bindings("alice", 0.0)} == {"sip:a", "sip:b"}
    assert {found.uri for found in second.bindings("alice", 0.0)} == {"sip:a", "sip:b"}


def test_what_is_over_is_told_as_expired_once() -> None:
    table, store, everything, _ = table_with_ears()
    table.replace("alice", (binding("sip:a", 50.0), binding("sip:b", 100.0)), 0.0)
    assert not table.sweep(49.9, 10)
    assert len(everything.heard) == 1
    assert not table.sweep(50.0, 10)
    assert not table.sweep(60.0, 10)
    assert everything.heard[1:] == [("alice", ["sip:a", "sip:b"], ["sip:b"], "expired")]
    assert store.saved[1:] == [("alice", 1, 100.0)]


def test_a_renewed_binding_outlives_its_first_time() -> None:
    table, _, everything, _ = table_with_ears()
    table.replace("alice", (binding("sip:a", 50.0),), 0.0)
    table.replace("alice", (binding("sip:a", 90.0),), 40.0)
    table.sweep(50.0, 10)
    assert len(table) == 1
    assert [reason for *_, reason in everything.heard] == ["registered", "registered"]
    table.sweep(90.0, 10)
    assert everything.heard[-1] == ("alice", ["sip:a"], [], "expired")


def test_a_sweep_stops_at_its_bound_and_says_that_more_is_due() -> None:
    table, _, everything, _ = table_with_ears()
    for number in range(25):
        table.replace(f"line{number}", (binding("sip:a", 50.0),), 0.0)
    assert table.sweep(60.0, 10)
    assert len(table) == 15
    assert table.sweep(60.0, 10)
    assert not table.sweep(60.0, 10)
    assert (len(table), len(everything.heard)) == (0, 50)


def test_a_phone_that_comes_and_goes_does_not_make_the_table_grow() -> None:
    table = LocationTable(Store())
    for number in range(2_000):
        table.replace("alice", (binding("sip:a", 5_000.0 - number),), 0.0)
        table.replace("alice", (), 0.0, "unregistered")
    assert len(table._checks) <= 300


def test_what_a_store_kept_is_told_like_a_remote_change_and_swept_like_the_rest() -> None:
    table, store, everything, own = table_with_ears()
    assert table.load({"alice": [binding("sip:a", 50.0).to_json()]}, 0.0) == 1
    assert (everything.heard, own.heard, store.saved) == ([("alice", [], ["sip:a"], "registered")], [], [])
    table.sweep(50.0, 10)
    assert everything.heard[1:] == [("alice", ["sip:a"], [], "expired")]


def test_a_restart_loses_the_phones_that_only_their_connection_could_reach() -> None:
    table = LocationTable(Store())
    rows = [
        binding("sip:a@192.168.1.5:5062", flow=STREAM, behind_nat=True).to_json(),
        binding("sip:b@x.invalid;transport=ws", flow=Flow("WS", STREAM.local, STREAM.remote, 3)).to_json(),
        binding("sip:c@192.0.2.10:5062", flow=STREAM, instance="<urn:x>", reg_id=1).to_json(),
        binding("sip:d@192.0.2.10:5062;transport=tcp", flow=STREAM).to_json(),
    ]
    assert table.load({"alice": rows}, 0.0) == 1
    [left] = table.bindings("alice", 0.0)
    assert left.uri == "sip:d@192.0.2.10:5062;transport=tcp"
    assert left.flow == Flow("TCP", STREAM.local, ("192.0.2.10", 5062))


def test_a_closed_connection_takes_its_contacts_with_it_and_no_others() -> None:
    table, store, everything, own = table_with_ears()
    other = binding("sip:b", instance="<urn:x>", reg_id=2, flow=Flow("TCP", STREAM.local, STREAM.remote, 8))
    table.replace("alice", (binding("sip:a", instance="<urn:x>", reg_id=1, flow=STREAM), other), 0.0)
    table.replace("bob", (binding("sip:b"),), 0.0)
    table.connection_lost(STREAM, 5.0)
    table.connection_lost(STREAM, 6.0)
    assert table.bindings("alice", 5.0) == (other,)
    assert everything.heard[2:] == [("alice", ["sip:a", "sip:b"], ["sip:b"], "deactivated")]
    assert own.heard == everything.heard
    assert len(store.saved) == 3


def test_the_proxy_of_a_path_may_close_its_connection() -> None:
    table = LocationTable(Store())
    kept = binding("sip:a", flow=STREAM, path=("<sip:p.example;lr>",))
    table.replace("alice", (kept,), 0.0)
    table.connection_lost(STREAM, 5.0)
    assert table.bindings("alice", 5.0) == (kept,)


def test_a_process_that_ended_takes_its_connections_contacts_with_it() -> None:
    table, _, everything, _ = table_with_ears()
    row = binding("sip:c@x.invalid", flow=STREAM).to_json()
    table.apply_remote("alice", [row, binding("sip:d").to_json()], [], 0.0, owner="worker-2")
    table.connection_lost(STREAM, 1.0)
    assert len(table.bindings("alice", 1.0)) == 2
    table.owner_lost("worker-3", 1.0)
    table.owner_lost("worker-2", 1.0)
    assert [found.uri for found in table.bindings("alice", 1.0)] == ["sip:d"]
    assert [reason for *_, reason in everything.heard] == ["registered", "deactivated"]


def test_rows_of_an_older_version_are_still_read() -> None:
    row = binding("sip:a").to_json()
    del row["registered_at"]
    assert Binding.from_json(row) == binding("sip:a")


def test_all_that_is_known_of_a_binding_comes_back_from_json() -> None:
    full = binding("sip:a", path=("<sip:p;lr>",), reg_id=3, registered_at=5.0, behind_nat=True, instance="<urn:x>")
    assert Binding.from_json(full.to_json()) == full
