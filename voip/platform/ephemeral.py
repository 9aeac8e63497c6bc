"""Throw-away servers for tests and benchmarks: in a temporary folder, gone with the process that started them."""

from __future__ import annotations

import atexit
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from voip.platform import postgres, redis_server
from voip.platform.account import own_folder, server_account
from voip.platform.deathwatch import before_exec
from voip.platform.limits import STOP_S_MAX


class EphemeralServers:
    """PostgreSQL and Redis whose addresses are known before they run; each is started at its first use."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trunkline-"))
        self._account = server_account()
        if self._account:
            # The server's user must pass through it; what lies inside is closed to others by itself.
            self.folder.chmod(0o711)
        self.cluster = postgres.Cluster(
            home=self.folder / "pg",
            sockets=self.folder / "pg" / "run",
            binaries=postgres.find_binaries(self._account),
            account=self._account,
            is_durable=False,
        )
        self.redis = redis_server.RedisServer(
            home=self.folder / "redis",
            socket_path=self.folder / "redis" / "redis.sock",
            program=redis_server.find_program(),
            is_durable=False,
        )
        self._owner_password = secrets.token_hex(16)
        self._app_password = secrets.token_hex(16)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        atexit.register(self.close)

    def environment(self) -> dict[str, str]:
        """Return the settings that point the platform at these servers."""
        return {
            "DATABASE_URL": self.cluster.url(postgres.APP_ROLE, self._app_password),
            "OWNER_DATABASE_URL": self.cluster.url(postgres.OWNER_ROLE, self._owner_password),
            "REDIS_URL": self.redis.url,
            "VAR_DIR": str(own_folder(self.folder / "var", None)),
            "SECRET_KEY": secrets.token_hex(32),
        }

    def start_postgres(self) -> postgres.Cluster:
        """Start PostgreSQL with the two roles and an empty database, unless it runs."""
        if "postgres" not in self._running:
            self.cluster.create()
            self.cluster.configure()
            server = self._start("postgres", self.cluster.command(), self.cluster.home, signal.SIGINT)
            self.cluster.wait_ready(server)
            self.cluster.prepare(self._owner_password, self._app_password)
        return self.cluster

    def start_redis(self) -> str:
        """Start Redis unless it runs, and return its address."""
        if "redis" not in self._running:
            server = self._start("redis", self.redis.command(), self.redis.home, signal.SIGKILL)
            deadline = time.monotonic() + STOP_S_MAX
            while not redis_server.answers(self.redis.socket_path, 1.0):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"Redis did not start; see {self.folder / 'redis.log'}")
                time.sleep(0.02)
        return self.redis.url

    def close(self) -> None:
        """Stop what runs and delete everything."""
        for server in self._running.values():
            server.send_signal(signal.SIGINT)
        for server in self._running.values():
            try:
                server.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        self._running.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, name: str, command: list[str], cwd: Path, death: signal.Signals) -> subprocess.Popen[bytes]:
        account = self._account if name == "postgres" else None
        with (self.folder / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=before_exec(death),  # noqa: PLW1509 - only libc, loaded before the fork
                **(account.popen() if account else {}),
            )
        return self._running[name]
