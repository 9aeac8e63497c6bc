"""The loader: each record once, whatever happens, and nothing bad stands in the way of the good."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import DataError, IntegrityError, OperationalError, connection

from sip.cdr import loader as loader_module
from sip.cdr.batch import read_batch
from sip.cdr.frames import encode
from sip.cdr.journal import Journal
from sip.cdr.loader import Loader, retry_quarantined, run
from sip.cdr.record import CallRecord
from sip.cdr.spool import list_segments, segment_path
from sip.models import Call, CallAttempt, QuarantinedFrame, SpoolOffset
from tenants.models import Tenant
from tests.sip.cdr.samples import ANSWERED, NOW, end, opened, record

pytestmark = pytest.mark.usefixtures("committed_db")


class Settled:
    """Stands for billing: remembers what it was given."""

    def __init__(self) -> None:
        self.records: list[CallRecord] = []
        self.refused: set[str] = set()

    def __call__(self, records: Sequence[CallRecord]) -> None:
        for item in records:
            if item.called in self.refused:
                raise IntegrityError(f"cannot charge {item.called}")
        self.records.extend(records)


@pytest.fixture
def tenant() -> Tenant:
    return Tenant.objects.create(kind="operator", name="trunkco", slug="trunkco")


@pytest.fixture
def settled() -> Settled:
    return Settled()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = make_journal(tmp_path)
    yield journal
    journal.close()


@pytest.fixture
def loader(tmp_path: Path) -> Loader:
    return Loader(tmp_path, clock=lambda: NOW)


def make_journal(spool: Path, node: str = "node1") -> Journal:
    return Journal(spool / node, node, lambda call: call(), lambda error: None)


def write(journal: Journal, *payloads: dict[str, Any]) -> None:
    durable = threading.Event()
    for payload in payloads[:-1]:
        journal.append(payload)
    journal.append(payloads[-1], durable.set)
    assert durable.wait(5)


def load_all(loader: Loader, settled: Settled) -> int:
    total = loader.load_once(settled)
    while loader.backlog:
        total += loader.load_once(settled)
    return total


def test_a_record_becomes_a_row_with_all_its_fields(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    item = record(tenant_id=tenant.pk)
    write(journal, opened(item.call_id), end(item))
    assert loader.load_once(settled) == 1
    call = Call.objects.get()
    times = {"started_at", "ringing_at", "answered_at", "ended_at"}
    for name, value in item.to_json().items():
        if name in times:
            assert getattr(call, name).timestamp() == value
        elif name == "call_id":
            assert call.call_id.hex == value
        elif name != "attempts":
            assert getattr(call, name) == value
    assert settled.records == [item]


def test_each_attempt_becomes_a_row_beside_its_call(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    first, last = ANSWERED.attempts[0], ANSWERED.attempts[0]
    failed = {"attempt": 1, "sip_status": 503, "is_last": False, "answered_at": None}
    attempts = [first.__class__(**item_of(first) | failed), last.__class__(**item_of(last) | {"attempt": 2})]
    item = record(tenant_id=tenant.pk, attempts=tuple(attempts))
    write(journal, end(item))
    loader.load_once(settled)
    rows = CallAttempt.objects.order_by("attempt")
    assert [(row.attempt, row.sip_status, row.is_last, row.trunk_id) for row in rows] == [
        (1, 503, False, 21),
        (2, 200, True, 21),
    ]
    assert {row.call_started_at.timestamp() for row in rows} == {item.started_at}
    assert [row.answered_at is None for row in rows] == [True, False]


def item_of(attempt: Any) -> dict[str, Any]:
    item: dict[str, Any] = record(attempts=(attempt,)).to_json()["attempts"][0]
    return item


def test_loading_again_adds_nothing(journal: Journal, loader: Loader, settled: Settled, tenant: Tenant) -> None:
    write(journal, end(record(tenant_id=tenant.pk)))
    assert [loader.load_once(settled) for _ in range(3)] == [1, 0, 0]
    assert (Call.objects.count(), len(settled.records)) == (1, 1)


def test_a_new_loader_goes_on_from_the_stored_offset(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant, tmp_path: Path
) -> None:
    write(journal, end(record(tenant_id=tenant.pk)))
    loader.load_once(settled)
    write(journal, end(record(tenant_id=tenant.pk)))
    assert Loader(tmp_path, clock=lambda: NOW).load_once(settled) == 1
    assert Call.objects.count() == 2


@pytest.mark.parametrize("shift_s", [0.0, 0.5, -3600.0])
def test_a_call_that_comes_twice_counts_once_even_if_its_start_moved(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant, shift_s: float
) -> None:
    item = record(tenant_id=tenant.pk)
    write(journal, end(item))
    loader.load_once(settled)
    write(journal, end(record(call_id=item.call_id, tenant_id=tenant.pk, started_at=item.started_at + shift_s)))
    assert loader.load_once(settled) == 0
    assert (Call.objects.count(), CallAttempt.objects.count(), settled.records) == (1, 1, [item])


def test_a_call_that_comes_twice_in_one_batch_counts_once(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    item = record(tenant_id=tenant.pk)
    write(journal, end(item), end(item))
    assert loader.load_once(settled) == 1
    assert settled.records == [item]


def test_when_settlement_fails_for_all_of_us_nothing_is_loaded_and_it_is_tried_again(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    def away(records: Sequence[CallRecord]) -> None:
        raise OperationalError("server closed the connection unexpectedly")

    write(journal, end(record(tenant_id=tenant.pk)))
    with pytest.raises(OperationalError):
        loader.load_once(away)
    assert (Call.objects.count(), SpoolOffset.objects.get().offset) == (0, 0)
    assert loader.load_once(settled) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"duration_s": -1.0}, "duration of -1.0 s, allowed are 0 to 604800"),
        ({"tenant_id": 999}, "unknown tenant 999"),
        ({"sip_status": 99_999}, 'DataError: value "99999" is out of range for type smallint'),
        ({"account_id": "seven"}, 'DataError: invalid input syntax for type bigint: "seven"'),
    ],
)
def test_a_bad_record_is_put_aside_with_its_reason_and_the_others_are_loaded(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant, changes: dict[str, Any], reason: str
) -> None:
    good = [record(tenant_id=tenant.pk) for _ in range(4)]
    bad = record(**({"tenant_id": tenant.pk} | changes))
    write(journal, end(good[0]), end(good[1]), end(bad), end(good[2]), end(good[3]))
    assert loader.load_once(settled) == 4
    frame = QuarantinedFrame.objects.get()
    assert (frame.reason, frame.call_id, frame.node, frame.segment) == (reason, bad.call_id, "node1", 1)
    assert settled.records == good
    assert loader.load_once(settled) == 0


def test_a_record_that_cannot_be_settled_is_put_aside_whole(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    good, bad = record(tenant_id=tenant.pk), record(tenant_id=tenant.pk, called="+999")
    settled.refused = {"+999"}
    write(journal, end(good), end(bad))
    assert loader.load_once(settled) == 1
    assert [call.call_id.hex for call in Call.objects.all()] == [good.call_id]
    assert QuarantinedFrame.objects.get().reason == "IntegrityError: cannot charge +999"


def test_what_was_put_aside_is_loaded_when_its_cause_is_mended(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    bad = record(tenant_id=tenant.pk, called="+999")
    settled.refused = {"+999"}
    write(journal, end(bad))
    loader.load_once(settled)
    ids = list(QuarantinedFrame.objects.values_list("pk", flat=True))
    assert retry_quarantined(settled, ids, clock=lambda: NOW) == 0
    settled.refused = set()
    assert retry_quarantined(settled, ids, clock=lambda: NOW) == 1
    assert (QuarantinedFrame.objects.count(), settled.records) == (0, [bad])


def test_a_payload_that_is_no_json_is_put_aside(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant, tmp_path: Path
) -> None:
    with segment_path(tmp_path / "node1", 1).open("ab") as file:
        file.write(encode(b'{"t":"end","record":') + encode(b'{"t":"end","record":{}}') + encode(b"[1]"))
    assert loader.load_once(settled) == 0
    reasons = list(QuarantinedFrame.objects.order_by("offset").values_list("reason", flat=True))
    assert reasons[0] == reasons[2] == "the payload is not a JSON object"
    assert reasons[1].startswith("not a call record: KeyError")


def test_a_tenant_made_after_the_loader_started_is_known(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    write(journal, end(record(tenant_id=tenant.pk)))
    loader.load_once(settled)
    customer = Tenant.objects.create(kind="customer", parent=tenant, name="alice", slug="alice")
    write(journal, end(record(tenant_id=customer.pk)))
    assert loader.load_once(settled) == 1
    assert QuarantinedFrame.objects.count() == 0


def test_damage_in_the_middle_costs_one_record_and_the_bytes_are_kept(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant, tmp_path: Path
) -> None:
    items = [record(tenant_id=tenant.pk) for _ in range(3)]
    path = segment_path(tmp_path / "node1", 1)
    write(journal, end(items[0]))
    start = path.stat().st_size
    write(journal, end(items[1]))
    write(journal, end(items[2]))
    data = bytearray(path.read_bytes())
    data[start + 100] ^= 1
    path.write_bytes(bytes(data))
    assert loader.load_once(settled) == 2
    frame = QuarantinedFrame.objects.get()
    assert (frame.offset, frame.reason.split(":")[0]) == (start, "damaged")
    assert settled.records == [items[0], items[2]]


def test_a_frame_that_is_being_written_is_waited_for(
    loader: Loader, journal: Journal, settled: Settled, tenant: Tenant, tmp_path: Path
) -> None:
    item = record(tenant_id=tenant.pk)
    write(journal, end(item))
    path = segment_path(tmp_path / "node1", 1)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert (loader.load_once(settled), loader.backlog, QuarantinedFrame.objects.count()) == (0, False, 0)
    path.write_bytes(whole)
    assert loader.load_once(settled) == 1


def test_a_loaded_segment_is_deleted_and_the_newest_stays(
    loader: Loader, settled: Settled, tenant: Tenant, tmp_path: Path
) -> None:
    for _ in range(3):
        journal = make_journal(tmp_path)
        write(journal, end(record(tenant_id=tenant.pk)))
        journal.close()
    assert load_all(loader, settled) == 3
    assert list_segments(tmp_path / "node1") == [3]
    assert list(SpoolOffset.objects.values_list("segment", flat=True)) == [3]


@pytest.mark.parametrize("anew", [1, 2, 5])
def test_a_spool_wiped_and_begun_anew_is_loaded_from_its_start(
    loader: Loader, settled: Settled, tenant: Tenant, tmp_path: Path, anew: int
) -> None:
    journal = make_journal(tmp_path)
    write(journal, end(record(tenant_id=tenant.pk)), end(record(tenant_id=tenant.pk)))
    journal.close()
    loader.load_once(settled)
    segment_path(tmp_path / "node1", 1).unlink()
    journal = make_journal(tmp_path)
    write(journal, *(end(record(tenant_id=tenant.pk)) for _ in range(anew)))
    journal.close()
    assert loader.load_once(settled) == anew
    assert (Call.objects.count(), QuarantinedFrame.objects.count()) == (2 + anew, 0)


def test_the_spools_of_several_nodes_are_loaded(
    loader: Loader, settled: Settled, tenant: Tenant, tmp_path: Path
) -> None:
    for node in ("node1", "node2"):
        journal = make_journal(tmp_path, node)
        write(journal, end(record(tenant_id=tenant.pk, node=node)))
        journal.close()
    assert loader.load_once(settled) == 2
    assert sorted(call.node for call in Call.objects.all()) == ["node1", "node2"]


def test_a_large_backlog_is_loaded_in_several_batches(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader_module, "read_batch", _in_steps_of(5_000))
    items = [record(tenant_id=tenant.pk) for _ in range(50)]
    write(journal, *map(end, items))
    assert 0 < loader.load_once(settled) < 50
    assert loader.backlog
    load_all(loader, settled)
    assert settled.records == items


def _in_steps_of(size: int) -> Any:
    real = read_batch
    return lambda *values, **options: real(*values, **options, size=size)


def test_two_loaders_side_by_side_load_each_record_once(tmp_path: Path, settled: Settled, tenant: Tenant) -> None:
    journal = make_journal(tmp_path)
    stop = threading.Event()
    other = Settled()
    threads = [threading.Thread(target=run, args=(each, stop, tmp_path)) for each in (settled, other)]
    for thread in threads:
        thread.start()
    started_at = time.time()
    items = [record(tenant_id=tenant.pk, started_at=started_at, ended_at=started_at + 60) for _ in range(300)]
    for item in items:
        write(journal, end(item))
    _wait_until(lambda: len(settled.records) + len(other.records) >= 300)
    stop.set()
    for thread in threads:
        thread.join()
    journal.close()
    assert sorted(item.call_id for item in settled.records + other.records) == sorted(item.call_id for item in items)
    assert Call.objects.count() == 300


def test_a_record_of_an_odd_month_makes_its_own_partition(
    journal: Journal, loader: Loader, settled: Settled, tenant: Tenant
) -> None:
    started_at = NOW - 200 * 86_400
    write(journal, end(record(tenant_id=tenant.pk, started_at=started_at, ended_at=started_at + 60)))
    assert loader.load_once(settled) == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM sip_call")
        assert cursor.fetchall() == [("sip_call_202605",)]


def test_while_postgresql_is_away_it_says_so_once_and_then_catches_up(
    journal: Journal,
    tenant: Tenant,
    settled: Settled,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    away = threading.Event()
    away.set()
    started_at = time.time()
    write(journal, end(record(tenant_id=tenant.pk, started_at=started_at, ended_at=started_at + 60)))
    tries = _Tries()
    failing = _failing_while(away, loader_module.Loader.load_once, tries)
    monkeypatch.setattr(loader_module.Loader, "load_once", failing)
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settled, stop, tmp_path))
    thread.start()
    _wait_until(lambda: tries.count >= 3)
    away.clear()
    _wait_until(lambda: len(settled.records) == 1)
    stop.set()
    thread.join()
    messages = [entry.message for entry in caplog.records if entry.name == "sip.cdr.loader"]
    assert messages == [
        "cannot load call records, they wait in the spool: OperationalError: connection refused",
        "call records are loaded again",
    ]


class _Tries:
    count = 0


def _failing_while(away: threading.Event, real: Any, tries: _Tries) -> Any:
    def load_once(self: Loader, settle: Any) -> Any:
        tries.count += 1
        if away.is_set():
            raise OperationalError("connection refused")
        return real(self, settle)

    return load_once


def _wait_until(condition: Any, timeout_s: float = 20.0) -> None:
    ends_at = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def test_a_running_loader_takes_each_record_as_it_comes(
    journal: Journal, tenant: Tenant, tmp_path: Path, settled: Settled
) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(settled, stop, tmp_path))
    thread.start()
    started_at = time.time()
    write(journal, end(record(tenant_id=tenant.pk, started_at=started_at, ended_at=started_at + 60)))
    _wait_until(lambda: len(settled.records) == 1)
    write(journal, end(record(tenant_id=tenant.pk, started_at=started_at, ended_at=started_at + 60)))
    _wait_until(lambda: len(settled.records) == 2)
    stop.set()
    thread.join()


def test_a_data_error_is_a_poison_and_not_an_outage() -> None:
    assert issubclass(DataError, loader_module.POISON)
    assert not issubclass(OperationalError, loader_module.POISON)
