"""A stretch of a segment, read: the records in it, and what is none. Files and values only, no database."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sip.cdr.checks import BadRecord, check, is_storable, storable
from sip.cdr.frames import Frame, Gap, decode
from sip.cdr.limits import BATCH_BYTES_MAX, GAP_BYTES_KEPT
from sip.cdr.record import CallRecord
from sip.cdr.spool import dump_payload, parse_payload

_END_PREFIX = b'{"t":"end","record":'
_SKIPPED = (b'{"t":"open"', b'{"t":"segment"')


class Loadable(NamedTuple):
    """A good record with the JSON to store, and where its frame lies."""

    record: CallRecord
    raw: bytes
    payload: bytes
    start: int


class Rejected(NamedTuple):
    """Bytes to put aside, and why."""

    start: int
    reason: str
    payload: bytes
    call_id: str = ""


@dataclass(slots=True)
class Batch:
    """What was read from ``start`` to ``end`` of a segment."""

    start: int
    end: int
    more: bool = False
    """Whether the segment goes on behind ``end`` with what can be read at once."""
    loadable: list[Loadable] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


def read_batch(
    path: Path, start: int, tenant_ids: Container[int], now: float, *, is_growing: bool, size: int = BATCH_BYTES_MAX
) -> Batch:
    """Read the next stretch of a segment; ``end == start`` when nothing is to be read.

    The unreadable end of a segment that ``is_growing`` is left for later: its writer is at work, or will cut it when it
    starts again. In a segment that is finished it is rejected like any other damage.
    """
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(size)
        is_rest = not file.read(1)
    batch = Batch(start, start, more=not is_rest)
    for item in decode(data):
        if isinstance(item, Frame):
            _add(batch, item, start, tenant_ids, now)
        elif item.end < len(data) or (is_rest and not is_growing):
            batch.rejected.append(_gap(item, data, start))
        elif not is_rest and item.start == 0:
            # Damage over the whole stretch: read on to its end.
            return read_batch(path, start, tenant_ids, now, is_growing=is_growing, size=2 * size)
        else:
            break
        batch.end = start + item.end
    return batch


def batch_of(payload: bytes, tenant_ids: Container[int], now: float) -> Batch:
    """Return the batch of one payload that is in no segment any more."""
    batch = Batch(0, 0)
    _add(batch, Frame(0, 0, payload), 0, tenant_ids, now)
    return batch


def _gap(gap: Gap, data: bytes, start: int) -> Rejected:
    kept = data[gap.start : min(gap.end, gap.start + GAP_BYTES_KEPT)]
    return Rejected(start + gap.start, f"{gap.fault}: {gap.end - gap.start} bytes hold no frame", kept)


def _add(batch: Batch, frame: Frame, start: int, tenant_ids: Container[int], now: float) -> None:
    payload = frame.payload
    if payload.startswith(_SKIPPED):
        return
    call_id = ""
    try:
        for record, raw in _record(payload):
            call_id = str(record.call_id)[:64]
            check(record, tenant_ids, now)
            batch.loadable.append(Loadable(record, raw, payload, start + frame.start))
    except BadRecord as error:
        batch.rejected.append(Rejected(start + frame.start, str(error)[:200], payload, call_id))


def _record(payload: bytes) -> Iterator[tuple[CallRecord, bytes]]:
    """Yield the record of an ``end`` payload with its JSON; nothing for payloads of other kinds."""
    data = parse_payload(payload)
    if data is None:
        raise BadRecord("the payload is not a JSON object")
    if data.get("t") != "end":
        return
    try:
        record = CallRecord.from_json(data["record"])
        raw = payload[len(_END_PREFIX) : -1] if payload.startswith(_END_PREFIX) else dump_payload(data["record"])
        if not is_storable(record, raw):
            record = storable(record)
            raw = dump_payload(record.to_json())
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise BadRecord(f"not a call record: {type(error).__name__}: {error}") from error
    yield record, raw
