"""Websocket addresses of the app."""

from typing import Any

from django.urls import path

from alerts.consumers import AlertsConsumer

websocket_urlpatterns: list[Any] = [path("ws/alerts/", AlertsConsumer.as_asgi())]
