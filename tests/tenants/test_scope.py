"""What a connection is told of the scope, and when it is told nothing."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Protocol

import pytest
from django.db import ProgrammingError, connection, transaction

from sip.models import Line
from tenants.scope import system_scope, tenant_scope
from tests.cast import Cast


class CountsQueries(Protocol):
    """pytest-django's ``django_assert_num_queries``."""

    def __call__(self, num: int) -> AbstractContextManager[object]: ...


def _seen() -> set[str]:
    return set(Line.objects.values_list("username", flat=True))


def test_entering_the_scope_one_is_in_costs_no_statement(cast: Cast, django_assert_num_queries: CountsQueries) -> None:
    with tenant_scope([cast.alice.pk]):
        seen = _seen()
        with django_assert_num_queries(0), tenant_scope([cast.alice.pk]):
            pass
        with django_assert_num_queries(2), system_scope():
            pass
        assert _seen() == seen == {"alice", "alice2"}


def test_a_scope_that_ended_with_a_failed_statement_leaves_the_one_around_it(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk]):
        for _ in range(2):
            with pytest.raises(ProgrammingError), transaction.atomic(), system_scope(), connection.cursor() as cursor:
                cursor.execute("SELECT nothing FROM nowhere")
            assert _seen() == {"alice", "alice2"}
            with tenant_scope([cast.alice.pk]):
                assert _seen() == {"alice", "alice2"}
            with system_scope():
                assert {"alice", "mallory"} < _seen()


def test_the_settings_in_the_database_are_those_of_the_innermost_scope(cast: Cast) -> None:
    with tenant_scope([cast.alice.pk]), tenant_scope([cast.alice.pk]), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant_ids'), current_setting('app.all_tenants')")
        assert cursor.fetchone() == (f"{{{cast.alice.pk}}}", "")
