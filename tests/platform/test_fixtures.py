"""The fixtures of tests/conftest.py keep what they promise."""

import asyncio
import uuid
from typing import Any

import psycopg
import pytest
import redis
from django.db import ProgrammingError, connection, transaction

from tenants.models import Tenant
from tenants.scope import current_tenant_ids
from voip.platform.postgres import APP_ROLE


def make_tenant() -> Tenant:
    return Tenant.objects.create(kind="operator", name="Trunkco", slug=f"t-{uuid.uuid4().hex}", country="FR")


def one_value(statement: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        row = cursor.fetchone()
    assert row is not None
    return row[0]


def test_a_test_runs_as_the_apps_role_without_bypassing_row_level_security(db: None) -> None:
    assert one_value("SELECT current_user") == APP_ROLE
    assert one_value("SELECT rolbypassrls OR rolsuper FROM pg_roles WHERE rolname = current_user") is False


def test_the_apps_role_may_not_make_a_table(db: None) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        one_value("CREATE TABLE mine (id int)")


def test_a_test_sees_all_tenants(db: None) -> None:
    assert current_tenant_ids() is None
    make_tenant()
    assert Tenant.objects.count() == 1


def test_what_the_test_before_wrote_is_rolled_back(db: None) -> None:
    assert Tenant.objects.count() == 0


@pytest.mark.no_scope
def test_without_a_scope_nothing_is_visible(db: None) -> None:
    assert current_tenant_ids() == frozenset()
    assert Tenant.objects.count() == 0


@pytest.mark.django_db
def test_the_mark_of_pytest_django_brings_the_scope_too() -> None:
    assert current_tenant_ids() is None


@pytest.mark.asyncio
async def test_an_asynchronous_test_is_in_the_scope(db: None) -> None:
    await asyncio.sleep(0)
    assert current_tenant_ids() is None


@pytest.mark.parametrize("turn", [1, 2])
def test_commits_are_seen_by_other_connections_and_gone_in_the_next_test(
    committed_db: None, owner_url: str, turn: int
) -> None:
    assert Tenant.objects.count() == 0
    make_tenant()
    with psycopg.connect(owner_url, options="-c app.all_tenants=on") as other:
        assert other.execute("SELECT count(*) FROM tenants_tenant").fetchone() == (1,)


@pytest.mark.parametrize("turn", [1, 2])
def test_redis_is_empty_at_the_start_of_a_test(redis_url: str, turn: int) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")
