"""A body that is too long is refused while it comes in, whether it says so or not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from voip.bodylimit import BODY_BYTES_MAX, UPLOAD_BYTES_MAX, BodyLimit, Message, Receive, Send


class _Door:
    """A client that sends chunks to an application that reads all of them and answers 200 if it gets them."""

    def __init__(self, path: str, chunks: list[bytes], length: int | None = None) -> None:
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.scope: Message = {"type": "http", "path": path, "headers": headers}
        self.chunks = chunks
        self.read = 0
        self.sent: list[Message] = []

    async def _receive(self) -> Message:
        chunk = self.chunks.pop(0)
        return {"type": "http.request", "body": chunk, "more_body": bool(self.chunks)}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)

    async def _app(self, scope: Message, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.read += len(message["body"])
            if not message["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def answer(self) -> int:
        await BodyLimit(self._app)(self.scope, self._receive, self._send)
        assert [message["type"] for message in self.sent].count("http.response.start") == 1
        status: int = self.sent[0]["status"]
        return status


@pytest.mark.asyncio
async def test_a_body_within_the_limit_passes() -> None:
    door = _Door("/calls/", [b"x" * BODY_BYTES_MAX], BODY_BYTES_MAX)
    assert await door.answer() == 200


@pytest.mark.asyncio
async def test_a_body_that_says_it_is_too_long_is_not_read_at_all() -> None:
    door = _Door("/api/v1/users/", [b"x"], BODY_BYTES_MAX + 1)
    assert await door.answer() == 413
    assert door.read == 0
    assert json.loads(door.sent[1]["body"])["status"] == 413
    assert (b"content-type", b"application/problem+json") in door.sent[0]["headers"]


@pytest.mark.asyncio
async def test_a_body_of_unknown_length_is_cut_off_at_the_limit() -> None:
    door = _Door("/calls/", [b"x" * 1_000_000] * 9)
    assert await door.answer() == 413
    assert door.read <= BODY_BYTES_MAX


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/rate-decks/1/import/", 200),
        ("/admin/billing/ratedeck/1/import/", 200),
        ("/api/v1/rate-decks/", 413),
        ("/admin/sip/line/add/", 413),
    ],
)
async def test_only_where_decks_are_uploaded_a_body_may_be_long(path: str, status: int) -> None:
    assert await _Door(path, [b"x"], UPLOAD_BYTES_MAX).answer() == status
    assert await _Door(path, [b"x"], UPLOAD_BYTES_MAX + 1).answer() == 413


def test_the_web_process_stands_behind_the_door() -> None:
    from voip.asgi import application

    http: Any = application.application_mapping["http"]
    assert isinstance(http, BodyLimit)
