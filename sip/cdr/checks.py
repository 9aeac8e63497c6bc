"""What a record must be to enter the database: checked at the door, so that nothing later meets nonsense."""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import replace
from typing import Any

from sip.cdr.limits import ATTEMPTS_MAX, DURATION_S_MAX, RECORD_AGE_S_MAX, RECORD_AHEAD_S_MAX, TEXT_CHARS_MAX
from sip.cdr.record import AttemptRecord, CallRecord

DIRECTIONS = frozenset({"internal", "outbound", "inbound"})
ENDED_BY = frozenset({"caller", "callee", "platform"})

_CALL_ID = re.compile(r"[0-9a-f]{32}")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""What JSON can carry and PostgreSQL's text cannot: NUL, and lone surrogates of a peer's broken UTF-8."""

_CALL_TEXTS = (
    "node",
    "caller",
    "called",
    "dialled",
    "destination",
    "sip_call_id",
    "from_tag",
    "peer",
    "user_agent",
    "sip_reason",
    "refusal_code",
)
_ATTEMPT_TEXTS = ("called", "sip_call_id", "sip_reason", "peer")


class BadRecord(ValueError):
    """A record breaks a rule; the message says which, for the person who looks into the quarantine."""


def check(record: CallRecord, tenant_ids: Container[int], now: float) -> None:
    """Refuse a record that must not be stored and charged by machine; ``now`` is the wall clock in seconds.

    Raises:
        BadRecord: with the rule that is broken.
    """
    try:
        _check_identity(record, tenant_ids)
        _check_times(record, now)
    except TypeError as error:
        raise BadRecord(f"a value is of the wrong kind: {error}") from error
    if len(record.attempts) > ATTEMPTS_MAX:
        raise BadRecord(f"{len(record.attempts)} attempts, allowed are {ATTEMPTS_MAX}")


def _check_identity(record: CallRecord, tenant_ids: Container[int]) -> None:
    if not _CALL_ID.fullmatch(record.call_id):
        raise BadRecord("call_id is not 32 hex digits")
    if record.tenant_id not in tenant_ids:
        raise BadRecord(f"unknown tenant {record.tenant_id}")
    if record.direction not in DIRECTIONS:
        raise BadRecord(f"unknown direction {record.direction!r}")
    if record.ended_by not in ENDED_BY:
        raise BadRecord(f"unknown ended_by {record.ended_by!r}")


def _check_times(record: CallRecord, now: float) -> None:
    # Written so that NaN, which compares as false with everything, is refused too.
    if not 0 <= record.duration_s <= DURATION_S_MAX:
        raise BadRecord(f"duration of {record.duration_s} s, allowed are 0 to {DURATION_S_MAX}")
    if record.answered_at is None and record.duration_s:
        raise BadRecord(f"duration of {record.duration_s} s without an answer")
    if not now - RECORD_AGE_S_MAX <= record.started_at <= now + RECORD_AHEAD_S_MAX:
        raise BadRecord(f"started_at {record.started_at} is not within the last year")
    if not record.started_at <= record.ended_at <= record.started_at + 2 * DURATION_S_MAX:
        raise BadRecord(f"ended_at {record.ended_at} does not follow started_at {record.started_at}")
    if record.pdd_s is not None and not 0 <= record.pdd_s <= DURATION_S_MAX:
        raise BadRecord(f"pdd of {record.pdd_s} s")


def storable(record: CallRecord) -> CallRecord:
    """Return the record with texts PostgreSQL takes: long ones cut, unstorable characters replaced by ``?``."""
    attempts = tuple(replace(item, **_clean(item, _ATTEMPT_TEXTS)) for item in record.attempts)
    return replace(record, attempts=attempts, **_clean(record, _CALL_TEXTS))


def is_storable(record: CallRecord, raw: bytes) -> bool:
    """Tell cheaply that ``storable`` would change nothing; ``raw`` is the record's ASCII JSON."""
    if b"\\u0000" in raw or b"\\ud" in raw:
        return False
    if len(raw) <= TEXT_CHARS_MAX:
        return True
    longest = max(len(getattr(record, name)) for name in _CALL_TEXTS)
    for item in record.attempts:
        longest = max(longest, len(item.called), len(item.sip_call_id), len(item.sip_reason), len(item.peer))
    return longest <= TEXT_CHARS_MAX


def _clean(item: CallRecord | AttemptRecord, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _UNSTORABLE.sub("?", getattr(item, name))[:TEXT_CHARS_MAX] for name in names}
