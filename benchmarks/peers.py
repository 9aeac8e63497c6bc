"""Peers measured beside us: Kamailio with and without its database, and Sippy, each as its own project advises."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from benchmarks.servers import Server, bare, kamailio, sippy
from voip.platform import postgres
from voip.platform.account import own_folder, server_account
from voip.platform.deathwatch import before_exec

SIPPY = "sippy==2.5.0"
USERS = 10_000
REALM = "bench"
TABLES = Path("/usr/share/kamailio/postgres")
TABLE_FILES = {
    "standard-create.sql": "version",
    "acc-create.sql": "acc",
    "auth_db-create.sql": "subscriber",
    "usrloc-create.sql": "location",
}
"""Kamailio's own, and a table that each makes."""
DATABASE = "kamailio"


@dataclass(slots=True)
class KamailioDatabase:
    """A PostgreSQL of Kamailio's own: the same binaries and settings as the platform's, on TCP of loopback."""

    folder: Path
    port: int = 15433
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Return the address as Kamailio writes it."""
        return f"postgres://kamailio:kamailio@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> int:
        """Start it, with Kamailio's tables and the same users as the platform's lines; returns its pid."""
        account = server_account()
        home = own_folder(self.folder / "kamailio-pg", account)
        cluster = postgres.Cluster(home, home / "run", postgres.find_binaries(account), account)
        if not cluster.is_made:
            cluster.create()
        cluster.configure()
        with (home / "hba-bench.conf").open("w") as file:
            file.write("local all all trust\nhost all all 127.0.0.1/32 trust\n")
        own_folder(cluster.sockets, account)
        listen = ["-c", "listen_addresses=127.0.0.1", "-p", str(self.port), "-c", f"hba_file={home}/hba-bench.conf"]
        self.process = subprocess.Popen(
            [*cluster.command(), *listen],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=before_exec(signal.SIGINT),  # noqa: PLW1509 - only libc, loaded before the fork
            start_new_session=True,
            **(account.popen() if account else {}),
        )
        self._fill()
        return self.process.pid

    def stop(self) -> None:
        """Stop it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # Not SIGTERM, which waits for whoever is connected.
            self.process.wait(30)

    def _fill(self) -> None:
        address = f"postgresql://postgres@127.0.0.1:{self.port}"
        deadline = time.monotonic() + 30
        while True:
            try:
                with psycopg.connect(f"{address}/postgres", autocommit=True, connect_timeout=2) as connection:
                    row = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
                    if row is None:
                        connection.execute("CREATE ROLE kamailio LOGIN SUPERUSER PASSWORD 'kamailio'")
                        connection.execute(f"CREATE DATABASE {DATABASE} OWNER kamailio")
                break
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        with psycopg.connect(f"{address}/{DATABASE}", autocommit=True) as connection:
            for name, table in TABLE_FILES.items():
                if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
                    connection.execute((TABLES / name).read_bytes())
            if connection.execute("SELECT FROM subscriber LIMIT 1").fetchone() is None:
                rows = [(f"u{n}", _ha1(f"u{n}")) for n in range(1, USERS + 1)]
                with connection.cursor() as cursor:
                    cursor.executemany("INSERT INTO subscriber (username, domain, ha1) VALUES (%s, 'bench', %s)", rows)


def _ha1(username: str) -> str:
    return hashlib.md5(f"{username}:{REALM}:secret".encode()).hexdigest()


def users_file(path: Path) -> Path:
    """Write sipp's list of the users who call, one after the other."""
    rows = "".join(f"u{n};[authentication username=u{n} password=secret]\n" for n in range(1, USERS + 1))
    path.write_text("SEQUENTIAL\n" + rows)
    return path


def sippy_server(folder: Path, address: str, callee: str) -> Server:
    """Return Sippy, installed into an environment of its own with the interpreter the platform runs under."""
    python = folder / "sippy" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parent.parent)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", SIPPY], check=True)
    return sippy(python, address, callee)


__all__ = ["KamailioDatabase", "bare", "kamailio", "sippy_server", "users_file"]
