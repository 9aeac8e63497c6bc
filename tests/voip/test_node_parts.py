"""Parts of a node that stand alone: routes by prefix, the snapshot on disk, the environment."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from billing.decks import CompiledDeck
from billing.rating import Rate
from sip.controller.directory import RouteEntry
from voip import environment
from voip.node import snapshot
from voip.node.routing import RouteTable
from voip.node.snapshot import Snapshot, TenantEntry

EVERYBODY = frozenset({1, 2})


def route(number: int, prefix: str, trunk_id: int, priority: int, tenant_id: int = 1) -> RouteEntry:
    return RouteEntry(number, tenant_id, prefix, trunk_id, priority)


def test_the_longest_prefix_goes_first_then_priority_then_the_older_route() -> None:
    table = RouteTable([route(1, "", 10, 1), route(2, "44", 20, 5), route(3, "44", 21, 5), route(4, "4420", 30, 9)])
    assert table.trunk_ids("442079460000", EVERYBODY) == [30, 20, 21, 10]
    assert table.trunk_ids("4930", EVERYBODY) == [10]


def test_a_trunk_on_two_routes_is_tried_once() -> None:
    assert RouteTable([route(1, "4", 10, 1), route(2, "44", 10, 1)]).trunk_ids("44", EVERYBODY) == [10]


def test_routes_of_a_stranger_are_not_used() -> None:
    table = RouteTable([route(1, "", 10, 1, tenant_id=3), route(2, "", 11, 2)])
    assert table.trunk_ids("44", EVERYBODY) == [11]


def test_no_route_at_all_leads_nowhere() -> None:
    assert RouteTable([]).trunk_ids("442079460000", EVERYBODY) == []
    assert RouteTable([route(1, "49", 10, 1)]).trunk_ids("44", EVERYBODY) == []


def test_a_snapshot_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    deck = CompiledDeck.compile([Rate("44", "United Kingdom", 12_000_000)], deck_id=5, currency="USD")
    kept = Snapshot(tenants={1: TenantEntry(1, (), "US", True)}, decks={5: deck})
    path = tmp_path / "kept" / "node1.pickle"
    snapshot.save(kept, path)
    assert path.stat().st_mode & 0o777 == 0o600
    read = snapshot.restore(path)
    assert read is not None
    assert read.tenants == kept.tenants
    assert read.decks[5].lookup("+442079460000") == deck.lookup("+442079460000")
    assert replace(read, decks={}) == replace(kept, decks={})


@pytest.mark.parametrize("content", [b"", b"not a pickle", b"\x80\x05]\x94."])
def test_a_damaged_snapshot_is_no_snapshot(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "node1.pickle"
    path.write_bytes(content)
    assert snapshot.restore(path) is None


def test_a_snapshot_of_another_format_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "node1.pickle"
    snapshot.save(Snapshot(), path)
    monkeypatch.setattr(snapshot, "DISK_FORMAT", snapshot.DISK_FORMAT + 1)
    assert snapshot.restore(path) is None
    assert snapshot.restore(tmp_path / "missing") is None


def test_a_database_url_is_read_with_its_socket_folder() -> None:
    values = environment.database("postgresql://app:p%40ss@/trunkline?host=/run/pg")
    assert (values["NAME"], values["USER"], values["PASSWORD"], values["HOST"], values["PORT"]) == (
        "trunkline",
        "app",
        "p@ss",
        "/run/pg",
        "",
    )


def test_another_engine_and_a_bad_number_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="postgresql://"):
        environment.database("mysql://app@host/trunkline")
    monkeypatch.setenv("SIP_PORT", "x")
    with pytest.raises(ValueError, match="SIP_PORT must be a whole number, not 'x'"):
        environment.number("SIP_PORT", 5060)
