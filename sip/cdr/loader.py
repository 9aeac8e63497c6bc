"""Carries records from the nodes' spools into PostgreSQL and has them settled: each exactly once.

Rows, settlement and the segment's offset are one transaction. Should a frame be read twice all the same (a spool
written again after a failed sync, two loaders), its call id is known by then: only calls that were not there go to
``settle``.
A frame that cannot be loaded is put aside in ``sip_quarantinedframe`` in the same transaction and stops nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from django.db import DatabaseError, DataError, IntegrityError, InterfaceError, connection, transaction

from sip.cdr.batch import Batch, Loadable, Rejected, batch_of, read_batch
from sip.cdr.frames import Frame, decode
from sip.cdr.limits import BACKOFF_S_MAX, BUSY_RECORDS, POLL_BUSY_S, POLL_S
from sip.cdr.record import CallRecord
from sip.cdr.rows import execute, insert, known_calls
from sip.cdr.spool import SegmentHeader, list_segments, segment_path
from sip.models import QuarantinedFrame
from sip.partitions import ensure_partitions, month_of
from tenants.errors import DomainError
from tenants.models import Tenant
from tenants.scope import actor_scope, system_scope

logger = logging.getLogger(__name__)

HEAD_BYTES = 4096
"""More than a segment's header with its frame can take."""

Settle = Callable[[Sequence[CallRecord]], None]

POISON = (DataError, IntegrityError, DomainError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError)
"""What says that a record itself is at fault. Any other database error is an outage, and the records wait."""

OUTAGE = (DatabaseError, InterfaceError, OSError)
"""What passes by itself, or when somebody mends the database or the disk."""

OFFSET_SQL = """
INSERT INTO sip_spooloffset (node, segment, segment_id, "offset", updated_at)
VALUES (%(node)s, %(segment)s, %(segment_id)s, 0, now())
ON CONFLICT (node, segment) DO UPDATE SET segment_id = excluded.segment_id, "offset" = CASE
  WHEN sip_spooloffset.segment_id = excluded.segment_id THEN sip_spooloffset."offset" ELSE 0 END
RETURNING "offset"
"""
LOCK_SQL = 'SELECT "offset" FROM sip_spooloffset WHERE node = %(node)s AND segment = %(segment)s FOR UPDATE'
ADVANCE_SQL = """
UPDATE sip_spooloffset SET "offset" = %(offset)s, updated_at = now() WHERE node = %(node)s AND segment = %(segment)s
"""
FORGET_SQL = "DELETE FROM sip_spooloffset WHERE node = %(node)s AND segment = %(segment)s"


@dataclass(slots=True)
class _Progress:
    """How far a segment is loaded, as this process knows it."""

    segment_id: str
    offset: int
    stored: int
    """The offset in the table: it lags where nothing but answered calls has come, which costs no transaction."""
    changed_ns: int = 0
    """The file's time of change when it was last looked into."""


