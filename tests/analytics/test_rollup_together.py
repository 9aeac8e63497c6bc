"""Roll-ups while others write: nothing is counted too early, forgotten, or waited for."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from analytics.models import DirtyHour, HourlyTraffic
from analytics.services import mark_dirty, recompute_dirty
from analytics.tasks import BEAT_SCHEDULE, roll_up
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.analytics import builders
from tests.analytics.builders import HOUR

pytestmark = pytest.mark.usefixtures("committed_db")


@pytest.fixture
def alice() -> Tenant:
    return builders.tenants()[2]


@pytest.fixture
def other() -> Iterator[psycopg.Connection]:
    """A second connection, as of another loader or worker."""
    parameters = {**connection.get_connection_params(), "options": "-c app.all_tenants=on -c lock_timeout=2s"}
    wanted = ("dbname", "user", "password", "host", "port", "options")
    with psycopg.connect(**{name: parameters[name] for name in wanted if parameters.get(name)}) as made:
        yield made


def _mark_elsewhere(other: psycopg.Connection, tenant: Tenant) -> None:
    other.execute("INSERT INTO analytics_dirtyhour (tenant_id, hour) VALUES (%s, %s)", [tenant.pk, HOUR])


def test_a_mark_that_is_not_committed_yet_stays_for_the_next_run(alice: Tenant, other: psycopg.Connection) -> None:
    record = builders.call(alice.pk)
    builders.store([record])
    mark_dirty([record])
    _mark_elsewhere(other, alice)
    assert recompute_dirty() == 1
    other.commit()
    assert DirtyHour.objects.count() == 1
    assert recompute_dirty() == 1
    assert DirtyHour.objects.count() == 0
    assert HourlyTraffic.objects.of_calls().get().seizures == 1


def test_a_loader_marks_an_hour_while_a_worker_makes_it(alice: Tenant, other: psycopg.Connection) -> None:
    mark_dirty([builders.call(alice.pk)])
    other.execute("DELETE FROM analytics_dirtyhour")
    mark_dirty([builders.call(alice.pk)])  # Does not wait for the other's transaction.
    other.commit()
    assert DirtyHour.objects.count() == 1


def test_an_hour_another_worker_has_is_passed_over(alice: Tenant, other: psycopg.Connection) -> None:
    mark_dirty([builders.call(alice.pk)])
    number = int(HOUR.timestamp()) // 3600
    other.execute("SELECT pg_advisory_xact_lock(24942, %s)", [number])
    assert recompute_dirty() == 0
    other.commit()
    assert recompute_dirty() == 1


def test_the_beat_runs_the_task_every_ten_seconds(alice: Tenant) -> None:
    record = builders.call(alice.pk)
    builders.store([record])
    mark_dirty([record])
    (entry,) = BEAT_SCHEDULE.values()
    assert (entry["task"], entry["schedule"]) == (roll_up.name, 10.0)
    assert roll_up() == 1
    assert roll_up() == 0


def test_the_database_itself_hides_others_figures(alice: Tenant) -> None:
    record = builders.call(alice.pk)
    builders.store([record])
    mark_dirty([record])
    recompute_dirty()
    bob = Tenant.objects.get(slug="bob")
    counts = []
    for tenant in (alice, bob):
        with tenant_scope([tenant.pk]), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM analytics_hourlytraffic")
            counts.append(cursor.fetchone())
    assert counts == [(2,), (0,)]
