"""Loaded by pytest before Django's settings are: points them at servers that exist for this run only.

Every worker of xdist makes its own. Nothing is started here; the fixtures of ``tests/conftest.py`` do that.
"""

from __future__ import annotations

import os

from voip.platform.ephemeral import EphemeralServers

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
SERVERS = EphemeralServers()
os.environ.update(SERVERS.environment())
