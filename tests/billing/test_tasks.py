"""What beat runs, and what nodes are told."""

from __future__ import annotations

import importlib
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from celery import Celery
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from billing import tasks
from billing.charging import charge_calls
from billing.gateways.base import GatewayError
from billing.gateways.sandbox.gateway import SandboxGateway
from billing.models import Account, Charge, Invoice, Payment, SandboxIntent
from billing.services import end_rate, import_deck, set_rate, start_payment
from billing.snapshot import AccountEntry, load_accounts
from tenants.scope import system_scope
from tests.billing.test_holds import ask, place
from tests.billing.world import BEGIN, HEADER, UNIT, World, call


def listen() -> psycopg.Connection[Any]:
    database = settings.DATABASES["default"]
    listener = psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname=database["NAME"],
        autocommit=True,
    )
    listener.execute("LISTEN snapshot")
    return listener


def heard(listener: psycopg.Connection[Any]) -> set[str]:
    return {note.payload for note in listener.notifies(timeout=0.3)}


def test_every_scheduled_task_exists() -> None:
    assert isinstance(tasks.expire_holds.app, Celery)
    for entry in tasks.BEAT_SCHEDULE.values():
        module, _, name = entry["task"].rpartition(".")
        assert callable(getattr(importlib.import_module(module), name))


def test_nodes_hear_of_changed_rates_and_accounts_but_not_of_every_call(committed_world: World) -> None:
    alice = committed_world.alice
    with listen() as listener:
        place(ask(alice, UNIT))
        charge_calls([call(alice)])
        assert heard(listener) & {"accounts", "decks"} == set()
        alice.terms_days = 30
        alice.save()
        assert heard(listener) == {"accounts"}
        set_rate(committed_world.deck, prefix="33", destination="France", nanos_per_minute=1)
        assert heard(listener) == {"decks"}


def test_nodes_hear_when_a_price_list_comes_into_force(committed_world: World) -> None:
    with listen() as listener:
        assert tasks.announce_decks() is False
        import_deck(committed_world.deck, (HEADER + "49,DE,1,0,1,1\n").encode(), source="x")
        heard(listener)
        assert tasks.announce_decks() is True
        assert heard(listener) == {"decks"}


def test_a_rate_that_ends_later_is_announced_then(world: World) -> None:
    soon = timezone.now() + timedelta(minutes=1)
    end_rate(world.deck.rates.get(prefix="447"), soon)
    assert world.deck.versions.first().valid_from == soon  # type: ignore[union-attr]


def test_holds_expire_and_unrated_calls_are_rated_by_tasks(committed_world: World) -> None:
    place(ask(committed_world.alice, UNIT))
    assert tasks.expire_holds() == 0
    charge_calls([call(committed_world.alice, "+33123456789")])
    set_rate(committed_world.deck, prefix="33", destination="France", nanos_per_minute=1, valid_from=BEGIN)
    assert tasks.rerate_unrated() == 1
    assert Charge.objects.get().destination == "France"


def test_the_invoice_run_asks_for_each_account_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(tasks.invoice_account, "delay", lambda *args: asked.append(args))
    now = timezone.now() + timedelta(days=40)
    monkeypatch.setattr("billing.tasks.timezone.now", lambda: now)
    charge_calls([call(world.bob)])
    assert tasks.run_invoices() == 1
    assert tasks.invoice_account(*asked[0]) == Invoice.objects.get().pk
    assert tasks.invoice_account(*asked[0]) is None
    assert tasks.run_invoices() == 0


def test_an_account_with_unrated_calls_is_left_for_the_next_day(world: World) -> None:
    charge_calls([call(world.bob, "+33123456789")])
    assert tasks.invoice_account(world.bob.pk, "2026-11-01T00:00:00+00:00", "2026-11-20T00:00:00+00:00") is None
    assert Invoice.objects.count() == 0


def test_payments_without_answer_are_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    real = SandboxGateway.pay

    def lost(self: SandboxGateway, request: Any) -> Any:
        real(self, request)
        raise GatewayError("timed out", permanent=False)

    monkeypatch.setattr(SandboxGateway, "pay", lost)
    payment = start_payment(world.alice, UNIT, idempotency_key="k", gateway="sandbox", method_token="pm_card_visa")
    assert (payment.status, tasks.settle_payments()) == ("unknown", 0)
    Payment.objects.update(updated_at=timezone.now() - timedelta(minutes=3))
    assert tasks.settle_payments() == 1
    assert Payment.objects.get().status == "succeeded"


def test_the_sandbox_posts_signed_events_to_our_own_webhook(
    world: World, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    bodies: list[str] = []
    monkeypatch.setattr(tasks.deliver_sandbox_event, "delay", bodies.append)
    with django_capture_on_commit_callbacks(execute=True):
        start_payment(world.alice, UNIT, idempotency_key="k", gateway="sandbox", method_token="pm_card_visa")
    assert len(bodies) == 1
    Payment.objects.update(status="processing")

    def post(url: str, content: bytes, headers: dict[str, str], timeout: float) -> httpx.Response:
        answer = Client().post(url.removeprefix(settings.PUBLIC_URL), content, "application/json", headers=headers)
        return httpx.Response(answer.status_code, request=httpx.Request("POST", url))

    monkeypatch.setattr("billing.tasks.httpx.post", post)
    tasks.deliver_sandbox_event(bodies[0])
    assert SandboxIntent.objects.get().status == "succeeded"
    assert Payment.objects.get().events.get().kind == "payment.succeeded"


def test_the_nodes_accounts_are_inactive_with_their_tenant(world: World) -> None:
    type(world.alice.tenant).objects.filter(pk=world.alice.tenant_id).update(is_active=False)
    with system_scope(), connection.cursor() as cursor:
        found = load_accounts(cursor)
    assert found[world.alice.pk] == AccountEntry(
        world.alice.pk, world.alice.tenant_id, "USD", "prepaid", world.deck.pk, False
    )
    assert found[world.bob.pk].is_active
    assert Account.objects.active().count() == 2
