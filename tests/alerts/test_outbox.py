"""From an event to its deliveries, and each delivery to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.core import mail
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError
from pytest_django import DjangoCaptureOnCommitCallbacks

from alerts import dispatch, services, tasks
from alerts.channels import CHANNELS
from alerts.channels.websocket import OPERATOR_GROUP
from alerts.choices import Channel, DeliveryState
from alerts.errors import ChannelError
from alerts.limits import (
    ATTEMPTS_MAX,
    LEASE_S,
    PAYLOAD_BYTES_MAX,
    RETRY_AFTER_S,
    SUBJECT_CHARS_MAX,
    WEBSOCKET_ATTEMPTS_MAX,
)
from alerts.models import Delivery, DeliveryAttempt, Event, Recipient, WebhookEndpoint
from tenants.errors import Conflict
from tenants.models import Tenant, User
from tenants.scope import tenant_scope

pytestmark = pytest.mark.django_db
Happen = Callable[..., Event]
Listen = Callable[..., Recipient]


@pytest.fixture
def hook(alice: Tenant) -> WebhookEndpoint:
    return WebhookEndpoint.objects.create(tenant=alice, url="https://alice.example/hook", salt="s" * 32)


def fail_with(monkeypatch: pytest.MonkeyPatch, channel: Channel, *, permanent: bool) -> None:
    def refuse(delivery: Delivery) -> None:
        raise ChannelError("HTTP 500", permanent=permanent, status=500, response="oops")

    monkeypatch.setattr(CHANNELS[channel], "deliver", refuse)


def plan(now: datetime | None = None) -> list[Delivery]:
    return dispatch.plan_pending(now or timezone.now())


def mailed(happen: Happen, listen: Listen, noc: User) -> Delivery:
    """Return the one e-mail planned for an event."""
    listen(noc)
    happen()
    return next(delivery for delivery in plan() if delivery.channel == Channel.EMAIL)


def test_an_event_is_written_as_it_was_said(happen: Happen, alice: Tenant) -> None:
    event = happen(payload={"case_id": 7})
    event.refresh_from_db()
    assert (event.tenant, event.kind, event.severity, event.payload) == (
        alice,
        "fraud.case_opened",
        "warning",
        {"case_id": 7},
    )
    assert event.dispatched_at is None


def test_the_same_key_makes_one_event_a_tenant_and_kind(happen: Happen, bob: Tenant) -> None:
    first = happen(dedupe_key="case:1")
    assert happen(dedupe_key="case:1", subject="other") == first
    assert happen(dedupe_key="case:2") != first
    assert happen("fraud.line_blocked", dedupe_key="case:1") != first
    assert happen(tenant_id=bob.pk, dedupe_key="case:1") != first
    assert happen() != happen()


@pytest.mark.parametrize("values", [{"payload": {"text": "x" * PAYLOAD_BYTES_MAX}}, {"severity": "catastrophic"}])
def test_an_event_too_large_or_of_no_severity_is_a_mistake_of_ours(happen: Happen, values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"longer than|catastrophic"):
        happen(**values)
    assert Event.objects.count() == 0


def test_a_long_subject_is_cut(happen: Happen) -> None:
    assert len(happen(subject="x" * 500).subject) == SUBJECT_CHARS_MAX


def test_an_event_of_a_transaction_that_fails_was_never_there(happen: Happen, worker: list[str]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        happen()
        raise RuntimeError
    assert Event.objects.count() == 0
    assert worker == []


def test_the_dispatcher_is_woken_after_commit_and_not_before(
    happen: Happen, worker: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        happen()
        assert worker == []
    assert worker == ["dispatch_events"]


def test_a_repeated_key_wakes_nobody(
    happen: Happen, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks() as callbacks:
        happen(dedupe_key="a")
        happen(dedupe_key="a")
    assert len(callbacks) == 1


def test_events_survive_that_the_broker_is_away_and_the_log_says_it_once(
    happen: Happen,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def away(**options: object) -> None:
        raise OperationalError("no broker")

    monkeypatch.setattr(tasks.dispatch_events, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        happen()
        happen()
    assert Event.objects.pending().count() == 2
    assert [record.message for record in caplog.records] == ["events wait for the sweep, the broker is away: no broker"]


def test_everybody_above_hears_and_nobody_beside(
    happen: Happen,
    listen: Listen,
    noc: User,
    ann: User,
    bob: Tenant,
    reseller: Tenant,
    alice: Tenant,
    hook: WebhookEndpoint,
) -> None:
    listen(noc)
    listen(ann)
    listen(User.objects.create_user("b@bob.example", "x", tenant=bob, role="tenant_admin"))
    WebhookEndpoint.objects.create(tenant=bob, url="https://bob.example/", salt="b")
    happen()
    assert sorted((delivery.channel, delivery.receiver) for delivery in plan()) == [
        ("email", f"recipient:{noc.alert_recipient.pk}"),
        ("email", f"recipient:{ann.alert_recipient.pk}"),
        ("webhook", f"endpoint:{hook.pk}"),
        ("websocket", "alerts.operator"),
        ("websocket", f"alerts.tenant.{reseller.pk}"),
        ("websocket", f"alerts.tenant.{alice.pk}"),
    ]


@pytest.mark.parametrize(
    ("wishes", "is_heard"),
    [
        ({}, True),
        ({"min_severity": "critical"}, False),
        ({"min_severity": "info"}, True),
        ({"kinds": ["fraud.case_opened"]}, True),
        ({"kinds": ["fraud.*"]}, True),
        ({"kinds": ["did.*", "invoice.finalised"]}, False),
        ({"is_active": False}, False),
    ],
)
def test_a_person_is_mailed_what_it_asked_for(
    happen: Happen, listen: Listen, noc: User, wishes: dict[str, object], is_heard: bool
) -> None:
    listen(noc, **wishes)
    happen()
    assert [delivery.channel for delivery in plan()].count(Channel.EMAIL) == is_heard


def test_an_event_is_planned_once(happen: Happen) -> None:
    happen()
    assert len(plan()) == 3
    assert plan() == []
    assert Event.objects.pending().count() == 0


def test_a_mail_says_what_happened_to_whom(happen: Happen, listen: Listen, noc: User) -> None:
    listen(noc)
    happen(subject="Cuba:\nline desk", payload={"line": "desk", "admin_url": "/admin/fraud/case/7/change/"})
    (delivery,) = [item for item in plan() if item.channel == Channel.EMAIL]
    assert dispatch.deliver(delivery.pk, timezone.now()) is True
    (message,) = mail.outbox
    assert message.to == ["noc@trunkco.example"]
    assert message.subject == "[Warning] Cuba: line desk"
    assert "Tenant:  Alice" in message.body
    assert "line: desk" in message.body
    assert "/admin/fraud/case/7/change/" in message.body
    assert message.extra_headers["Message-ID"].startswith(f"<delivery-{delivery.pk}@")


def test_a_tenants_mail_does_not_lead_into_the_admin_site(happen: Happen, listen: Listen, ann: User) -> None:
    listen(ann)
    happen(payload={"admin_url": "/admin/fraud/case/7/change/"})
    (delivery,) = [item for item in plan() if item.channel == Channel.EMAIL]
    dispatch.deliver(delivery.pk, timezone.now())
    assert "/admin/" not in mail.outbox[0].body


def test_a_delivery_that_arrived_is_not_made_again(happen: Happen, listen: Listen, noc: User) -> None:
    delivery = mailed(happen, listen, noc)
    assert dispatch.deliver(delivery.pk, timezone.now()) is True
    assert dispatch.deliver(delivery.pk, timezone.now() + timedelta(days=1)) is False
    assert len(mail.outbox) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts, delivery.last_error) == (DeliveryState.DELIVERED, 1, "")
    assert list(delivery.log.values_list("attempt", "is_ok")) == [(1, True)]


def test_a_failed_attempt_waits_longer_each_time_and_is_given_up_at_last(
    happen: Happen, listen: Listen, noc: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = mailed(happen, listen, noc)
    fail_with(monkeypatch, Channel.EMAIL, permanent=False)
    now = timezone.now()
    for attempt, wait_s in enumerate((*RETRY_AFTER_S, None), start=1):
        assert dispatch.deliver(delivery.pk, now) is False
        delivery.refresh_from_db()
        assert delivery.attempts == attempt
        if wait_s is not None:
            assert delivery.state == DeliveryState.PENDING
            assert delivery.next_attempt_at == now + timedelta(seconds=wait_s)
            now = delivery.next_attempt_at
    assert (delivery.state, delivery.last_error) == (DeliveryState.FAILED, "HTTP 500")
    assert delivery.log.count() == ATTEMPTS_MAX
    log = delivery.log.latest("pk")
    assert (log.is_ok, log.status, log.error, log.response) == (False, 500, "HTTP 500", "oops")


def test_a_retry_before_its_time_does_nothing(
    happen: Happen, listen: Listen, noc: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = mailed(happen, listen, noc)
    fail_with(monkeypatch, Channel.EMAIL, permanent=False)
    now = timezone.now()
    dispatch.deliver(delivery.pk, now)
    dispatch.deliver(delivery.pk, now + timedelta(seconds=RETRY_AFTER_S[0] - 1))
    assert DeliveryAttempt.objects.count() == 1


def test_a_permanent_failure_is_not_tried_again(
    happen: Happen, listen: Listen, noc: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = mailed(happen, listen, noc)
    fail_with(monkeypatch, Channel.EMAIL, permanent=True)
    dispatch.deliver(delivery.pk, timezone.now())
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)


def test_an_operator_has_a_failed_delivery_tried_again(
    happen: Happen, listen: Listen, noc: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = mailed(happen, listen, noc)
    with pytest.raises(Conflict):
        services.retry(delivery)
    with monkeypatch.context() as patch:
        fail_with(patch, Channel.EMAIL, permanent=True)
        dispatch.deliver(delivery.pk, timezone.now())
    services.retry(delivery)
    assert dispatch.deliver(delivery.pk, timezone.now()) is True


def test_a_delivery_whose_worker_died_is_taken_up_after_its_lease(happen: Happen, listen: Listen, noc: User) -> None:
    delivery = mailed(happen, listen, noc)
    now = timezone.now()
    Delivery.objects.filter(pk=delivery.pk).update(attempts=1, next_attempt_at=now + timedelta(seconds=LEASE_S))
    assert dispatch.deliver(delivery.pk, now) is False
    assert dispatch.deliver(delivery.pk, now + timedelta(seconds=LEASE_S)) is True
    assert len(mail.outbox) == 1


def test_a_delivery_that_kills_every_worker_is_given_up(happen: Happen, listen: Listen, noc: User) -> None:
    delivery = mailed(happen, listen, noc)
    Delivery.objects.filter(pk=delivery.pk).update(attempts=ATTEMPTS_MAX)
    assert dispatch.deliver(delivery.pk, timezone.now()) is False
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.FAILED
    assert mail.outbox == []


def test_a_toast_is_given_up_sooner_than_a_mail(happen: Happen, monkeypatch: pytest.MonkeyPatch) -> None:
    happen()
    delivery = next(item for item in plan() if item.receiver == OPERATOR_GROUP)
    fail_with(monkeypatch, Channel.WEBSOCKET, permanent=False)
    for _ in range(WEBSOCKET_ATTEMPTS_MAX):
        Delivery.objects.update(next_attempt_at=timezone.now())
        dispatch.deliver(delivery.pk, timezone.now())
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, WEBSOCKET_ATTEMPTS_MAX)


def test_the_sweep_takes_up_what_was_left(happen: Happen, listen: Listen, noc: User, worker: list[str]) -> None:
    delivery = mailed(happen, listen, noc)
    happen(subject="lost with the broker")
    tasks.sweep()
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.DELIVERED
    assert Event.objects.pending().count() == 0
    assert sorted(message.subject for message in mail.outbox) == [
        "[Warning] Cuba: line desk",
        "[Warning] lost with the broker",
    ]
    assert Delivery.objects.exclude(state=DeliveryState.DELIVERED).count() == 0
    tasks.sweep()
    assert len(mail.outbox) == 2


def test_a_tenant_reads_its_own_events_and_deliveries(
    happen: Happen, alice: Tenant, bob: Tenant, hook: WebhookEndpoint
) -> None:
    happen()
    plan()
    with tenant_scope([alice.pk]):
        assert Event.objects.count() == 1
        assert set(Delivery.objects.values_list("channel", flat=True)) == {"websocket", "webhook"}
    with tenant_scope([bob.pk]):
        assert Event.objects.count() == 0
        assert Delivery.objects.count() == 0


def test_the_log_of_attempts_cannot_be_changed() -> None:
    for statement in ("UPDATE alerts_deliveryattempt SET error = ''", "DELETE FROM alerts_deliveryattempt"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
