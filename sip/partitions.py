"""Monthly partitions of the large tables: made ahead by beat, and on demand by whoever writes to an odd month.

Any table of the platform that is ``PARTITION BY RANGE`` over one timestamptz column can be kept by it: create the table
and its policies, then list ``MonthlyPartitions("table")`` in its migration. There is no default partition: a row of a
month that is not there fails at once, instead of lying where it must be moved from under a lock later.

The app's role may not create tables. It calls ``sip_ensure_partition``, which runs as the owner of the tables and does
nothing but this: no table that is not one of the owner's partitioned ones, no month outside what is plausible.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from django.db import connection, migrations

from tenants.dbops import APP_ROLE

MONTHS_BACK = 1
"""Made at the start: a spool that is loaded late holds last month's calls."""
MONTHS_AHEAD = 3
"""Made ahead of time: beat may be down for a quarter before a write must make its own month."""

CREATE_FUNCTION = migrations.RunSQL(
    f"""
CREATE FUNCTION sip_ensure_partition(parent text, month date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  first date := date_trunc('month', month)::date;
  parent_oid oid;
  key name;
  part text := parent || '_' || to_char(month, 'YYYYMM');
  policy record;
BEGIN
  SELECT c.oid, a.attname INTO parent_oid, key
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_partitioned_table p ON p.partrelid = c.oid
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.partattrs[0]
  WHERE n.nspname = 'public' AND c.relname = parent AND p.partstrat = 'r' AND p.partnatts = 1
    AND a.atttypid = 'timestamptz'::regtype AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user);
  IF parent_oid IS NULL THEN
    RAISE EXCEPTION 'not a table partitioned by month: %', parent USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF first < '2000-01-01' OR first > current_date + 3660 THEN
    RAISE EXCEPTION 'no partition for %', month USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF to_regclass(format('public.%I', part)) IS NOT NULL THEN
    RETURN false;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('sip_ensure_partition'), hashtext(parent));
  IF to_regclass(format('public.%I', part)) IS NOT NULL THEN
    RETURN false;
  END IF;
  -- Made apart and attached: PARTITION OF would lock readers of the whole table out until commit.
  EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
  EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', part);
  FOR policy IN SELECT * FROM pg_policies WHERE schemaname = 'public' AND tablename = parent AND cmd = 'ALL' LOOP
    EXECUTE format('CREATE POLICY %I ON public.%I USING (%s) WITH CHECK (%s)', policy.policyname, part,
      policy.qual, coalesce(policy.with_check, policy.qual));
  END LOOP;
  -- Rows go through the parent, where its own rights and policies hold.
  EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, "{APP_ROLE}"', part);
  EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)', parent, part,
    first::timestamptz, (first + interval '1 month')::timestamptz);
  RETURN true;
END $$;
REVOKE ALL ON FUNCTION sip_ensure_partition(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sip_ensure_partition(text, date) TO "{APP_ROLE}";
""",
    "DROP FUNCTION sip_ensure_partition(text, date)",
)


class MonthlyPartitions(migrations.RunSQL):
    """Make the first partitions of a table, in the migration that creates it, after its policies."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"SELECT sip_ensure_partition('{table}', (current_date + make_interval(months => n))::date)"
            f" FROM generate_series({-MONTHS_BACK}, {MONTHS_AHEAD}) AS n;",
            migrations.RunSQL.noop,
        )
        self._table = table

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return (type(self).__name__, [self._table], {})


def month_of(moment: datetime) -> date:
    """Return the first day of the UTC month a moment lies in."""
    return moment.astimezone(UTC).date().replace(day=1)


def months_ahead(today: date, count: int = MONTHS_AHEAD) -> Iterator[date]:
    """Yield the first day of this month and of the ``count`` after it."""
    for number in range(today.year * 12 + today.month - 1, today.year * 12 + today.month + count):
        yield date(number // 12, number % 12 + 1, 1)


def ensure_partitions(table: str, months: Iterable[date]) -> int:
    """Make the partitions of these months (any day in them) that are not there; returns how many were made.

    Call it outside a long transaction: what it makes is locked until commit.

    Raises:
        django.db.DataError: not a table partitioned by month, or a month before 2000 or ten years ahead.
    """
    wanted = sorted({month.replace(day=1) for month in months})
    if not wanted:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE sip_ensure_partition(%s, month)) FROM unnest(%s::date[]) AS month",
            [table, wanted],
        )
        return int(cursor.fetchone()[0])


def partitioned_tables() -> list[str]:
    """Return the names of all tables partitioned by month, of whichever app."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_partitioned_table p ON p.partrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND p.partstrat = 'r' ORDER BY c.relname"
        )
        return [str(row[0]) for row in cursor.fetchall()]


def ensure_ahead(today: date) -> int:
    """Make this month and the next ``MONTHS_AHEAD`` of every partitioned table; returns how many were made."""
    return sum(ensure_partitions(table, months_ahead(today)) for table in partitioned_tables())
