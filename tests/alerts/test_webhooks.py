"""Signed webhooks against a receiver that listens, and addresses they must not go to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from alerts import dispatch, services
from alerts.channels.webhook import WebhookChannel
from alerts.choices import Channel, DeliveryState
from alerts.errors import ChannelError, InvalidEndpoint
from alerts.limits import ENDPOINTS_MAX, RESPONSE_BYTES_MAX, SIGNATURE_AGE_S_MAX
from alerts.models import Delivery, Event, WebhookEndpoint
from alerts.receivers import UnsafeUrl, check_url, public_address
from alerts.signing import SIGNATURE_HEADER, is_genuine, secret_of, sign
from tenants.errors import DomainError
from tenants.models import AuditEntry, Tenant

Happen = Callable[..., Event]


class Receiver(TCPServer):
    """Keeps what it is told, and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.server_port = self.server_address[1]
        self.told: list[tuple[dict[str, str], bytes]] = []
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"ok")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?of=alice"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((dict(self.headers.items()) | {"path": self.path}, body))
        status, headers, answer = self.server.answer
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ALERTS_WEBHOOK_ALLOW_PRIVATE = True
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def hook(receiver: Receiver, alice: Tenant) -> tuple[WebhookEndpoint, str]:
    return services.create_endpoint(alice, receiver.url)


def planned() -> Delivery:
    return next(item for item in dispatch.plan_pending(timezone.now()) if item.channel == Channel.WEBHOOK)


def after_attempt(delivery: Delivery) -> Delivery:
    dispatch.deliver(delivery.pk, timezone.now())
    delivery.refresh_from_db()
    return delivery


@pytest.mark.django_db
def test_a_receiver_can_trust_and_read_what_it_is_told(
    receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen
) -> None:
    event = happen(payload={"line": "Zoë", "admin_url": "/admin/x/"})
    delivery = after_attempt(planned())
    assert delivery.state == DeliveryState.DELIVERED
    ((headers, body),) = receiver.told
    assert is_genuine(headers[SIGNATURE_HEADER], hook[1], body, time.time())
    assert headers["path"] == "/hook?of=alice"
    assert headers["Host"] == f"127.0.0.1:{receiver.server_port}"
    assert headers["Trunkline-Event"] == "fraud.case_opened"
    assert headers["Trunkline-Delivery"] == str(delivery.pk)
    assert json.loads(body) == {
        "id": event.pk,
        "kind": "fraud.case_opened",
        "tenant_id": event.tenant_id,
        "subject": "Cuba: line desk",
        "severity": "warning",
        "created_at": event.created_at.isoformat(),
        "data": {"line": "Zoë"},
    }


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("status", "state"),
    [(204, "delivered"), (301, "pending"), (404, "pending"), (410, "failed"), (429, "pending"), (500, "pending")],
)
def test_any_2xx_is_an_arrival_and_410_ends_it(
    receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen, status: int, state: str
) -> None:
    receiver.answer = (status, {"Location": receiver.url} if status == 301 else {}, b"")
    happen()
    delivery = after_attempt(planned())
    assert delivery.state == state
    assert len(receiver.told) == 1


@pytest.mark.django_db
def test_the_beginning_of_a_receivers_complaint_is_kept(
    receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen
) -> None:
    receiver.answer = (500, {}, b"\x00broken" + b"x" * 100_000)
    happen()
    log = after_attempt(planned()).log.get()
    assert (log.status, log.error) == (500, "HTTP 500")
    assert log.response == "broken" + "x" * (RESPONSE_BYTES_MAX - 7)


@pytest.mark.django_db
def test_the_body_is_the_same_at_every_attempt(
    receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen
) -> None:
    receiver.answer = (503, {}, b"")
    happen()
    delivery = after_attempt(planned())
    Delivery.objects.filter(pk=delivery.pk).update(next_attempt_at=timezone.now())
    after_attempt(delivery)
    assert receiver.told[0][1] == receiver.told[1][1]


@pytest.mark.django_db
def test_a_receiver_that_is_away_is_tried_again(hook: tuple[WebhookEndpoint, str], happen: Happen) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    WebhookEndpoint.objects.update(url=f"http://127.0.0.1:{free}/")
    happen()
    delivery = after_attempt(planned())
    assert delivery.state == DeliveryState.PENDING
    assert delivery.last_error.startswith("ConnectError")


@pytest.mark.django_db
def test_an_endpoint_removed_meanwhile_ends_its_deliveries(
    receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen
) -> None:
    happen()
    delivery = planned()
    hook[0].delete()
    assert after_attempt(delivery).state == DeliveryState.FAILED
    assert receiver.told == []


@pytest.mark.django_db
def test_a_new_secret_holds_at_once(receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen) -> None:
    secret = services.rotate_secret(hook[0])
    assert secret != hook[1]
    happen()
    after_attempt(planned())
    headers, body = receiver.told[0]
    assert is_genuine(headers[SIGNATURE_HEADER], secret, body, time.time())
    assert not is_genuine(headers[SIGNATURE_HEADER], hook[1], body, time.time())


@pytest.mark.django_db
def test_no_secret_is_in_the_database_or_the_audit(hook: tuple[WebhookEndpoint, str]) -> None:
    endpoint, secret = hook
    assert secret == secret_of(endpoint.salt)
    assert secret not in str(WebhookEndpoint.objects.values().get())
    entry = AuditEntry.objects.get(table_name="alerts_webhookendpoint")
    assert entry.after is not None
    assert entry.after["salt"] == "(secret)"


