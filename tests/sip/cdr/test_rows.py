"""Times in rows."""

from __future__ import annotations

import random

from django.db import connection

from sip.cdr.rows import moment_of


def test_a_moment_is_the_microsecond_that_postgresql_makes_of_the_same_seconds(db: None) -> None:
    dice = random.Random(1)
    seconds = [dice.uniform(1.6e9, 2.0e9) for _ in range(20_000)]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT to_timestamp(s) FROM unnest(%s::float8[]) WITH ORDINALITY AS t(s, n) ORDER BY n", [seconds]
        )
        assert [moment for (moment,) in cursor.fetchall()] == [moment_of(second) for second in seconds]