class Loader:
    """Loads every node's spool under ``spool_dir``; the caller holds ``system_scope``."""

    def __init__(self, spool_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self._spool_dir = spool_dir
        self._clock = clock
        self._progress: dict[tuple[str, int], _Progress] = {}
        self._tenant_ids: frozenset[int] = frozenset()
        self._months: set[date] = set()
        self.backlog = False
        """Whether the last ``load_once`` left something that can be loaded at once."""

    def load_once(self, settle: Settle) -> int:
        """Load at most one batch of each node; returns how many calls were new.

        Raises:
            django.db.DatabaseError: PostgreSQL is away or not migrated; nothing is lost, call again.
            OSError: a spool cannot be read.
        """
        self.backlog = False
        loaded = 0
        for node in self._nodes():
            numbers = list_segments(self._spool_dir / node)
            for number in numbers:
                is_newest = number == numbers[-1]
                count, whole = self._load_segment(node, number, is_newest, settle)
                loaded += count
                if not whole:
                    break
                if not is_newest:
                    self._delete_segment(node, number)
        return loaded

    def _nodes(self) -> list[str]:
        try:
            return sorted(path.name for path in self._spool_dir.iterdir() if path.is_dir())
        except FileNotFoundError:
            return []

    def _load_segment(self, node: str, number: int, is_newest: bool, settle: Settle) -> tuple[int, bool]:
        """Load the next batch of a segment; returns the number of new calls and whether its end is reached."""
        path = segment_path(self._spool_dir / node, number)
        status = path.stat()
        size = status.st_size
        progress = self._progress.get((node, number))
        if progress is not None and (progress.offset, progress.changed_ns) == (size, status.st_mtime_ns):
            return 0, True
        segment_id = _segment_id(path)
        if progress is None or progress.segment_id != segment_id:
            progress = self._begin_segment(node, number, segment_id)
        progress.changed_ns = status.st_mtime_ns
        if progress.offset >= size:
            return 0, True
        batch = self._read(path, progress.offset, is_growing=is_newest)
        if batch.end == batch.start:
            return 0, True
        fresh = 0
        if batch.loadable or batch.rejected:
            fresh = self._store(node, number, progress, batch, settle)
        else:
            progress.offset = batch.end
        self.backlog |= batch.more
        return fresh, not self.backlog

    def _begin_segment(self, node: str, number: int, segment_id: str) -> _Progress:
        names = {"node": node, "segment": number, "segment_id": segment_id}
        offset = int(execute(OFFSET_SQL, names)[0][0])
        progress = self._progress[node, number] = _Progress(segment_id, offset, offset)
        return progress

    def _read(self, path: Path, offset: int, *, is_growing: bool) -> Batch:
        batch = read_batch(path, offset, self._tenant_ids, self._clock(), is_growing=is_growing)
        if any(item.reason.startswith("unknown tenant") for item in batch.rejected):
            self._refresh_tenants()
            batch = read_batch(path, offset, self._tenant_ids, self._clock(), is_growing=is_growing)
        return batch

    def _refresh_tenants(self) -> None:
        self._tenant_ids = frozenset(int(row[0]) for row in execute("SELECT id FROM tenants_tenant", {}))

    def _store(self, node: str, number: int, progress: _Progress, batch: Batch, settle: Settle) -> int:
        """Write a batch with its offset in one transaction; returns how many calls were new."""
        self._ensure_months(item.record for item in batch.loadable)
        items = _distinct(batch.loadable)
        names = {"node": node, "segment": number}
        for insert_items in (_insert, _insert_one_by_one):
            rejected = list(batch.rejected)
            try:
                with transaction.atomic():
                    if execute(LOCK_SQL, names) != [(progress.stored,)]:
                        # Another loader was here: go on from where it is.
                        del self._progress[node, number]
                        self.backlog = True
                        return 0
                    fresh = insert_items(items, settle, rejected)
                    _put_aside(node, number, rejected)
                    execute(ADVANCE_SQL, names | {"offset": batch.end})
            except POISON as error:
                if insert_items is _insert_one_by_one:
                    raise
                logger.warning("a record of %s/%08d is refused, looking which: %s", node, number, _brief(error))
                continue
            break
        progress.offset = progress.stored = batch.end
        return fresh

    def _ensure_months(self, records: Iterable[CallRecord]) -> None:
        months = {_month(record) for record in records}
        if not months <= self._months:
            _ensure_partitions(months)
            self._months |= months

    def _delete_segment(self, node: str, number: int) -> None:
        """Delete a loaded segment: first the file, so that a crash in between leaves a stale row, no second load."""
        segment_path(self._spool_dir / node, number).unlink(missing_ok=True)
        execute(FORGET_SQL, {"node": node, "segment": number})
        self._progress.pop((node, number), None)


def _month(record: CallRecord) -> date:
    return month_of(datetime.fromtimestamp(record.started_at, UTC))


def _ensure_partitions(months: Iterable[date]) -> None:
    for table in ("sip_call", "sip_callattempt"):
        ensure_partitions(table, months)


def _segment_id(path: Path) -> str:
    """Return what tells a segment from another of its name, "" when its head is damaged."""
    with path.open("rb") as file:
        head = next(decode(file.read(HEAD_BYTES)), None)
    header = SegmentHeader.from_payload(head.payload) if isinstance(head, Frame) else None
    return header.id if header is not None else ""


def _distinct(items: Iterable[Loadable]) -> list[Loadable]:
    """Keep the first record of each call: after a failed sync a journal writes again what may have been written."""
    first: dict[str, Loadable] = {}
    for item in items:
        first.setdefault(item.record.call_id, item)
    return list(first.values())


def _insert(items: Sequence[Loadable], settle: Settle, rejected: list[Rejected]) -> int:
    """Insert and settle; returns how many calls were new. ``rejected`` is for the careful sister of this function."""
    if not items:
        return 0
    starts = [item.record.started_at for item in items]
    known = known_calls([item.record.call_id for item in items], min(starts), max(starts))
    unknown = [item for item in items if item.record.call_id not in known]
    if not unknown:
        return 0
    fresh = insert(item.raw for item in unknown)
    records = [item.record for item in unknown if item.record.call_id in fresh]
    if records:
        settle(records)
    return len(records)


def _insert_one_by_one(items: Sequence[Loadable], settle: Settle, rejected: list[Rejected]) -> int:
    """Insert and settle what can be, halving down to the records at fault, which go to ``rejected``."""
    try:
        with transaction.atomic():
            fresh = _insert(items, settle, rejected)
            # What is checked at commit would else fail the whole batch, and again at each try.
            execute("SET CONSTRAINTS ALL IMMEDIATE", {})
            return fresh
    except POISON as error:
        if len(items) == 1:
            rejected.append(Rejected(items[0].start, _brief(error), items[0].payload, items[0].record.call_id))
            return 0
    middle = len(items) // 2
    return _insert_one_by_one(items[:middle], settle, rejected) + _insert_one_by_one(items[middle:], settle, rejected)


def _put_aside(node: str, number: int, rejected: Iterable[Rejected]) -> None:
    frames = [
        QuarantinedFrame(
            node=node, segment=number, offset=item.start, call_id=item.call_id, reason=item.reason, payload=item.payload
        )
        for item in rejected
    ]
    for frame in frames:
        logger.error("put aside: %s", frame)
    QuarantinedFrame.objects.bulk_create(frames)


def _brief(error: BaseException) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:200]


