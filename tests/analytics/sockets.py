"""A websocket client without a server. ``channels.testing`` has one too, but importing it needs daphne."""

from __future__ import annotations

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

SECONDS = 3.0
"""Patience for a message that must come."""


class Socket:
    """One websocket to an ASGI application, as this user."""

    def __init__(self, application: Any, path: str, user: object) -> None:
        scope = {
            "type": "websocket",
            "path": path,
            "query_string": b"",
            "headers": [],
            "subprotocols": [],
            "user": user,
        }
        self._inner: Any = ApplicationCommunicator(application, scope)  # type: ignore[no-untyped-call]

    async def open(self) -> None:
        """Connect and be accepted."""
        await self._inner.send_input({"type": "websocket.connect"})
        accepted = await self._inner.receive_output(SECONDS)
        assert accepted["type"] == "websocket.accept"

    async def receive(self) -> dict[str, Any]:
        """Return the next message, a dictionary."""
        output = await self._inner.receive_output(SECONDS)
        assert output["type"] == "websocket.send", output
        message: dict[str, Any] = json.loads(output["text"])
        return message

    async def receive_nothing(self, for_s: float) -> bool:
        """Return whether nothing comes for this long."""
        return bool(await self._inner.receive_nothing(timeout=for_s))

    async def closed_with(self) -> int:
        """Return the code the server closes with, passing over messages before it."""
        while True:
            output = await self._inner.receive_output(SECONDS)
            if output["type"] == "websocket.close":
                return int(output["code"])

    async def say(self, *, text: str | None = None, data: bytes | None = None) -> None:
        """Send something to the server."""
        await self._inner.send_input({"type": "websocket.receive", "text": text, "bytes": data})

    async def close(self) -> None:
        """Leave."""
        await self._inner.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._inner.wait(SECONDS)
