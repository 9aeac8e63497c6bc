"""Rows of calls and attempts from records, many a statement.

The spool's JSON goes to PostgreSQL as it is and is taken apart there: measured against COPY into a staging table, the
whole costs a fifth less for large batches (no second encoding) and half for small ones (one statement instead of four).
COPY straight into the tables is no choice: PostgreSQL refuses it under row-level security.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from django.db import connection

from sip.cdr.record import AttemptRecord, CallRecord

_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_TIMES = frozenset({"started_at", "ringing_at", "answered_at", "ended_at"})
_TYPES = {
    "call_id": "uuid",
    "attempts": "json",
    "is_emergency": "boolean",
    "is_last": "boolean",
    "attempt": "smallint",
    "sip_status": "smallint",
    "duration_s": "double precision",
    "pdd_s": "double precision",
}

_CALL = [field.name for field in fields(CallRecord) if field.name != "attempts"]
_ATTEMPT = [field.name for field in fields(AttemptRecord)]


def _type(name: str) -> str:
    if name in _TIMES:
        return "double precision"
    if name.endswith("_id") and name not in {"call_id", "sip_call_id"}:
        return "bigint"
    return _TYPES.get(name, "smallint" if name.endswith("q850_cause") else "text")


def _typed(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {_type(name)}" for name in names)


def _selected(names: Iterable[str], source: str) -> str:
    return ", ".join(f"to_timestamp({source}.{name})" if name in _TIMES else f"{source}.{name}" for name in names)


INSERT = f"""
WITH data AS MATERIALIZED (SELECT * FROM json_to_recordset(%(records)s::json) AS r({_typed([*_CALL, "attempts"])})),
fresh AS (
  INSERT INTO sip_call ({", ".join(_CALL)})
  SELECT {_selected(_CALL, "data")} FROM data
  ON CONFLICT DO NOTHING RETURNING call_id
),
tries AS (
  INSERT INTO sip_callattempt (call_id, call_started_at, tenant_id, {", ".join(_ATTEMPT)})
  SELECT data.call_id, to_timestamp(data.started_at), data.tenant_id, {_selected(_ATTEMPT, "tried")}
  FROM data JOIN fresh USING (call_id), json_to_recordset(data.attempts) AS tried({_typed(_ATTEMPT)})
)
SELECT call_id FROM fresh
"""


# One look-up a call, which LIMIT keeps the planner from taking apart: planned without knowing the batch, a join or an
# "= ANY" reads every call of the window by its time, at each batch more of them.
KNOWN = """
SELECT asked.call_id FROM unnest(%(ids)s::uuid[]) AS asked (call_id), LATERAL (
  SELECT FROM sip_call WHERE sip_call.call_id = asked.call_id AND started_at
    BETWEEN to_timestamp(%(first)s) - interval '1 day' AND to_timestamp(%(last)s) + interval '1 day' LIMIT 1
) AS known
"""


def known_calls(ids: list[str], first: float, last: float) -> set[str]:
    """Return which of these calls are in the tables; ``first`` and ``last`` bound their ``started_at``.

    The table's key holds the start beside the id, so it alone would let a call in twice that changed its start.
    """
    rows = execute(KNOWN, {"ids": ids, "first": first, "last": last})
    return {cast(UUID, row[0]).hex for row in rows}


def insert(records: Iterable[bytes]) -> set[str]:
    """Insert calls and attempts from records' JSON; returns the call ids that were not there before.

    Call it inside ``transaction.atomic``; the partitions must be there.

    Raises:
        django.db.DataError, django.db.IntegrityError: at least one record does not fit the tables.
    """
    document = b"[" + b",".join(records) + b"]"
    return {cast(UUID, row[0]).hex for row in execute(INSERT, {"records": document.decode()})}


def execute(statement: str, parameters: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
    """Run a statement prepared on the server, which Django's own cursors never do; returns its rows.

    Planning these statements takes longer than a small batch itself.
    """
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors:
        raw.prepare_threshold = 0
        with psycopg.Cursor(raw) as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def array_text(values: Iterable[object]) -> str:
    """Return values (numbers, text, identifiers, moments, ``None``) as PostgreSQL writes an array of them.

    psycopg looks at each element for itself, at some three times the time.
    """
    return "{" + ",".join([str(value) if type(value) is int else _element(value) for value in values]) + "}"


def _element(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def moment_of(seconds: float) -> datetime:
    """Return epoch seconds as ``to_timestamp`` of PostgreSQL does, to the same microsecond.

    What stands beside a call is found by its time too. Python's own conversion rounds another number: it counts from
    1970, PostgreSQL from 2000, and one time in fourteen the last digit differs.
    """
    return _POSTGRES_EPOCH + timedelta(microseconds=round((seconds - _POSTGRES_EPOCH.timestamp()) * 1e6))
