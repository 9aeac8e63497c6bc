"""The journal: durable means durable, in order, and nothing accepted is lost."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sip.cdr import journal as journal_module
from sip.cdr import segment as segment_module
from sip.cdr.errors import JournalClosed, JournalFull
from sip.cdr.frames import Frame, decode
from sip.cdr.journal import Journal
from sip.cdr.spool import SegmentHeader, SpoolError, ended_calls, list_segments, parse_payload, recover, segment_path
from tests.sip.cdr.samples import end, opened, record

MakeJournal = Callable[..., Journal]


@pytest.fixture
def errors() -> list[OSError]:
    return []


@pytest.fixture
def make(tmp_path: Path, errors: list[OSError]) -> Iterator[MakeJournal]:
    made: list[Journal] = []

    def make_journal(**options: Any) -> Journal:
        journal = Journal(tmp_path / "node1", "node1", lambda call: call(), errors.append, **options)
        made.append(journal)
        return journal

    yield make_journal
    for journal in made:
        journal.close()


def append_and_wait(journal: Journal, payload: dict[str, Any]) -> None:
    durable = threading.Event()
    journal.append(payload, durable.set)
    assert durable.wait(5)


def wait_until(condition: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.005)


def payloads(directory: Path) -> list[dict[str, Any]]:
    found = []
    for number in list_segments(directory):
        for item in decode(segment_path(directory, number).read_bytes()):
            assert isinstance(item, Frame)
            payload = parse_payload(item.payload)
            assert payload is not None
            found.append(payload)
    return found


def test_what_is_reported_durable_is_in_the_file(make: MakeJournal, tmp_path: Path) -> None:
    journal = make()
    append_and_wait(journal, opened("c1"))
    assert payloads(tmp_path / "node1")[1:] == [opened("c1")]


def test_payloads_and_callbacks_keep_their_order(make: MakeJournal, tmp_path: Path) -> None:
    journal = make()
    called: list[int] = []
    for number in range(500):
        journal.append(opened(f"c{number}"), lambda number=number: called.append(number))  # type: ignore[misc]
    assert journal.close()
    assert called == list(range(500))
    assert [item["call_id"] for item in payloads(tmp_path / "node1")[1:]] == [f"c{number}" for number in range(500)]


def test_many_entries_share_few_syncs(make: MakeJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        syncs.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(segment_module, "_sync", sync)
    journal = make()
    for number in range(1000):
        journal.append(opened(f"c{number}"))
    assert journal.close()
    assert len(syncs) <= 20


def test_a_restart_gives_back_the_open_calls_and_only_those(make: MakeJournal) -> None:
    first = make()
    done = record()
    for payload in (opened("c1", step=1), opened(done.call_id), opened("c2"), end(done), opened("c1", step=2)):
        first.append(payload)
    first.close()
    assert make().recovered == [{"call_id": "c1", "step": 2}, {"call_id": "c2"}]


def test_the_spool_tells_which_calls_have_their_record(make: MakeJournal, tmp_path: Path) -> None:
    journal = make()
    append_and_wait(journal, opened("a"))
    append_and_wait(journal, opened("b"))
    append_and_wait(journal, end(record(call_id="a")))
    journal.close()
    append_and_wait(make(), end(record(call_id="c")))
    assert ended_calls(tmp_path / "node1") == {"a", "c"}
    assert ended_calls(tmp_path / "nowhere") == frozenset()


def test_a_restart_begins_a_new_segment_with_a_checkpoint(make: MakeJournal, tmp_path: Path) -> None:
    first = make()
    append_and_wait(first, opened("c1"))
    first.close()
    make()
    directory = tmp_path / "node1"
    assert list_segments(directory) == [1, 2]
    segment_path(directory, 1).unlink()
    head, *rest = payloads(directory)
    assert SegmentHeader(head["id"], "node1", 1).to_json() == head
    assert rest == [opened("c1")]


def test_a_full_segment_is_followed_by_one_with_the_open_calls(make: MakeJournal, tmp_path: Path) -> None:
    journal = make(segment_bytes_max=2_000)
    for number in range(6):
        append_and_wait(journal, opened(f"c{number}", pad="x" * 500))
        item = record(call_id=f"{number:032x}")
        append_and_wait(journal, end(item))
    directory = tmp_path / "node1"
    assert len(list_segments(directory)) >= 3
    newest = segment_path(directory, list_segments(directory)[-1])
    for number in list_segments(directory)[:-1]:
        segment_path(directory, number).unlink()
    assert newest.exists()
    assert set(recover(directory)) == {f"c{number}" for number in range(6)}


def test_a_segment_larger_than_its_limit_by_its_checkpoint_does_not_rotate_for_ever(
    make: MakeJournal, tmp_path: Path
) -> None:
    journal = make(segment_bytes_max=1_000)
    for number in range(10):
        append_and_wait(journal, opened(f"c{number}", pad="x" * 400))
    assert len(list_segments(tmp_path / "node1")) <= 6


def test_a_torn_tail_is_cut_when_the_node_starts_again(make: MakeJournal, tmp_path: Path) -> None:
    first = make()
    append_and_wait(first, opened("c1"))
    first.close()
    path = segment_path(tmp_path / "node1", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\x00\x00\x00\x50torn")
    assert make().recovered == [{"call_id": "c1"}]
    assert path.read_bytes() == whole


def test_a_damaged_checkpoint_is_made_up_for_by_the_older_segments(make: MakeJournal, tmp_path: Path) -> None:
    first = make()
    append_and_wait(first, opened("c1"))
    first.close()
    make().close()
    newest = segment_path(tmp_path / "node1", 2)
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(bytes(data))
    assert make().recovered == [{"call_id": "c1"}]


def test_a_half_made_segment_is_swept_away(make: MakeJournal, tmp_path: Path) -> None:
    make().close()
    draft = tmp_path / "node1" / "00000002.draft"
    draft.write_bytes(b"half")
    make()
    assert not draft.exists()
    assert list_segments(tmp_path / "node1") == [1, 2]


def test_two_nodes_cannot_share_a_folder(make: MakeJournal) -> None:
    make()
    with pytest.raises(SpoolError, match="two nodes must not share a name"):
        make()


class FullDisk:
    """Stands for ``os.pwrite``: refuses while ``full``, after taking half of what was given."""

    def __init__(self) -> None:
        self.full = False
        self.real = os.pwrite

    def __call__(self, descriptor: int, data: memoryview, position: int) -> int:
        if not self.full:
            return self.real(descriptor, data, position)
        if len(data) > 20:
            return self.real(descriptor, data[:10], position)
        raise OSError(28, "No space left on device")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    disk = FullDisk()
    monkeypatch.setattr(os, "pwrite", disk)
    return disk


def test_a_full_disk_is_reported_once_and_nothing_is_lost(
    make: MakeJournal, disk: FullDisk, errors: list[OSError], tmp_path: Path
) -> None:
    recovered = threading.Event()
    journal = make(on_recovered=recovered.set)
    disk.full = True
    durable: list[str] = []
    for name in ("c1", "c2"):
        journal.append(opened(name), lambda name=name: durable.append(name))  # type: ignore[misc]
    wait_until(lambda: bool(errors))
    assert (durable, [error.errno for error in errors], journal.failing) == ([], [28], True)
    disk.full = False
    assert recovered.wait(5)
    journal.close()
    assert durable == ["c1", "c2"]
    assert [error.errno for error in errors] == [28]
    assert [item["call_id"] for item in payloads(tmp_path / "node1")[1:]] == ["c1", "c2"]


def test_a_failed_sync_is_never_believed_afterwards(
    make: MakeJournal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    journal = make()
    append_and_wait(journal, opened("c0"))
    failures = [OSError(5, "Input/output error")]

    def sync(descriptor: int) -> None:
        if failures:
            raise failures.pop()
        os.fdatasync(descriptor)

    monkeypatch.setattr(segment_module, "_sync", sync)
    append_and_wait(journal, opened("c1"))
    directory = tmp_path / "node1"
    assert list_segments(directory) == [1, 2]
    segment_path(directory, 1).unlink()
    assert [item["call_id"] for item in payloads(directory)[1:]] == ["c0", "c1"]


def test_over_the_limit_new_calls_are_refused_before_ends_of_calls(
    make: MakeJournal, disk: FullDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "PENDING_BYTES_MAX", 2_000)
    monkeypatch.setattr(journal_module, "PENDING_END_BYTES_MAX", 6_000)
    journal = make()
    disk.full = True
    journal.append(opened("c1", pad="x" * 1_500))
    with pytest.raises(JournalFull, match="allowed are 2000"):
        journal.append(opened("c2", pad="x" * 1_500))
    journal.append(end(record()))
    disk.full = False
    assert journal.close()


def test_a_journal_that_is_closed_during_a_refused_write_tries_once_more(
    make: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make()
    commit = journal._commit
    tried: list[bytes] = []

    def refuse_first(data: bytes) -> bool:
        tried.append(data)
        if len(tried) == 1:
            journal._closing = True
            return False
        return commit(data)

    monkeypatch.setattr(journal, "_commit", refuse_first)
    journal.append(end(record(call_id="a")))
    assert journal.close()
    assert len(tried) == 2
    assert ended_calls(tmp_path / "node1") == {"a"}


def test_a_disk_that_never_comes_back_does_not_hold_up_the_end(make: MakeJournal, disk: FullDisk) -> None:
    journal = make()
    disk.full = True
    journal.append(opened("c1"))
    assert not journal.close(timeout_s=5)
    with pytest.raises(JournalClosed):
        journal.append(opened("c2"))


def test_a_callback_that_fails_does_not_cost_the_others_theirs(tmp_path: Path) -> None:
    waiting: list[Callable[[], None]] = []
    journal = Journal(tmp_path / "n", "n", waiting.append, lambda error: None)
    called: list[int] = []

    def fail() -> None:
        raise IndexError

    journal.append(opened("c1"), lambda: called.append(1))
    journal.append(opened("c2"), fail)
    journal.append(opened("c3"), lambda: called.append(3))
    journal.close()
    while waiting:
        call = waiting.pop(0)
        try:
            call()
        except IndexError:
            called.append(-2)
    assert called == [1, -2, 3]


def test_a_closed_loop_does_not_stop_the_writing(tmp_path: Path) -> None:
    def refuse(call: Callable[[], None]) -> None:
        raise RuntimeError("Event loop is closed")

    journal = Journal(tmp_path / "n", "n", refuse, lambda error: None)
    journal.append(opened("c1"), lambda: None)
    assert journal.close()
    assert [item["call_id"] for item in payloads(tmp_path / "n")[1:]] == ["c1"]


def test_files_are_for_the_platform_alone(make: MakeJournal, tmp_path: Path) -> None:
    make()
    assert (tmp_path / "node1").stat().st_mode & 0o777 == 0o700
    assert segment_path(tmp_path / "node1", 1).stat().st_mode & 0o777 == 0o600