@pytest.mark.django_db
def test_a_test_event_goes_to_the_endpoint(receiver: Receiver, hook: tuple[WebhookEndpoint, str]) -> None:
    services.send_test_event(hook[0])
    after_attempt(planned())
    assert json.loads(receiver.told[0][1])["kind"] == "webhook.test"


@pytest.mark.django_db
def test_a_tenant_has_a_bounded_number_of_endpoints(alice: Tenant) -> None:
    for number in range(ENDPOINTS_MAX):
        services.create_endpoint(alice, f"https://alice.example/{number}")
    with pytest.raises(InvalidEndpoint, match="at most 20 endpoints"):
        services.create_endpoint(alice, "https://alice.example/more")


@pytest.mark.django_db
@pytest.mark.parametrize("kinds", [["Fraud"], ["fraud"], ["fraud.*", 7], ["x"] * 51, "fraud.*"])
def test_kinds_that_are_none_are_refused(alice: Tenant, kinds: Any) -> None:
    with pytest.raises(InvalidEndpoint) as caught:
        services.create_endpoint(alice, "https://alice.example/", kinds=kinds)
    assert caught.value.field == "kinds"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://",
        "example.com",
        "https://user:pass@example.com/",
        "https://example.com/" + "x" * 500,
        "http://127.0.0.1/",
        "http://[::1]:8000/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://100.64.0.1/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "http://exa mple.com/",
        "http://example.com:99999/",
    ],
)
def test_an_address_a_webhook_must_not_go_to_is_refused_at_once(url: str) -> None:
    with pytest.raises(DomainError) as caught:
        check_url(url)
    assert caught.value.field == "url"


@pytest.mark.parametrize(
    "url", ["https://example.com/hook", "http://example.com:8080/", "https://8.8.8.8/", "https://bücher.example/"]
)
def test_a_public_address_is_accepted(url: str) -> None:
    check_url(url)


def resolve_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def look_up(host: str, port: int, *args: object, **options: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_a_name_that_leads_inside_is_refused_when_it_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for addresses in (("127.0.0.1",), ("8.8.8.8", "192.168.1.1"), ("::ffff:10.0.0.1",)):
        resolve_to(monkeypatch, *addresses)
        with pytest.raises(UnsafeUrl) as caught:
            public_address("rebind.example", 443)
        assert caught.value.permanent is True
    resolve_to(monkeypatch, "8.8.8.8")
    assert public_address("dns.example", 443) == "8.8.8.8"


def test_a_name_nobody_knows_may_be_known_later() -> None:
    with pytest.raises(UnsafeUrl) as caught:
        public_address("no-such-name.invalid", 443)
    assert caught.value.permanent is False


@pytest.mark.django_db
def test_a_delivery_into_our_own_network_fails_for_good_without_a_connection(
    receiver: Receiver, hook: tuple[WebhookEndpoint, str], happen: Happen, settings: Settings
) -> None:
    settings.ALERTS_WEBHOOK_ALLOW_PRIVATE = False
    happen()
    delivery = after_attempt(planned())
    assert (delivery.state, delivery.last_error) == (DeliveryState.FAILED, "127.0.0.1 is not a public address")
    assert receiver.told == []


@pytest.mark.django_db
def test_the_connection_goes_to_the_checked_address_and_keeps_the_name(
    receiver: Receiver, alice: Tenant, happen: Happen, monkeypatch: pytest.MonkeyPatch
) -> None:
    WebhookEndpoint.objects.create(tenant=alice, url=f"http://hook.example:{receiver.server_port}/", salt="s")
    resolve_to(monkeypatch, "127.0.0.1")
    happen()
    delivery = planned()
    monkeypatch.setattr(socket, "getaddrinfo", _once(socket.getaddrinfo))
    assert after_attempt(delivery).state == DeliveryState.DELIVERED
    assert receiver.told[0][0]["Host"] == f"hook.example:{receiver.server_port}"


def _once(look_up: Callable[..., Any]) -> Callable[..., Any]:
    """Answer for a name once; addresses are looked up as ever, since connecting does so."""
    asked: list[str] = []

    def limited(host: str, *args: Any, **options: Any) -> Any:
        if host == "hook.example":
            asked.append(host)
            assert len(asked) == 1
        return look_up(host, *args, **options)

    return limited


def test_a_channel_says_so_when_the_endpoint_is_switched_off() -> None:
    delivery = Delivery(endpoint=WebhookEndpoint(is_active=False))
    with pytest.raises(ChannelError) as caught:
        WebhookChannel().deliver(delivery)
    assert caught.value.permanent is True


def test_a_signature_is_checked_for_body_secret_and_age() -> None:
    header = sign("whsec_a", b"{}", 1000)
    assert header.startswith("t=1000,v1=")
    assert is_genuine(header, "whsec_a", b"{}", 1000 + SIGNATURE_AGE_S_MAX)
    assert not is_genuine(header, "whsec_a", b"{}", 1001 + SIGNATURE_AGE_S_MAX)
    assert not is_genuine(header, "whsec_b", b"{}", 1000)
    assert not is_genuine(header, "whsec_a", b"{ }", 1000)
    for wrong in ("", "t=", "t=x,v1=y", "v1=" + "0" * 64, "t=1000", "t=²,v1=é"):
        assert not is_genuine(wrong, "whsec_a", b"{}", 1000)
