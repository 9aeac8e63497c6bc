"""Plain psycopg connections of a node's daemons: they see all tenants and never use the ORM on the SIP loop."""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings

CONNECT_S_MAX = 3
"""A database that does not answer for so long is away; a restart is faster than waiting longer."""


def parameters(application: str) -> dict[str, Any]:
    """Return libpq's parameters for the app's role, with row-level security opened to all tenants."""
    database = settings.DATABASES["default"]
    wanted = {
        "dbname": database["NAME"],
        "user": database["USER"],
        "password": database["PASSWORD"],
        "host": database["HOST"],
        "port": database["PORT"],
    }
    options = {key: value for key, value in database["OPTIONS"].items() if key != "pool"}
    return (
        {key: value for key, value in wanted.items() if value}
        | options
        | {
            "connect_timeout": CONNECT_S_MAX,
            "application_name": application,
            "options": f"-c app.all_tenants=on -c app.actor={application}",
        }
    )


def connect(application: str) -> psycopg.Connection[Any]:
    """Open an autocommit connection for a thread."""
    return psycopg.connect(**parameters(application), autocommit=True)


async def connect_async(application: str) -> psycopg.AsyncConnection[Any]:
    """Open an autocommit connection for the loop, with plans made once a statement, not once a call."""
    connection = await psycopg.AsyncConnection.connect(**parameters(application), autocommit=True)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    return connection
