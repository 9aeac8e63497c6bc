"""The settings of this installation: generated once into ``var/env``, overruled by the process environment."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voip.platform import places, postgres, redis_server
from voip.platform.account import HOME, Account, own_folder, server_account
from voip.platform.console import StepFailed
from voip.platform.sockets import socket_folder

SECRETS = ("SECRET_KEY", "POSTGRES_OWNER_PASSWORD", "POSTGRES_APP_PASSWORD")
DEFAULTS = {"WEB_PORT": "8000", "SIP_PORT": "5060", "LISTEN_HOST": "127.0.0.1", "NODE_NAME": "node1"}
_ONLY_FOR_SET_UP = ("OWNER_DATABASE_URL", "POSTGRES_OWNER_PASSWORD", "POSTGRES_APP_PASSWORD")


@dataclass(frozen=True, slots=True)
class Installation:
    """What is started, and with which settings."""

    settings: dict[str, str]
    cluster: postgres.Cluster | None
    """``None``: ``DATABASE_URL`` names a server of the user's own."""
    redis: redis_server.RedisServer | None

    def environment(self) -> dict[str, str]:
        """Return the whole environment of a command that may change tables."""
        return os.environ | self.settings | {"PYTHONUNBUFFERED": "1"}

    def service_environment(self) -> dict[str, str]:
        """Return the environment of a long-running process: it never learns the owner's password."""
        return {name: value for name, value in self.environment().items() if name not in _ONLY_FOR_SET_UP}


def load() -> Installation:
    """Return the installation of this checkout, with ``var/env`` written anew.

    Raises:
        StepFailed: ``DATABASE_URL`` is set without ``OWNER_DATABASE_URL``.
    """
    var = own_folder(places.var_folder(), None)
    for folder in (places.run_folder(), places.log_folder(), var / "spool", var / "media"):
        own_folder(folder, None)
    kept = read(places.env_file())
    settings = {name: kept.get(name) or secrets.token_urlsafe(48) for name in SECRETS}
    settings |= {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    settings |= {"VAR_DIR": str(var)}
    if os.environ.get("SECRET_KEY"):
        settings["SECRET_KEY"] = os.environ["SECRET_KEY"]
    cluster = _database(settings)
    redis = _redis(settings)
    _write(places.env_file(), settings)
    return Installation(settings, cluster, redis)


def read(path: Path) -> dict[str, str]:
    """Return the settings in a file of ``NAME='value'`` lines; a missing file has none."""
    if not path.exists():
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines() if "=" in line and line[0] != "#")
    return {name: value.strip("'") for name, _, value in pairs}


def _write(path: Path, settings: Mapping[str, str]) -> None:
    unfinished = path.with_suffix(".new")
    unfinished.touch(mode=0o600)
    lines = [f"{name}='{value}'\n" for name, value in settings.items()]
    unfinished.write_text("# Written at every start; the secrets are kept.\n" + "".join(lines))
    unfinished.replace(path)


def _database(settings: dict[str, str]) -> postgres.Cluster | None:
    given = os.environ.get("DATABASE_URL")
    if given:
        owner = os.environ.get("OWNER_DATABASE_URL")
        if not owner:
            raise StepFailed(
                "DATABASE_URL is set, OWNER_DATABASE_URL is not: tables are made by a role of their own.\n"
                "Make both roles with deploy/roles.sql and set both."
            )
        settings |= {"DATABASE_URL": given, "OWNER_DATABASE_URL": owner}
        return None
    account = server_account()
    home = _postgres_home(account)
    cluster = postgres.Cluster(
        home=own_folder(home, account),
        sockets=socket_folder(home / "run", account),
        binaries=postgres.find_binaries(account),
        account=account,
    )
    settings["DATABASE_URL"] = cluster.url(postgres.APP_ROLE, settings["POSTGRES_APP_PASSWORD"])
    settings["OWNER_DATABASE_URL"] = cluster.url(postgres.OWNER_ROLE, settings["POSTGRES_OWNER_PASSWORD"])
    return cluster


def _postgres_home(account: Account | None) -> Path:
    link = places.var_folder() / "pg"
    if account is None:
        return link
    # The checkout may lie below a folder that only root may enter, and stays so.
    home = HOME / places.instance_name()
    HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not link.exists():
        link.unlink(missing_ok=True)
        link.symlink_to(home)
    return home


def _redis(settings: dict[str, str]) -> redis_server.RedisServer | None:
    given = os.environ.get("REDIS_URL")
    if given:
        settings["REDIS_URL"] = given
        return None
    server = redis_server.RedisServer(
        home=places.var_folder() / "redis",
        socket_path=socket_folder(places.run_folder()) / "redis.sock",
        program=redis_server.find_program(),
    )
    settings["REDIS_URL"] = server.url
    return server
