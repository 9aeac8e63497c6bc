"""The Stripe adapter against a strict double of Stripe's HTTP API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import Settings

from billing.errors import GatewayUnavailable, PaymentRefused
from billing.gateways.base import Card
from billing.ledger import check_books
from billing.models import GatewayEvent, Payment
from billing.services import refresh_payment, refund_payment, start_payment
from tenants.errors import DomainError
from tests.billing.world import UNIT, World
from tests.doubles.stripe_server import API_KEY, WEBHOOK_SECRET, StripeDouble


@pytest.fixture
def double(settings: Settings) -> Iterator[StripeDouble]:
    server = StripeDouble()
    server.start()
    settings.STRIPE_API_KEY = API_KEY
    settings.STRIPE_WEBHOOK_SECRET = WEBHOOK_SECRET
    settings.STRIPE_API_BASE = server.url
    yield server
    server.stop()


def top_up(world: World, token: str = "pm_card_visa", key: str = "k1", amount: int = 5 * UNIT) -> Payment:
    return start_payment(
        world.alice,
        amount,
        idempotency_key=key,
        gateway="stripe",
        method_token=token,
        return_url="http://127.0.0.1/back",
    )


def balance(world: World) -> int:
    world.alice.refresh_balance()
    return world.alice.balance_nanos


def deliver(body: bytes, signature: str) -> tuple[int, dict[str, object]]:
    response = Client().post(
        "/webhooks/payments/stripe/", body, "application/json", headers={"Stripe-Signature": signature}
    )
    return response.status_code, response.json()


def test_a_token_is_charged_in_minor_units_under_our_id_and_key(world: World, double: StripeDouble) -> None:
    payment = top_up(world)
    assert (payment.status, balance(world)) == ("succeeded", 15 * UNIT)
    method, path, params = double.requests[0]
    assert (method, path, params["amount"], params["currency"]) == ("POST", "/v1/payment_intents", "500", "usd")
    assert params["metadata[trunkline_payment]"] == str(payment.pk)
    assert len(double.requests) == 1
    assert check_books() == 2


def test_a_decline_is_a_failed_payment_with_stripes_own_code(world: World, double: StripeDouble) -> None:
    payment = top_up(world, "pm_card_chargeDeclinedInsufficientFunds")
    assert (payment.status, payment.failure_code) == ("failed", "insufficient_funds")
    assert payment.gateway_reference in double.intents
    assert balance(world) == 10 * UNIT


def test_a_wrong_token_fails_for_good(world: World, double: StripeDouble) -> None:
    payment = top_up(world, "pm_nonsense")
    assert (payment.status, payment.failure_code) == ("failed", "resource_missing")


def test_a_card_number_is_never_sent_through_us(world: World, double: StripeDouble) -> None:
    with pytest.raises(DomainError, match="takes no card numbers"):
        start_payment(world.alice, UNIT, idempotency_key="x", gateway="stripe", card=Card("4242424242424242", 1, 2030))
    assert double.requests == []


def test_confirmation_leads_to_stripe_and_its_webhook_books_the_money_once(world: World, double: StripeDouble) -> None:
    payment = top_up(world, "pm_card_authenticationRequired")
    assert (payment.status, payment.next_action_url[:33]) == ("requires_action", "https://hooks.stripe.test/redirec")
    intent = double.succeed(payment.gateway_reference)
    body, signature = double.event("payment_intent.succeeded", intent, "evt_1")
    assert deliver(body, signature) == (200, {"received": True, "new": True})
    assert deliver(body, signature) == (200, {"received": True, "new": False})
    payment.refresh_from_db()
    assert (payment.status, balance(world), GatewayEvent.objects.count()) == ("succeeded", 15 * UNIT, 1)


def test_without_a_token_the_payer_pays_on_stripes_page(world: World, double: StripeDouble) -> None:
    payment = top_up(world, "")
    assert payment.next_action_url == f"https://checkout.stripe.test/c/pay/{payment.gateway_reference}"
    assert refresh_payment(payment).status == "requires_action"
    intent = double.pay_session(payment.gateway_reference)
    body, signature = double.event("payment_intent.succeeded", intent)
    assert deliver(body, signature)[0] == 200
    payment.refresh_from_db()
    assert (payment.status, payment.gateway_reference) == ("succeeded", intent["id"])
    assert balance(world) == 15 * UNIT
    assert refresh_payment(payment).status == "succeeded"
    assert balance(world) == 15 * UNIT


def test_a_lost_answer_is_unknown_is_asked_for_and_never_charged_twice(world: World, double: StripeDouble) -> None:
    double.fail_next = "lose"
    payment = top_up(world)
    assert (payment.status, payment.gateway_reference, balance(world)) == ("unknown", "", 10 * UNIT)
    assert refresh_payment(payment).status == "succeeded"
    assert (len(double.intents), balance(world)) == (1, 15 * UNIT)
    assert [path for _, path, _ in double.requests] == ["/v1/payment_intents", "/v1/payment_intents/search"]


@pytest.mark.parametrize("failure", ["429", "500"])
def test_overload_and_trouble_at_stripe_leave_the_payment_unknown(
    world: World, double: StripeDouble, failure: str
) -> None:
    double.fail_next = failure
    payment = top_up(world)
    assert payment.status == "unknown"
    assert refresh_payment(payment).status == "unknown"
    assert len(double.intents) == 0


def test_a_refund_takes_what_went_back_in_all_from_stripe(world: World, double: StripeDouble) -> None:
    payment = top_up(world)
    for _ in range(2):
        payment = refund_payment(payment, 2 * UNIT, idempotency_key="r1")
    assert (payment.refunded_nanos, balance(world), len(double.refunds)) == (2 * UNIT, 13 * UNIT, 1)
    charge = double.charges[double.intents[payment.gateway_reference]["latest_charge"]]
    charge["amount_refunded"] = 300
    assert deliver(*double.event("charge.refunded", charge))[0] == 200
    payment.refresh_from_db()
    assert (payment.refunded_nanos, balance(world)) == (3 * UNIT, 12 * UNIT)
    with pytest.raises(PaymentRefused, match="greater than unrefunded"):
        refund_payment(payment, 3 * UNIT, idempotency_key="r2")
    assert check_books() == 2


def test_a_lost_answer_to_a_refund_is_unavailable_and_the_same_key_does_it_once(
    world: World, double: StripeDouble
) -> None:
    payment = top_up(world)
    double.fail_next = "lose"
    with pytest.raises(GatewayUnavailable):
        refund_payment(payment, UNIT, idempotency_key="r1")
    assert refund_payment(payment, UNIT, idempotency_key="r1").refunded_nanos == UNIT
    assert (len(double.refunds), balance(world)) == (1, 14 * UNIT)


def test_a_webhook_with_a_changed_body_or_a_foreign_secret_is_refused(world: World, double: StripeDouble) -> None:
    payment = top_up(world, "pm_card_authenticationRequired")
    body, signature = double.event("payment_intent.succeeded", double.succeed(payment.gateway_reference))
    assert deliver(body.replace(b"500", b"900"), signature)[0] == 400
    assert deliver(body, "t=1,v1=00")[0] == 400
    assert deliver(body, "")[0] == 400
    payment.refresh_from_db()
    assert payment.status == "requires_action"


def test_events_of_others_or_of_other_things_are_taken_and_change_nothing(world: World, double: StripeDouble) -> None:
    foreign = double._new_intent(500, "usd", {})
    for kind, found in (("payment_intent.succeeded", foreign), ("customer.created", {"object": "customer", "id": "c"})):
        assert deliver(*double.event(kind, found)) == (200, {"received": True, "new": True})
    assert balance(world) == 10 * UNIT


def test_stripe_out_of_reach_during_a_webhook_asks_for_another_delivery(world: World, double: StripeDouble) -> None:
    payment = top_up(world)
    charge = double.charges[double.intents[payment.gateway_reference]["latest_charge"]]
    event = double.event("charge.refunded", charge, "evt_r")
    double.fail_next = "500"
    assert deliver(*event)[0] == 503
    assert deliver(*event) == (200, {"received": True, "new": True})


def test_a_currency_without_cents_is_sent_as_whole_units(db: None, double: StripeDouble, settings: Settings) -> None:
    from tests.billing.world import make_world

    world = make_world("JPY")
    payment = top_up(world, amount=700 * UNIT)
    assert (payment.status, double.requests[0][2]["amount"], double.requests[0][2]["currency"]) == (
        "succeeded",
        "700",
        "jpy",
    )
