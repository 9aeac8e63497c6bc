"""The first door of the web process: a request's body is refused while it comes in, before Django writes it to disk."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from billing.limits import DECK_FILE_BYTES_MAX

BODY_BYTES_MAX = 2_621_440
"""The same as ``DATA_UPLOAD_MAX_MEMORY_SIZE``: every form and every JSON body is far smaller."""

UPLOAD_BYTES_MAX = DECK_FILE_BYTES_MAX + 1_048_576
"""A rate deck, with the form around the file."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[..., Awaitable[None]]


def bytes_max(path: str) -> int:
    """Return how long a body may be at this address: only where decks are uploaded it may be long."""
    is_upload = path.endswith("/import/") or path.startswith("/admin/billing/")
    return UPLOAD_BYTES_MAX if is_upload else BODY_BYTES_MAX


class BodyLimit:
    """ASGI: answer 413 as soon as a body is known to be too long, by its header or by what has come."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        limit = bytes_max(scope["path"])
        if _announced(scope) > limit:
            await _refuse(scope, send)
            return
        came, is_over = 0, False

        async def counted() -> Message:
            nonlocal came, is_over
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                is_over = True
                return {"type": "http.disconnect"}  # Django then gives up without an answer of its own.
            return message

        await self.app(scope, counted, send)
        if is_over:
            await _refuse(scope, send)


def _announced(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def _refuse(scope: Message, send: Send) -> None:
    detail = f"At most {bytes_max(scope['path'])} bytes are accepted here."
    problem = {
        "type": "urn:trunkline:problem:payload_too_large",
        "title": "Content Too Large",
        "status": 413,
        "detail": detail,
        "instance": scope["path"],
        "request_id": "",
        "errors": [],
    }
    is_api = scope["path"].startswith("/api/")
    body = json.dumps(problem).encode() if is_api else detail.encode()
    content_type = b"application/problem+json" if is_api else b"text/plain; charset=utf-8"
    headers = [
        (b"content-type", content_type),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": body})
