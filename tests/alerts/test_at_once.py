"""Several workers at once, on real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from alerts import dispatch
from alerts.channels import CHANNELS
from alerts.choices import Channel
from alerts.events import emit
from alerts.models import Delivery, DeliveryAttempt, Event
from tenants.scope import system_scope
from tenants.services import create_tenant


def run_together(work: Callable[[], None]) -> None:
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)


def test_four_dispatchers_at_once_plan_each_event_once(committed_db: None) -> None:
    tenant = create_tenant(name="Trunkco", kind="operator")
    for number in range(40):
        emit("fraud.case_opened", tenant_id=tenant.pk, subject=str(number), payload={})
    start = threading.Barrier(4)

    def dispatch_all() -> None:
        with system_scope():
            start.wait(5)
            while dispatch.plan_pending(timezone.now()):
                pass
        connection.close()

    run_together(dispatch_all)
    assert Event.objects.pending().count() == 0
    assert Delivery.objects.count() == 40


def test_a_delivery_is_made_by_one_of_many_workers(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = create_tenant(name="Trunkco", kind="operator")
    emit("fraud.case_opened", tenant_id=tenant.pk, subject="once", payload={})
    (delivery,) = dispatch.plan_pending(timezone.now())
    sent: list[int] = []
    monkeypatch.setattr(CHANNELS[Channel.WEBSOCKET], "deliver", lambda item: sent.append(item.pk))
    start = threading.Barrier(4)

    def try_to_deliver() -> None:
        with system_scope():
            start.wait(5)
            dispatch.deliver(delivery.pk, timezone.now())
        connection.close()

    run_together(try_to_deliver)
    assert sent == [delivery.pk]
    assert DeliveryAttempt.objects.count() == 1
