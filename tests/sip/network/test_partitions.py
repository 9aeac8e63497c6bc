"""Partitions are made by the app's role, and nothing else is."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from django.db import DataError, InternalError, ProgrammingError, connection, transaction

from sip.partitions import ensure_ahead, ensure_partitions, month_of, months_ahead, partitioned_tables

pytestmark = pytest.mark.usefixtures("db")


def bounds(partition: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s", [partition])
        return str(cursor.fetchone()[0])


def test_months_are_made_once_each() -> None:
    assert ensure_partitions("sip_call", [date(2019, 12, 31), date(2019, 12, 1), date(2020, 1, 15)]) == 2
    assert ensure_partitions("sip_call", [date(2019, 12, 31)]) == 0


def test_a_partition_holds_its_month_in_utc() -> None:
    ensure_partitions("sip_call", [date(2019, 12, 31)])
    assert bounds("sip_call_201912") == "FOR VALUES FROM ('2019-12-01 00:00:00+00') TO ('2020-01-01 00:00:00+00')"


@pytest.mark.parametrize("table", ["tenants_tenant", "pg_class", "no_such_table", "sip_call; DROP TABLE sip_line"])
def test_only_tables_partitioned_by_month_are_accepted(table: str) -> None:
    with pytest.raises(DataError, match="not a table partitioned by month"), transaction.atomic():
        ensure_partitions(table, [date(2026, 1, 1)])


@pytest.mark.parametrize("month", [date(1999, 12, 1), date(2099, 1, 1)])
def test_an_absurd_month_is_refused(month: date) -> None:
    with pytest.raises(DataError, match="no partition for"), transaction.atomic():
        ensure_partitions("sip_call", [month])


def test_the_app_role_makes_no_tables_itself() -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE TABLE mine (id int)")


@pytest.mark.parametrize("statement", ["SELECT * FROM {}", "DELETE FROM {}", "DROP TABLE {}"])
def test_a_partition_cannot_be_reached_past_its_parent(statement: str) -> None:
    ensure_partitions("sip_call", [date(2019, 12, 1)])
    with (
        pytest.raises((ProgrammingError, InternalError), match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format("sip_call_201912"))


def test_a_partition_has_the_row_level_security_of_its_parent() -> None:
    ensure_partitions("sip_call", [date(2019, 12, 1)])
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relrowsecurity, relforcerowsecurity, (SELECT count(*) FROM pg_policies WHERE tablename = relname)"
            " FROM pg_class WHERE relname = 'sip_call_201912'"
        )
        assert cursor.fetchone() == (True, True, 1)


def test_months_ahead_cross_the_year() -> None:
    assert list(months_ahead(date(2026, 11, 23), 3)) == [
        date(2026, 11, 1),
        date(2026, 12, 1),
        date(2027, 1, 1),
        date(2027, 2, 1),
    ]


def test_the_last_second_of_a_month_belongs_to_it() -> None:
    assert month_of(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)) == date(2026, 12, 1)


def test_every_partitioned_table_is_kept_ahead() -> None:
    assert {"sip_call", "sip_callattempt"} <= set(partitioned_tables())
    assert ensure_ahead(date(2030, 1, 1)) == 4 * len(partitioned_tables())
    assert ensure_ahead(date(2030, 1, 1)) == 0
