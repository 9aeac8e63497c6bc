"""Loaded by pytest before Django's settings are: points them at servers that exist for this run only.

COMPILED chooses the form in which stack and controller run. Every worker of xdist makes its own. Nothing is started
here; the fixtures of ``tests/conftest.py`` do that.
"""

from __future__ import annotations

import os

from voip.platform import compiled
from voip.platform.ephemeral import EphemeralServers

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Sources as they are, unless `make test` asks for the other form; child processes are told the same.
os.environ.setdefault(compiled.SETTING, "never")
compiled.use()
SERVERS = EphemeralServers()
os.environ.update(SERVERS.environment())
