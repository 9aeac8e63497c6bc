"""Use cases of the analytics app: mark hours whose figures changed, and make them anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from analytics import limits
from analytics.rollup import recompute_hour
from sip.cdr.record import CallRecord
from sip.cdr.rows import array_text, execute

_MARK = "INSERT INTO analytics_dirtyhour (tenant_id, hour) SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])"
_LOCK_CLASS = 0x616E  # "an": first key of our advisory locks, the second is the hour's number.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def mark_dirty(records: Sequence[CallRecord]) -> None:
    """Mark the hours these calls lie in, in the caller's transaction: figures follow the records or neither is kept."""
    hours = {(record.tenant_id, hour_of(datetime.fromtimestamp(record.started_at, UTC))) for record in records}
    marks = sorted(hours)
    execute(_MARK, [array_text([tenant_id for tenant_id, _ in marks]), array_text([hour for _, hour in marks])])


def hour_of(moment: datetime) -> datetime:
    """Return the first moment of the hour (UTC) a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def recompute_dirty(hours_max: int = limits.DIRTY_HOURS_PER_RUN) -> int:
    """Make the marked hours anew, oldest mark first, each in a transaction of its own; returns how many were made.

    Any number of workers may do it at once: an hour another one has is passed over. A mark that is not committed yet
    stays, so that what its transaction brings is counted by the next run.
    """
    done = 0
    for hour in _marked_hours(hours_max):
        done += _recompute_marked(hour)
    return done


def _marked_hours(count: int) -> list[datetime]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT hour FROM analytics_dirtyhour GROUP BY hour ORDER BY min(id) LIMIT %s", [count])
        return [hour for (hour,) in cursor.fetchall()]


@transaction.atomic
def _recompute_marked(hour: datetime) -> int:
    with connection.cursor() as cursor:
        number = int((hour - _EPOCH).total_seconds()) // 3600
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_LOCK_CLASS, number])
        if not cursor.fetchone()[0]:
            return 0
        # Before the sums are made: a call committed later has a mark of its own, which this does not see.
        cursor.execute("DELETE FROM analytics_dirtyhour WHERE hour = %s RETURNING tenant_id", [hour])
        tenant_ids = sorted({tenant_id for (tenant_id,) in cursor.fetchall()})
    if not tenant_ids:
        return 0
    recompute_hour(hour, tenant_ids)
    return 1


def mark_window(start: datetime, end: datetime, tenant_ids: Iterable[int] | None = None) -> int:
    """Mark every hour in ``[start, end)`` that has calls or figures, of these tenants or all; returns how many."""
    wanted = None if tenant_ids is None else sorted(set(tenant_ids))
    marked = 0
    for first, last in _days(hour_of(start), end):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO analytics_dirtyhour (tenant_id, hour)"
                " SELECT tenant_id, date_trunc('hour', started_at, 'UTC') FROM sip_call"
                " WHERE started_at >= %(first)s AND started_at < %(last)s"
                " AND (%(tenants)s::bigint[] IS NULL OR tenant_id = ANY (%(tenants)s::bigint[]))"
                " UNION SELECT tenant_id, hour FROM analytics_hourlytraffic"
                " WHERE hour >= %(first)s AND hour < %(last)s"
                " AND (%(tenants)s::bigint[] IS NULL OR tenant_id = ANY (%(tenants)s::bigint[]))",
                {"first": first, "last": last, "tenants": wanted},
            )
            marked += cursor.rowcount
    return marked


def _days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Yield the window in pieces of a day: no transaction reads a year of calls."""
    while start < end:
        yield start, min(start + timedelta(days=1), end)
        start += timedelta(days=1)
