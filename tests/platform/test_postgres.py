"""The embedded PostgreSQL: as whom it runs, who may enter, what it leaves alone."""

import os
import pwd
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from voip.platform.account import server_account
from voip.platform.deathwatch import descendants_of, is_running
from voip.platform.ephemeral import EphemeralServers
from voip.platform.places import ROOT
from voip.platform.postgres import APP_ROLE, DATABASE, OWNER_ROLE, Cluster, find_binaries

AS_ANOTHER = (
    "from voip.platform.ephemeral import EphemeralServers;"
    "servers = EphemeralServers(); cluster = servers.start_postgres();"
    "print(cluster.data.owner(), cluster.account, cluster.connect().execute('SELECT 6 * 7').fetchone()[0])"
)


@pytest.fixture(scope="module")
def servers() -> Iterator[EphemeralServers]:
    made = EphemeralServers()
    made.start_postgres()
    yield made
    made.close()


def connect(servers: EphemeralServers, name: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(servers.environment()[name], autocommit=True)


def test_it_runs_as_us_or_started_by_root_as_a_system_user(servers: EphemeralServers) -> None:
    account = server_account()
    expected = account.uid if account else os.geteuid()
    assert servers.cluster.data.stat().st_uid == expected
    assert expected != 0
    assert servers.cluster.data.stat().st_mode & 0o777 == 0o700


def test_it_listens_on_a_socket_only(servers: EphemeralServers) -> None:
    with servers.cluster.connect() as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SHOW unix_socket_permissions").fetchone() == ("0700",)


def test_a_wrong_password_is_refused(servers: EphemeralServers) -> None:
    url = servers.cluster.url(APP_ROLE, "wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url)


@pytest.mark.parametrize("role", [APP_ROLE, OWNER_ROLE])
def test_no_role_of_the_platform_passes_row_level_security(servers: EphemeralServers, role: str) -> None:
    query = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = %s"
    with servers.cluster.connect() as connection:
        assert connection.execute(query, [role]).fetchone() == (False, False, False, role == OWNER_ROLE)


def test_the_app_uses_what_the_owner_makes_and_makes_nothing(servers: EphemeralServers) -> None:
    with connect(servers, "OWNER_DATABASE_URL") as owner:
        owner.execute("CREATE TABLE thing (id bigserial, name text)")
    with connect(servers, "DATABASE_URL") as app:
        app.execute("INSERT INTO thing (name) VALUES ('a')")
        app.execute("UPDATE thing SET name = 'b'")
        assert app.execute("SELECT id, name FROM thing").fetchall() == [(1, "b")]
        app.execute("DELETE FROM thing")
        for statement in ("TRUNCATE thing", "DROP TABLE thing", "CREATE TABLE other (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)


def test_preparing_again_sets_new_passwords(servers: EphemeralServers) -> None:
    before = servers.environment()["DATABASE_URL"]
    owner, app = secrets.token_hex(8), secrets.token_hex(8)
    servers.cluster.prepare(owner, app)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(before)
    psycopg.connect(servers.cluster.url(APP_ROLE, app)).close()


def test_a_closed_folder_above_stays_closed() -> None:
    with tempfile.TemporaryDirectory() as above:
        home = Path(above) / "var" / "pg"
        home.parent.mkdir(mode=0o700)
        account = server_account()
        if account:
            readable = find_binaries(account)
            assert not readable.is_relative_to(Path(sys.prefix)), "the environment may lie below a closed folder"
            with pytest.raises(RuntimeError, match="Permission denied"):
                Cluster(home, home / "run", readable, account, is_durable=False).create()
        else:
            Cluster(home, home / "run", find_binaries(None), None, is_durable=False).create()
        modes = [folder.stat().st_mode & 0o777 for folder in (Path(above), home.parent)]
    assert modes == [0o700, 0o700]


def test_nothing_is_left_after_closing() -> None:
    servers = EphemeralServers()
    servers.start_postgres()
    servers.start_redis()
    folder = servers.folder
    servers.close()
    assert not folder.exists()
    assert [pid for pid in descendants_of(os.getpid()) if is_running(pid) and str(folder) in command_of(pid)] == []


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()


def test_root_and_another_user_do_not_disturb_each_other(servers: EphemeralServers) -> None:
    """As root another user starts servers of their own, unless the checkout is closed to others; else we do."""
    options = as_nobody()
    user = "nobody" if options else pwd.getpwuid(os.geteuid()).pw_name
    done = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": "/tmp"},
        **options,
    )
    owner, _, rest = done.stdout.strip().partition(" ")
    assert (owner, rest[-2:]) == (user if options else servers.cluster.data.owner(), "42"), done.stderr


def as_nobody() -> dict[str, Any]:
    """Return how a child is started as another user who can read this checkout; empty when there is none."""
    options: dict[str, Any] = {"user": "nobody", "group": "nogroup", "extra_groups": []}
    if os.geteuid() == 0 and subprocess.run(["test", "-r", __file__], **options).returncode == 0:
        return options
    return {}


def test_the_roles_for_a_server_of_ones_own_are_those_of_the_embedded_one() -> None:
    servers = EphemeralServers()
    cluster = servers.start_postgres()
    query = (
        "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname ~ '^trunkline'"
    )
    rights = "SELECT defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 1"
    with cluster.connect() as connection, cluster.connect(DATABASE) as database:
        embedded = connection.execute(query).fetchall(), database.execute(rights).fetchall()
    with cluster.connect() as connection:
        connection.execute(f"DROP DATABASE {DATABASE}")
        connection.execute(f"DROP ROLE {APP_ROLE}")
        connection.execute(f"DROP ROLE {OWNER_ROLE}")
    script = ["-v", "owner_password='o'", "-v", "app_password='a'", "-v", "ON_ERROR_STOP=1", "-f", "-"]
    psql = [
        str(cluster.binaries / "psql"),
        "-h",
        str(cluster.sockets),
        "-U",
        "postgres",
        "-d",
        "postgres",
        "-q",
        *script,
    ]
    subprocess.run(psql, input=(ROOT / "deploy" / "roles.sql").read_bytes(), check=True)
    with cluster.connect() as connection, cluster.connect(DATABASE) as database:
        assert (connection.execute(query).fetchall(), database.execute(rights).fetchall()) == embedded
    servers.close()