def retry_quarantined(settle: Settle, ids: Iterable[int], clock: Callable[[], float] = time.time) -> int:
    """Load frames that were put aside, after their cause was mended; what still fails stays, with its new reason.

    Returns how many were loaded and taken out of the quarantine.
    """
    tenant_ids = frozenset(Tenant.objects.values_list("pk", flat=True))
    loaded = 0
    for frame in QuarantinedFrame.objects.filter(pk__in=list(ids)).order_by("pk"):
        batch = batch_of(bytes(frame.payload), tenant_ids, clock())
        rejected = batch.rejected
        with transaction.atomic():
            _ensure_partitions([_month(item.record) for item in batch.loadable])
            _insert_one_by_one(batch.loadable, settle, rejected)
            if rejected:
                QuarantinedFrame.objects.filter(pk=frame.pk).update(reason=rejected[0].reason)
            else:
                frame.delete()
                loaded += 1
    return loaded


def run(
    settle: Settle,
    stop_event: threading.Event,
    spool_dir: Path,
    on_batch: Callable[[int], None] | None = None,
) -> None:
    """Load until ``stop_event`` is set; ``on_batch`` learns after each round how many calls were new.

    While PostgreSQL or the disk is away it says so once, tries again with growing pauses and then catches up.
    """
    loader = Loader(spool_dir)
    trouble = ""
    pause_s = POLL_S
    with system_scope(), actor_scope("cdrloader"):
        while not stop_event.is_set():
            try:
                loaded = loader.load_once(settle)
            except OUTAGE as error:
                connection.close()
                if not trouble:
                    logger.error("cannot load call records, they wait in the spool: %s", _brief(error))
                trouble = _brief(error)
                stop_event.wait(pause_s)
                pause_s = min(2 * pause_s, BACKOFF_S_MAX)
                continue
            if trouble:
                logger.warning("call records are loaded again")
                trouble = ""
            if on_batch is not None:
                on_batch(loaded)
            pause_s = POLL_S
            if not loader.backlog:
                stop_event.wait(POLL_BUSY_S if loaded >= BUSY_RECORDS else POLL_S)
