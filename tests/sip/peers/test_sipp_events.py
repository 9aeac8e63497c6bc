"""sipp watches, publishes and sends messages (RFC 6665, 3903, 3428); the node is killed with messages in its store."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sip.stack.message.message import Request
from sip.stack.message.parse import parse_message
from sip.stack.transaction.responses import make_response
from tests.sip.io.test_redis_location import OwnRedis
from tests.sip.peers import sipp
from tests.sip.peers.baresip import Baresip
from tests.sip.peers.conftest import HOST, StaticNode, free_port
from tests.sip.peers.test_baresip import wait_for

pytestmark = pytest.mark.integration

Ports = Callable[[], int]
CREDENTIALS = "[field1]"
PIDF = (
    '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:u1@trunkline.test">'
    '<tuple id="a"><status><basic>{basic}</basic></status></tuple></presence>'
)


def rows(*values: str) -> str:
    return "\n      ".join(values)


def subscribe(to: str, event: str, expires_s: int = 600) -> str:
    """Subscribe with digest."""
    extra = (f"Event: {event}", f"Expires: {expires_s}")
    return (
        sipp.send("SUBSCRIBE", to, 1, extra=rows(*extra)) + sipp.recv(401, auth=True)
        + sipp.send("SUBSCRIBE", to, 2, extra=rows(*extra, CREDENTIALS)) + sipp.recv(200, route=True)
    )  # fmt: skip


def notified(check: str) -> str:
    """Wait for a NOTIFY that says so, and answer it."""
    return sipp.recv("NOTIFY", check=check) + sipp.reply("200 OK", tag=False)


def unsubscribe(to: str, event: str) -> str:
    """End the subscription in its dialog."""
    extra = (f"Event: {event}", "Expires: 0")
    return (
        sipp.send("SUBSCRIBE", to, 3, extra=rows(*extra), in_dialog=True) + sipp.recv(401, auth=True)
        + sipp.send("SUBSCRIBE", to, 4, extra=rows(*extra, CREDENTIALS), in_dialog=True) + sipp.recv(200)
        + notified("Subscription-State: terminated;reason=timeout")
    )  # fmt: skip


def publish(to: str, basic: str, cseq: int, *extra: str) -> str:
    """Publish presence with digest."""
    kept = ("Event: presence", "Expires: 600", "Content-Type: application/pidf+xml", *extra)
    body = PIDF.format(basic=basic)
    return (
        sipp.send("PUBLISH", to, cseq, extra=rows(*kept), body=body) + sipp.recv(401, auth=True)
        + sipp.send("PUBLISH", to, cseq + 1, extra=rows(*kept, CREDENTIALS), body=body)
    )  # fmt: skip


def message(to: str, text: str, status: int) -> str:
    """Send a message with digest."""
    kind = "Content-Type: text/plain"
    return (
        sipp.send("MESSAGE", to, 1, extra=kind, body=text) + sipp.recv(407, auth=True)
        + sipp.send("MESSAGE", to, 2, extra=rows(kind, CREDENTIALS), body=text)
        + sipp.recv(100, optional=True) + sipp.recv(status)
    )  # fmt: skip


def test_a_lamp_follows_a_call(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    steps = (
        subscribe("1002", "dialog") + notified("version=.0. state=.full") + notified(">trying<") + notified(">early<")
        + notified(">confirmed<") + notified("remote-bye.*>terminated<") + unsubscribe("1002", "dialog")
    )  # fmt: skip
    watcher = node.sipp("watcher", steps, ports(), user="u3")
    time.sleep(1.5)
    phone = node.sipp("uas", sipp.answer(2500), callee)
    node.sipp("uac", sipp.call("1002", 1500), ports()).wait()
    phone.wait()
    watcher.wait()


def test_a_watcher_sees_a_line_register(node: StaticNode, ports: Ports) -> None:
    steps = subscribe("u2", "presence") + notified("closed") + notified("open") + unsubscribe("u2", "presence")
    watcher = node.sipp("watcher", steps, ports(), user="u3")
    time.sleep(0.5)
    node.register(ports(), "u2")
    watcher.wait()


def test_a_publication_is_seen_modified_and_matched_by_its_tag(node: StaticNode, ports: Ports) -> None:
    steps = subscribe("u1", "presence") + notified("registration") + notified("p1-a.*closed") + notified("p1-a.*open")
    watcher = node.sipp("watcher", steps, ports(), user="u3")
    time.sleep(0.5)
    publisher = (
        publish("u1", "closed", 1) + sipp.recv(200, keep="SIP-ETag") + sipp.pause(6000)
        + publish("u1", "open", 3, "SIP-If-Match: [$kept]") + sipp.recv(200)
        + publish("u1", "open", 5, "SIP-If-Match: [$kept]") + sipp.recv(412)
    )  # fmt: skip
    node.sipp("publisher", publisher, ports()).wait()
    watcher.wait()


def test_an_unknown_event_is_489(node: StaticNode, ports: Ports) -> None:
    steps = sipp.send("SUBSCRIBE", "u2", 1, extra="Event: weather") + sipp.recv(489, check="Allow-Events: dialog")
    node.sipp("watcher", steps, ports()).wait()


def test_a_message_reaches_a_phone(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("phone", sipp.recv("MESSAGE", check="hello you") + sipp.reply("200 OK"), callee)
    node.sipp("sender", message("1002", "hello you", 200), ports()).wait()
    phone.wait()


def test_a_baresip_phone_takes_a_message_and_sounds_for_it(node: StaticNode, ports: Ports) -> None:
    phone = Baresip(node.folder / "phone", "u2", "secret", node.host, ports(), 30_040, node.address, 440.0)
    try:
        phone.start()
        wait_for(phone, "[1 binding]")
        node.sipp("sender", message("1002", "hello you", 200), ports()).wait()
        wait_for(phone, "aubridge: created device")
    finally:
        phone.stop()


def test_without_a_store_an_absent_user_is_480(node: StaticNode, ports: Ports) -> None:
    node.sipp("sender", message("1002", "hello", 480), ports()).wait()


@pytest.fixture
def storing(tmp_path: Path) -> Iterator[StaticNode]:
    """A node with a Redis of its own."""
    redis = OwnRedis(tmp_path)
    redis.start()
    made = StaticNode(tmp_path, free_port(), redis_url=redis.url)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        redis.stop()


def test_messages_that_were_accepted_outlive_a_killed_node_and_come_once_in_order(
    storing: StaticNode, ports: Ports
) -> None:
    for number in range(5):
        storing.sipp(f"sender{number}", message("1002", f"number {number}", 202), ports()).wait()
    storing.kill()
    storing.start()
    port = ports()
    storing.register(port, "u2")
    assert receive_messages(port, 5) == [b"number %d\r\n" % number for number in range(5)]
    storing.register(port, "u2")
    assert receive_messages(port, 1, 1.5) == []


def receive_messages(port: int, count: int, timeout_s: float = 10.0) -> list[bytes]:
    """Answer what comes to a port; return the bodies of the first ``count`` messages, each Call-ID once."""
    found: dict[str, bytes] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HOST, port))
        phone.settimeout(timeout_s)
        while len(found) < count:
            try:
                data, peer = phone.recvfrom(65_535)
            except TimeoutError:
                break
            request = parse_message(data)
            assert isinstance(request, Request)
            found.setdefault(request.call_id, request.body)
            phone.sendto(bytes(make_response(request, 200, to_tag="phone")), peer)
    return list(found.values())
