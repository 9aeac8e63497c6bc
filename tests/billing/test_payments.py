"""Payments through the sandbox: declines, confirmation, refunds, webhooks that come twice or out of order."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from alerts.models import Event
from billing.charging import charge_calls
from billing.choices import PaymentStatus
from billing.errors import GatewayUnavailable, IdempotencyConflict, PaymentRefused
from billing.gateways.base import BadSignature, Card, GatewayError, GatewayPayment, PayRequest
from billing.gateways.sandbox.cards import OUTCOMES, outcome_of, passes_luhn
from billing.gateways.sandbox.gateway import SIGNATURE_HEADER, SandboxGateway, check_signature, sign
from billing.ledger import check_books
from billing.models import GatewayEvent, Invoice, Payment, SandboxIntent
from billing.payment_states import TRANSITIONS, after
from billing.services import draft_invoice, finalise_invoice, refresh_payment, refund_payment, start_payment
from billing.services.payments import apply_state
from tenants.errors import Conflict, DomainError
from tests.billing.world import UNIT, World, call

PERIOD = (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
LATER = datetime(2027, 1, 2, tzinfo=UTC)
URL = "/webhooks/payments/sandbox/"


def card(number: str = "4242 4242 4242 4242") -> Card:
    return Card(number, 12, timezone.now().year + 1, "123")


def top_up(world: World, amount: int = 5 * UNIT, number: str = "4242424242424242", key: str = "k1") -> Payment:
    return start_payment(world.alice, amount, idempotency_key=key, gateway="sandbox", card=card(number))


def balance(world: World) -> int:
    world.alice.refresh_balance()
    return world.alice.balance_nanos


def open_invoice(world: World, calls: int = 2) -> Invoice:
    charge_calls([call(world.bob) for _ in range(calls)])
    draft = draft_invoice(world.bob, PERIOD, LATER)
    assert draft is not None
    return finalise_invoice(draft, LATER)


def pay(world: World, invoice: Invoice, amount: int, key: str = "pay") -> Payment:
    return start_payment(
        world.bob, amount, invoice=invoice, idempotency_key=key, gateway="sandbox", method_token="pm_card_visa"
    )


def event_of(payment: Payment, event_id: str = "evt_1", **changes: object) -> bytes:
    state = {
        "reference": payment.gateway_reference or "sb_x",
        "our_reference": str(payment.pk),
        "status": "succeeded",
        "amount_minor": payment.amount_nanos // 10_000_000,
        "currency": payment.currency,
    }
    return json.dumps({"id": event_id, "kind": "payment.succeeded", "payment": state | changes}).encode()


def deliver(body: bytes, header: str | None = None) -> tuple[int, dict[str, object]]:
    signature = sign(body, time.time()) if header is None else header
    response = Client().post(URL, body, "application/json", headers={SIGNATURE_HEADER: signature})
    return response.status_code, response.json()


def test_a_good_card_credits_the_account_once_however_often_it_is_asked(world: World) -> None:
    payment = top_up(world)
    assert (payment.status, payment.method, payment.credit_nanos) == ("succeeded", "visa ···· 4242", 5 * UNIT)
    assert top_up(world).pk == payment.pk
    assert balance(world) == 15 * UNIT
    assert SandboxIntent.objects.count() == 1
    assert Event.objects.filter(kind="payment.succeeded").count() == 1
    assert check_books() == 2


def test_the_same_key_for_another_amount_is_refused(world: World) -> None:
    top_up(world)
    with pytest.raises(IdempotencyConflict):
        top_up(world, 6 * UNIT)
    assert balance(world) == 15 * UNIT


@pytest.mark.parametrize(
    ("number", "code"),
    [(number, outcome) for number, outcome in OUTCOMES.items() if outcome not in {"succeed", "challenge"}]
    + [("4242424242424241", "incorrect_number"), ("4111111111111111", "test_cards_only")],
)
def test_a_declined_card_is_a_failed_payment_and_moves_no_money(world: World, number: str, code: str) -> None:
    payment = top_up(world, number=number)
    assert (payment.status, payment.failure_code) == ("failed", code)
    assert payment.failure_message != ""
    assert balance(world) == 10 * UNIT
    assert Event.objects.filter(kind="payment.failed").count() == 1


def test_an_expired_or_impossible_card_is_declined() -> None:
    today = date(2026, 11, 23)
    assert outcome_of(Card("4242424242424242", 10, 2026), today) == "expired_card"
    assert outcome_of(Card("4242424242424242", 11, 26), today) == "succeed"
    assert outcome_of(Card("4242424242424242", 13, 2030), today) == "expired_card"
    assert not passes_luhn("٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢")


def test_no_card_number_is_kept_or_shown_anywhere(world: World) -> None:
    top_up(world)
    assert "4242424242424242" not in repr(card()) + str(list(SandboxIntent.objects.values())) + str(
        list(Payment.objects.values())
    )


def test_a_card_that_needs_confirmation_waits_until_the_payer_confirms(world: World) -> None:
    payment = top_up(world, number="4000000000003220")
    assert (payment.status, balance(world)) == ("requires_action", 10 * UNIT)
    path = payment.next_action_url.removeprefix("http://127.0.0.1:8000")
    browser = Client()
    assert b"Is this payment yours?" in browser.get(path).content
    assert browser.post(path, {"answer": "confirm"}).status_code == 200
    payment = refresh_payment(payment)
    assert (payment.status, payment.next_action_url, balance(world)) == ("succeeded", "", 15 * UNIT)
    assert b"Payment confirmed" in browser.get(path).content


def test_a_payer_who_refuses_has_not_paid_and_cannot_confirm_afterwards(world: World) -> None:
    payment = top_up(world, number="4000000000003220")
    path = payment.next_action_url.removeprefix("http://127.0.0.1:8000")
    Client().post(path, {"answer": "refuse"})
    Client().post(path, {"answer": "confirm"})
    payment = refresh_payment(payment)
    assert (payment.status, payment.failure_code) == ("failed", "authentication_failed")
    assert balance(world) == 10 * UNIT


def test_the_challenge_page_leads_back_to_us_only(world: World) -> None:
    for url, status in (("http://testserver/portal/", 302), ("http://evil.example/", 200)):
        payment = start_payment(
            world.alice, UNIT, idempotency_key=url, gateway="sandbox", card=card("4000000000003220"), return_url=url
        )
        path = payment.next_action_url.removeprefix("http://127.0.0.1:8000")
        assert Client().post(path, {"answer": "confirm"}).status_code == status
    assert Client().get("/webhooks/payments/sandbox/challenge/sb_unknown/").status_code == 404


def test_paying_an_invoice_in_full_marks_it_paid(world: World) -> None:
    invoice = open_invoice(world)
    payment = pay(world, invoice, invoice.due_nanos)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_nanos, payment.credit_nanos) == ("paid", 0, 0)
    assert Event.objects.filter(kind="invoice.paid").count() == 1
    assert check_books() == 2


def test_a_part_leaves_it_open_and_a_surplus_is_credit_that_pays_the_next_invoice(world: World) -> None:
    invoice = open_invoice(world)
    assert invoice.payable_nanos == 30_000_000
    pay(world, invoice, 10_000_000, "a")
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_nanos) == ("finalised", 20_000_000)
    assert pay(world, invoice, UNIT, "b").credit_nanos == UNIT - 20_000_000
    charge_calls([call(world.bob, started_at=datetime(2026, 12, 5, tzinfo=UTC).timestamp())])
    draft = draft_invoice(world.bob, (PERIOD[1], datetime(2027, 1, 1, tzinfo=UTC)), LATER)
    assert draft is not None
    assert finalise_invoice(draft, LATER).status == "paid"
    assert check_books() == 2


def test_a_payment_of_a_paid_or_foreign_invoice_or_of_a_wrong_amount_is_refused(world: World) -> None:
    invoice = open_invoice(world)
    with pytest.raises(DomainError, match="belongs to another account"):
        start_payment(world.alice, UNIT, invoice=invoice, idempotency_key="x", gateway="sandbox", card=card())
    for amount in (0, -1, 10**18, 1):
        with pytest.raises(DomainError) as caught:
            pay(world, invoice, amount, f"x{amount}")
        assert caught.value.field == "amount"
    pay(world, invoice, invoice.due_nanos)
    invoice.refresh_from_db()
    with pytest.raises(Conflict, match="not open"):
        pay(world, invoice, UNIT, "again")
    with pytest.raises(DomainError, match="no payment provider"):
        start_payment(world.alice, UNIT, idempotency_key="y", gateway="stripe", card=card())
    assert Payment.objects.count() == 1


def test_a_refund_opens_the_invoice_again_and_is_made_once(world: World) -> None:
    invoice = open_invoice(world)
    payment = pay(world, invoice, 50_000_000)
    assert payment.credit_nanos == 20_000_000
    for _ in range(2):
        payment = refund_payment(payment, 30_000_000, idempotency_key="r1")
    assert (payment.refunded_nanos, payment.allocated_nanos, payment.credit_nanos) == (30_000_000, 20_000_000, 0)
    invoice.refresh_from_db()
    assert (invoice.status, invoice.due_nanos, invoice.paid_at) == ("finalised", 10_000_000, None)
    assert refund_payment(payment, 20_000_000, idempotency_key="r2").refunded_nanos == 50_000_000
    with pytest.raises(PaymentRefused, match="more than was paid"):
        refund_payment(payment, 10_000_000, idempotency_key="r3")
    with pytest.raises(DomainError, match="more than the payment was"):
        refund_payment(payment, 60_000_000, idempotency_key="r4")
    assert check_books() == 2


def test_spent_prepaid_money_is_not_refunded(world: World) -> None:
    payment = top_up(world, 5 * UNIT)
    charge_calls([call(world.alice, "+447700900123", duration_s=80_000.0) for _ in range(1)])
    assert balance(world) < -20 * UNIT
    with pytest.raises(DomainError) as caught:
        refund_payment(payment, 5 * UNIT, idempotency_key="r")
    assert caught.value.code == "insufficient_funds"


def test_a_webhook_told_twice_changes_nothing_the_second_time(world: World) -> None:
    payment = top_up(world, number="4000000000003220")
    body = event_of(payment)
    assert deliver(body) == (200, {"received": True, "new": True})
    assert deliver(body) == (200, {"received": True, "new": False})
    assert deliver(event_of(payment, "evt_2")) == (200, {"received": True, "new": True})
    assert balance(world) == 15 * UNIT
    assert GatewayEvent.objects.count() == 2


def test_an_older_event_that_comes_late_undoes_nothing(world: World) -> None:
    payment = top_up(world)
    for number, status in enumerate(("failed", "requires_action", "processing")):
        assert deliver(event_of(payment, f"evt_{number}", status=status))[0] == 200
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code, balance(world)) == ("succeeded", "", 15 * UNIT)


def test_a_refund_reported_out_of_order_is_booked_as_what_went_back_in_all(world: World) -> None:
    payment = top_up(world)
    deliver(event_of(payment, "evt_b", refunded_minor=300))
    deliver(event_of(payment, "evt_a", refunded_minor=100))
    payment.refresh_from_db()
    assert (payment.refunded_nanos, balance(world)) == (3 * UNIT, 12 * UNIT)
    assert check_books() == 2


@pytest.mark.parametrize("header", ["", "t=1,v1=00", "nonsense", "t=x,v1=y", "v1=", "t=,v1="])
def test_a_webhook_without_a_good_signature_is_refused(world: World, header: str) -> None:
    payment = top_up(world, number="4000000000003220")
    assert deliver(event_of(payment), header)[0] == 400
    payment.refresh_from_db()
    assert payment.status == "requires_action"
    assert GatewayEvent.objects.count() == 0


def test_a_signature_is_of_this_body_and_of_the_last_five_minutes() -> None:
    check_signature(b"body", sign(b"body", 1000), 1299)
    for body, now in ((b"other", 1000), (b"body", 1301), (b"body", 699)):
        with pytest.raises(BadSignature):
            check_signature(body, sign(b"body", 1000), now)


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"id": 1}', b"\xff", b'{"payment": {"status": "odd"}}'])
def test_a_signed_body_that_is_no_event_is_refused(db: None, body: bytes) -> None:
    assert deliver(body)[0] == 400


def test_an_event_about_nobody_or_with_another_amount_books_nothing(world: World) -> None:
    payment = top_up(world, number="4000000000003220")
    assert deliver(event_of(payment, "e1", our_reference="00000000-0000-4000-8000-000000000000"))[0] == 200
    assert deliver(event_of(payment, "e2", our_reference="none"))[0] == 200
    assert deliver(event_of(payment, "e3", amount_minor=1))[0] == 409
    assert balance(world) == 10 * UNIT


def test_an_over_long_webhook_and_an_unknown_provider_are_refused(db: None) -> None:
    assert deliver(b"x" * 300_000)[0] == 413
    assert Client().post("/webhooks/payments/nobody/", b"{}", "application/json").status_code == 404
    assert Client().get(URL).status_code == 405


def test_silence_of_the_provider_leaves_the_payment_unknown_until_it_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SandboxGateway.pay

    def lost(self: SandboxGateway, request: PayRequest) -> GatewayPayment:
        real(self, request)
        raise GatewayError("timed out", permanent=False)

    monkeypatch.setattr(SandboxGateway, "pay", lost)
    payment = top_up(world)
    assert (payment.status, balance(world)) == ("unknown", 10 * UNIT)
    assert top_up(world).status == "unknown"
    assert refresh_payment(payment).status == "succeeded"
    assert balance(world) == 15 * UNIT
    assert SandboxIntent.objects.count() == 1


def test_a_payment_the_provider_never_heard_of_fails_after_a_day(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(self: SandboxGateway, request: PayRequest) -> GatewayPayment:
        raise GatewayError("timed out", permanent=False)

    monkeypatch.setattr(SandboxGateway, "pay", silent)
    payment = top_up(world)
    assert refresh_payment(payment).status == "unknown"
    Payment.objects.update(created_at=timezone.now() - timedelta(hours=25))
    payment.refresh_from_db()
    assert (refresh_payment(payment).status, payment.status) == ("failed", "unknown")
    assert list(Payment.objects.unsettled(timezone.now())) == []


def test_a_provider_that_is_away_when_asked_is_unavailable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = top_up(world)

    def away(*_: object) -> None:
        raise GatewayError("away", permanent=False)

    monkeypatch.setattr(SandboxGateway, "find", away)
    monkeypatch.setattr(SandboxGateway, "refund", away)
    with pytest.raises(GatewayUnavailable):
        refresh_payment(payment)
    with pytest.raises(GatewayUnavailable):
        refund_payment(payment, UNIT, idempotency_key="r")
    assert balance(world) == 15 * UNIT


def test_a_refusal_for_good_fails_the_payment_and_tells_why(world: World) -> None:
    payment = start_payment(world.alice, UNIT, idempotency_key="k", gateway="sandbox", method_token="pm_none")
    assert (payment.status, payment.failure_code) == ("failed", "card_missing")
    good = top_up(world)
    SandboxIntent.objects.filter(pk=good.gateway_reference).update(refunded_minor=500)
    with pytest.raises(PaymentRefused):
        refund_payment(good, UNIT, idempotency_key="r")


def test_success_is_never_undone_by_the_table() -> None:
    assert [key for key in TRANSITIONS if key[0] == PaymentStatus.SUCCEEDED] == []
    assert after("failed", "succeeded") == "succeeded"
    assert after("processing", "requires_action") == "processing"


def test_a_state_of_another_currency_is_refused(world: World) -> None:
    payment = top_up(world, number="4000000000003220")
    state = GatewayPayment("sb", str(payment.pk), PaymentStatus.SUCCEEDED, 500, "EUR")
    with pytest.raises(Conflict, match="another amount"):
        apply_state(payment.pk, state)
    assert balance(world) == 10 * UNIT
