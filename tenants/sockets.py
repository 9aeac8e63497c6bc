"""Websockets: the session's user is looked up across all tenants, as at login."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tenants.scope import system_scope

_App = Callable[[MutableMapping[str, Any], Callable[..., Any], Callable[..., Any]], Awaitable[None]]


class UserInSystemScope:
    """Run what is below in the system's scope; a consumer narrows to its user's groups itself."""

    def __init__(self, app: _App) -> None:
        self.app = app

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[..., Any], send: Callable[..., Any]
    ) -> None:
        with system_scope():
            await self.app(scope, receive, send)
