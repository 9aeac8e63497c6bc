"""``GET /healthz``: whether every process and both servers do their work."""

from __future__ import annotations

import json
import logging
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from voip.platform import places
from voip.platform.deathwatch import is_running

ANSWER_S_MAX = 2.0
"""A load balancer asks every few seconds; a server that is slower than this is as good as away."""


class _NotOfHealth(logging.Filter):
    """Keeps Django from logging each 503 of the health page: the page exists to be asked when things are not well."""

    def filter(self, record: logging.LogRecord) -> bool:
        request = getattr(record, "request", None)
        return getattr(request, "path", "") != "/healthz"


logging.getLogger("django.request").addFilter(_NotOfHealth())


def process_states() -> dict[str, dict[str, Any]]:
    """Return each supervised process's ``state``, ``pid``, ``since`` (epoch seconds) and ``restarts``.

    Empty where no supervisor of ours runs, as under systemd.
    """
    try:
        written = json.loads(places.state_file().read_text())
    except FileNotFoundError:
        return {}
    if not is_running(written["supervisor"]["pid"]):
        return {}
    states: dict[str, dict[str, Any]] = written["processes"]
    return states


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when all is ready, otherwise 503; either way with the state of each part."""
    processes = process_states()
    database, broker = database_answers(), redis_answers()
    is_well = database and broker and all(process["state"] == "ready" for process in processes.values())
    return JsonResponse(
        {
            "status": "ok" if is_well else "unavailable",
            "database": "ok" if database else "unavailable",
            "redis": "ok" if broker else "unavailable",
            "processes": processes,
        },
        status=200 if is_well else 503,
        headers={"Cache-Control": "no-store"},
    )


def database_answers() -> bool:
    """Return whether PostgreSQL answers the app's role."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        connection.close()
        return False
    return True


def redis_answers() -> bool:
    """Return whether Redis answers."""
    url = settings.REDIS_URL
    try:
        with redis.Redis.from_url(url, socket_timeout=ANSWER_S_MAX, socket_connect_timeout=ANSWER_S_MAX) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
