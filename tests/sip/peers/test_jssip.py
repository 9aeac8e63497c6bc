"""RFC 7118 with a real browser: two pages with JsSIP register over a websocket, and one calls the other."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.sip.io.certificates import make_authority
from tests.sip.peers.conftest import HOST, StaticNode, free_port
from voip.platform import tools

pytestmark = [pytest.mark.integration, pytest.mark.browser]

BUNDLE = Path(__file__).parent / "vendor" / "jssip-3.13.8" / "jssip.min.js"
SHA256 = "cdd7767815e759b624e01f767480ca95539765e1631352ea662892e3bb4f1316"
PATIENCE_MS = 20_000
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream", "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip

PHONE = """
const seen = [], note = what => seen.push(what);
function start(url, user, password) {
  const socket = new JsSIP.WebSocketInterface(url);
  window.ua = new JsSIP.UA({sockets: [socket], uri: `sip:${user}@trunkline.test`, password, register: true});
  for (const event of ["connected", "disconnected", "registered", "registrationFailed"])
    ua.on(event, () => note(event));
  ua.on("newRTCSession", ({originator, session}) => {
    window.session = session;
    for (const event of ["progress", "confirmed", "failed", "ended"])
      session.on(event, data => note(`${event} ${data.originator || ""}`.trim()));
    if (originator === "remote") session.answer({mediaConstraints: {audio: true, video: false}});
  });
  ua.start();
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium with a microphone that is none."""
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=tools.find("chromium"), args=FLAGS)
        yield made
        made.close()


class Empty(BaseHTTPRequestHandler):
    """A page with nothing on it, from loopback: a secure context that may open websockets to loopback."""

    def do_GET(self) -> None:
        """Serve it."""
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>phone</title>")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def serve() -> ThreadingHTTPServer:
    """Return a web site that runs; its origin is ``origin_of`` it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Empty)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def origin_of(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The origin of the web site whose pages are phones."""
    server = serve()
    yield origin_of(server)
    server.shutdown()
    server.server_close()


@pytest.fixture
def node(tmp_path: Path, site: str) -> Iterator[StaticNode]:
    """A node with a plain and a secure websocket listener, for pages of one site."""
    authority = make_authority(tmp_path)
    chain = authority.issue("sip.example.com", "sip.example.com", HOST)
    port = free_port()
    made = StaticNode(tmp_path, port, settings={
        "listen": f"default=udp:{HOST}:{port},ws:{HOST}:{port + 1},wss:{HOST}:{port + 2}",
        "certificates": f"sip.example.com={chain}",
        "origins": [site],
    })  # fmt: skip
    try:
        made.start()
        yield made
    finally:
        made.stop()


def phone(browser: Browser, site: str, url: str, user: str, password: str = "secret") -> Page:
    """Return a page whose phone has started."""
    page = browser.new_context(ignore_https_errors=True).new_page()
    page.goto(f"{site}/")
    page.add_script_tag(content=BUNDLE.read_text())
    page.add_script_tag(content=PHONE)
    page.evaluate("([url, user, password]) => start(url, user, password)", [url, user, password])
    return page


def wait_for(page: Page, what: str) -> None:
    page.wait_for_function("what => seen.includes(what)", arg=what, timeout=PATIENCE_MS)


def test_the_bundle_is_the_one_its_readme_names() -> None:
    assert hashlib.sha256(BUNDLE.read_bytes()).hexdigest() == SHA256
    assert SHA256 in (BUNDLE.parent / "README.md").read_text()


@pytest.mark.parametrize(("scheme", "step"), [("ws", 1), ("wss", 2)])
def test_two_pages_register_and_one_calls_the_other(
    browser: Browser, site: str, node: StaticNode, scheme: str, step: int
) -> None:
    url = f"{scheme}://{HOST}:{node.port + step}"
    caller, callee = phone(browser, site, url, "u1"), phone(browser, site, url, "u2")
    try:
        for page in (caller, callee):
            wait_for(page, "registered")
        caller.evaluate("ua.call('sip:1002@trunkline.test', {mediaConstraints: {audio: true, video: false}})")
        wait_for(caller, "confirmed local")
        wait_for(callee, "confirmed remote")
        contact = caller.evaluate("session._dialog._remote_target.toString()")
        assert contact == f"sip:{HOST}:{node.port + step};transport=ws"
        caller.evaluate("session.terminate()")
        wait_for(callee, "ended remote")
    finally:
        for page in (caller, callee):
            page.context.close()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by, record.a_line_id, record.b_line_id) == (200, "caller", 1, 2)


def test_a_wrong_password_registers_nobody(browser: Browser, site: str, node: StaticNode) -> None:
    page = phone(browser, site, f"ws://{HOST}:{node.port + 1}", "u1", "wrong")
    wait_for(page, "registrationFailed")
    assert "registered" not in page.evaluate("seen")
    page.context.close()


def test_a_page_of_another_site_is_not_let_in(browser: Browser, node: StaticNode) -> None:
    server = serve()
    page = phone(browser, origin_of(server), f"ws://{HOST}:{node.port + 1}", "u1")
    wait_for(page, "disconnected")
    assert "connected" not in page.evaluate("seen")
    page.context.close()
    server.shutdown()
    server.server_close()
