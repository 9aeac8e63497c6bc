"""A web server of the real ASGI application in a thread, and a Chromium that looks at it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tenants.models import User
from voip.platform import tools

START_S = 20.0
TIMEOUT_MS = 60_000
"""Patience with a page while all cores are busy with other tests."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve the application on a free port of 127.0.0.1; gives its address."""
    from voip.asgi import application

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(application, log_level="warning", lifespan="off", ws="websockets-sansio")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + START_S
    while not server.started:
        assert time.monotonic() < deadline, "the web server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_S)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Debian's Chromium without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=tools.find("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def looking(browser: Browser, url: str, session: str, width: int = 1440, dark: bool = False) -> Iterator[Page]:
    """Open a page with a session; ``page.strays`` lists requests to other hosts, ``page.errors`` script errors."""
    scheme = "dark" if dark else "light"
    context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme)  # type: ignore[arg-type]
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
    page: Any = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.strays, page.errors = [], []
    page.on(
        "request", lambda request: None if request.url.startswith((url, "data:")) else page.strays.append(request.url)
    )
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()


def session_of(user: User) -> str:
    """Log the user in and return the session's key."""
    client = Client()
    client.force_login(user)
    return client.cookies[settings.SESSION_COOKIE_NAME].value
