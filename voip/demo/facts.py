"""What the demo is, for people and programs: ``var/demo.json``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.conf import settings

from voip.demo.seed import Demo


def path() -> Path:
    """Return where the facts are kept (mode 0600: they hold passwords)."""
    return Path(settings.VAR_DIR) / "demo.json"


def facts(demo: Demo) -> dict[str, Any]:
    """Return the facts as JSON-ready values; ``sip.accounts`` are of one tenant and can dial each other's extension."""
    first = demo.lines[0].line.tenant_id
    accounts = [
        {"username": made.line.username, "password": made.password, "extension": made.line.extension}
        for made in demo.lines
        if made.line.tenant_id == first
    ]
    others = [
        {"username": made.line.username, "password": made.password, "extension": made.line.extension}
        for made in demo.lines
        if made.line.tenant_id != first
    ]
    return {
        "url": settings.PUBLIC_URL,
        "admin": {"email": demo.admin.email, "password": demo.admin_password},
        "tenant_user": {"email": demo.tenant_user.email, "password": demo.tenant_password},
        "api_key": demo.api_key,
        "sip": {
            "host": settings.LISTEN_HOST,
            "port": settings.SIP_PORT,
            "realm": settings.SIP_REALM,
            "accounts": accounts,
            "other_tenant_accounts": others,
        },
        "did": demo.did,
        "trunk": {
            "host": demo.trunk.host,
            "port": demo.trunk.port,
            "transport": demo.trunk.transport,
            "source_addresses": list(demo.trunk.source_addresses),
            "how": "Bind host:port over UDP: calls to outside numbers arrive there as INVITEs without challenge, and an"
            " INVITE sent from there to sip.host:sip.port for the did rings the first account.",
            "outside_number": "+442079460123",
        },
    }


def write(values: dict[str, Any]) -> None:
    """Keep the facts, readable by the owner only."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = target.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(values, file, indent=2)
        file.write("\n")
    part.replace(target)


def read() -> dict[str, Any]:
    """Return the facts of the demo that is there.

    Raises:
        FileNotFoundError: there is none.
    """
    values: dict[str, Any] = json.loads(path().read_text())
    return values
