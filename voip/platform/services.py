"""The platform's processes, as the supervisor is told of them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping

from sip.io.errors import ListenError
from sip.io.listeners import parse_zones
from voip.platform import limits, places, probes
from voip.platform.environment import Installation
from voip.platform.postgres import Cluster
from voip.platform.redis_server import RedisServer
from voip.platform.service import Service

WORKER_PROCESSES = 2
"""One a core of the smallest machine we measure on; a larger one starts more workers beside it."""

SIP_READY_LINE = "calls taken up again"
"""What a node writes when it listens; for one that cannot be asked over UDP."""


def servers(installation: Installation) -> list[Service]:
    """Return the servers that are ours to start: none where the user's own are used."""
    found = []
    if installation.cluster:
        found.append(postgres_service(installation.cluster))
    if installation.redis:
        found.append(_redis(installation.redis))
    return found


def daemons(installation: Installation) -> list[Service]:
    """Return the platform's own processes in the order in which they are started."""
    settings = installation.settings
    environment = installation.service_environment()
    after = tuple(service.name for service in servers(installation))
    host = settings["LISTEN_HOST"]
    asked_at = _reached_at(host)
    sip_probe = _sip_probe(environment)
    celery = [sys.executable, "-m", "celery", "-A", "voip"]
    manage = [sys.executable, str(places.ROOT / "manage.py")]
    return [
        Service(
            "web",
            _web_command(settings),
            probe=probes.http_answer(asked_at, int(settings["WEB_PORT"]), "/healthz"),
            environment=environment | {"DB_POOL": "1"},
            after=after,
            folder=places.ROOT,
        ),
        Service(
            "worker",
            [*celery, "worker", "-c", str(WORKER_PROCESSES), "-l", "INFO", "--without-gossip", "--without-mingle"],
            ready_line=" ready.",
            environment=environment,
            after=after,
            folder=places.ROOT,
            stop_s_max=limits.WORKER_STOP_S_MAX,
        ),
        Service(
            "beat",
            [*celery, "beat", "-l", "INFO", "--pidfile=", "-s", str(places.run_folder() / "beat-schedule")],
            ready_line="beat: Starting...",
            environment=environment,
            after=after,
            folder=places.ROOT,
        ),
        Service(
            "sipnode",
            [sys.executable, "-m", "voip.node"],
            probe=sip_probe,
            ready_line="" if sip_probe else SIP_READY_LINE,
            environment=environment,
            after=after,
            folder=places.ROOT,
        ),
        Service(
            "cdrloader",
            [*manage, "cdrloader"],
            ready_line="loading call records from",
            environment=environment,
            after=after,
            folder=places.ROOT,
        ),
    ]


def _reached_at(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def _sip_probe(settings: Mapping[str, str]) -> probes.Probe | None:
    """Return how the node is asked whether it answers: over its first UDP listener; ``None`` when it has none.

    A wrong ``SIP_LISTEN`` is the node's to complain of.
    """
    if not settings.get("SIP_LISTEN"):
        return probes.sip_options(_reached_at(settings["LISTEN_HOST"]), int(settings["SIP_PORT"]))
    try:
        zones = parse_zones(settings["SIP_LISTEN"])
    except ListenError:
        return None
    listeners = [listener for zone in zones for listener in zone.listeners if listener.transport == "UDP"]
    return probes.sip_options(_reached_at(listeners[0].host), listeners[0].port) if listeners else None


def _web_command(settings: Mapping[str, str]) -> list[str]:
    listen = ["--host", settings["LISTEN_HOST"], "--port", settings["WEB_PORT"]]
    # Websockets stay open for ever; after this they are closed under their users, who connect again.
    patience = ["--timeout-graceful-shutdown", "3"]
    # Who asked for what is the proxy's to log; refusals and errors are logged by Django.
    protocol = ["--ws", "websockets-sansio", "--no-server-header", "--no-access-log"]
    return [sys.executable, "-m", "uvicorn", "voip.asgi:application", *listen, *protocol, *patience]


def postgres_service(cluster: Cluster) -> Service:
    """Return how the embedded PostgreSQL is run."""
    return Service(
        "postgres",
        cluster.command(),
        probe=probes.database(cluster.conninfo()),
        # What it tells clients that come too early or too late.
        not_told="due to administrator command|the database system is",
        environment={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        folder=cluster.home,
        account=cluster.account,
        stop_signal=signal.SIGINT,
        start_s_max=limits.POSTGRES_START_S_MAX,
    )


def _redis(server: RedisServer) -> Service:
    return Service(
        "redis",
        server.command(),
        probe=probes.redis_socket(server.socket_path),
        not_told="Memory overcommit must be enabled",  # It matters to snapshots by fork, which we do not make.
        folder=server.home,
    )
