"""What every test may ask for: a real PostgreSQL as the app's role, a real Redis, and a tenant scope.

``db``            the database in a transaction that is rolled back (pytest-django), seen with ``system_scope``
``committed_db``  the database with real commits; every table of ours is emptied at the end
``cast``          who plays: ``tests/cast.py``
``redis_url``     an empty Redis
``owner_url``     the address of the database for the owner's role
Mark ``no_scope`` leaves the scope empty, as it is before anybody has logged in.
"""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from pytest_django.plugin import DjangoDbBlocker

from tests.plugin import SERVERS
from voip.platform.postgres import DATABASE

pytest_plugins = ["tests.cast"]

# A deadline would fail a test because the machine is busy; speed belongs in `make bench`.
hypothesis.settings.register_profile("trunkline", deadline=None)
hypothesis.settings.load_profile("trunkline")

# The real hashers are slow on purpose, a second a user; what they do is Django's to test.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

KEPT_TABLES = ("django_migrations", "django_content_type", "auth_permission")
_ROLLED_BACK = ("db", "_django_db_helper")


@pytest.fixture(scope="session")
def redis_server() -> str:
    """Start Redis once and return its address."""
    return SERVERS.start_redis()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """Return the address of a Redis that holds nothing."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="session")
def owner_url() -> str:
    """Return the database's address for the role that owns the tables."""
    return SERVERS.environment()["OWNER_DATABASE_URL"]


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: DjangoDbBlocker, redis_server: str) -> None:
    """Start PostgreSQL and migrate it as the owner, in place of pytest-django's test database."""
    SERVERS.start_postgres()
    with django_db_blocker.unblock():
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        connections["owner"].close()


@pytest.fixture
def committed_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Give a database whose commits are real, so that other connections and processes see them."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connections.close_all()
            _empty_all_tables()


@pytest.fixture(autouse=True)
def _scope_of_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a test that uses the database see all tenants, with an empty Redis beside it."""
    is_marked = request.node.get_closest_marker("django_db") is not None
    used = "committed_db" if "committed_db" in request.fixturenames else "db"
    if not {used, "cast"} & set(request.fixturenames) and not is_marked:
        yield
        return
    request.getfixturevalue(used)
    request.getfixturevalue("redis_url")
    if request.node.get_closest_marker("no_scope"):
        yield
        return
    from tenants.scope import system_scope

    with system_scope():
        yield


def _empty_all_tables() -> None:
    with SERVERS.cluster.connect(DATABASE) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace AND relname <> ALL (%s)",
            [list(KEPT_TABLES)],
        ).fetchall()
        if names:
            tables = sql.SQL(", ").join(sql.Identifier(str(name)) for (name,) in names)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))


def pytest_report_header() -> str:
    """Say where the servers of this run keep their files."""
    return f"servers: {SERVERS.folder}"
