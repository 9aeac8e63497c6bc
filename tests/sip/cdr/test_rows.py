"""Times in rows."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from billing.choices import EntryKind
from sip.cdr.rows import KNOWN, array_text, execute, insert, known_calls, moment_of
from sip.cdr.spool import dump_payload
from tenants.scope import system_scope
from tests.cast import Cast
from tests.sip.cdr.samples import record as make_record


def test_a_moment_is_the_microsecond_that_postgresql_makes_of_the_same_seconds(db: None) -> None:
    dice = random.Random(1)
    seconds = [dice.uniform(1.6e9, 2.0e9) for _ in range(20_000)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_timestamp(s) FROM unnest(%s::float8[]) WITH ORDINALITY AS t(s, n) ORDER BY n", [seconds]
        )
        assert [moment for (moment,) in cursor.fetchall()] == [moment_of(second) for second in seconds]


def test_arrays_are_written_as_postgresql_reads_them(db: None) -> None:
    texts = ["", "plain", 'a "quoted" \\ one', "{1,2}", "NULL", "null", "ä\n\t", ",", None]
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[], %s::bigint[]", [array_text(texts), array_text([1, -(2**62), None, 0])])
        assert cursor.fetchone() == (texts, [1, -(2**62), None, 0])
        moment = datetime(2026, 11, 27, 5, 37, 26, 926008, tzinfo=UTC)
        cursor.execute("SELECT %s::timestamptz[], %s::uuid[]", [array_text([moment]), array_text([UUID(int=7)])])
        assert cursor.fetchone() == ([moment], [UUID(int=7)])
        assert array_text([]) == "{}"
        assert array_text([EntryKind.CALL]) == '{"call"}'


COPIES = """
INSERT INTO sip_call SELECT (jsonb_populate_record(c, jsonb_build_object('call_id', gen_random_uuid(),
  'started_at', c.started_at + make_interval(secs => n)))).* FROM sip_call c, generate_series(1, 5000) AS n
"""


def test_a_look_up_of_known_calls_reads_those_and_not_the_whole_day(db: None, cast: Cast) -> None:
    record = make_record(tenant_id=cast.alice.pk, started_at=time.time() - 60)
    with system_scope(), connection.cursor() as cursor:
        insert([dump_payload(record.to_json())])
        cursor.execute(COPIES)
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        statement = "EXPLAIN (ANALYZE, BUFFERS OFF, COSTS OFF, TIMING OFF) " + KNOWN
        window = {"ids": [record.call_id], "first": record.started_at, "last": record.started_at}
        plan = "\n".join(row[0] for row in execute(statement, window))
        assert known_calls([record.call_id, UUID(int=1).hex], record.started_at, record.started_at) == {record.call_id}
    assert "pkey" in plan
    assert "Rows Removed by Filter" not in plan
