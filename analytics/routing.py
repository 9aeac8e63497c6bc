"""Websocket addresses of the app."""

from typing import Any

websocket_urlpatterns: list[Any] = []
