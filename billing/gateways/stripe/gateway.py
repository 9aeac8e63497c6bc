"""The Stripe adapter, through Stripe's own library. Amounts are minor units; statuses are Stripe's, put into ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe
from django.conf import settings

from billing.choices import PaymentStatus
from billing.gateways.base import BadSignature, GatewayError, GatewayPayment, Notice, PayRequest

TIMEOUT_S = 20
"""Longer than Stripe's slowest answers; the payer's browser still waits."""
SIGNATURE_AGE_S_MAX = 300
"""Stripe's own tolerance: an older signature may be a recorded one."""
OUR_KEY = "trunkline_payment"
"""Metadata under which every object of ours carries our payment's id."""

STATUSES = {
    "succeeded": PaymentStatus.SUCCEEDED,
    "processing": PaymentStatus.PROCESSING,
    "requires_capture": PaymentStatus.PROCESSING,
    "requires_action": PaymentStatus.REQUIRES_ACTION,
    "requires_confirmation": PaymentStatus.REQUIRES_ACTION,
    "requires_payment_method": PaymentStatus.FAILED,
    "canceled": PaymentStatus.FAILED,
}
_REFUSED_FOR_GOOD = (
    stripe.InvalidRequestError,
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.IdempotencyError,
)


class StripeGateway:
    """See ``billing.gateways.base.Gateway``. A card's number never comes here: a token does, or the payer goes to
    Stripe's page.
    """

    name = "stripe"
    takes_cards = False

    def __init__(self) -> None:
        # The library must not retry by itself: two loops that retry is how one payment becomes two.
        self._client = stripe.StripeClient(
            settings.STRIPE_API_KEY,
            base_addresses={"api": settings.STRIPE_API_BASE} if settings.STRIPE_API_BASE else {},
            http_client=stripe.RequestsClient(timeout=TIMEOUT_S),
            max_network_retries=0,
        )

    def pay(self, request: PayRequest) -> GatewayPayment:
        """Confirm a PaymentIntent with the token, or open a Checkout page."""
        metadata = {OUR_KEY: request.our_reference}
        options: Any = {"idempotency_key": request.idempotency_key}
        if not request.method_token:
            return self._open_checkout(request, metadata, options)
        params: Any = {
            "amount": request.amount_minor,
            "currency": request.currency.lower(),
            "payment_method": request.method_token,
            "confirm": True,
            "return_url": request.return_url,
            "description": request.description,
            "metadata": metadata,
        }
        try:
            return describe(self._client.v1.payment_intents.create(params, options))
        except stripe.CardError as error:
            return _declined(error, request)
        except stripe.StripeError as error:
            raise _gateway_error(error) from error

    def _open_checkout(self, request: PayRequest, metadata: dict[str, str], options: Any) -> GatewayPayment:
        price = {
            "currency": request.currency.lower(),
            "unit_amount": request.amount_minor,
            "product_data": {"name": request.description},
        }
        params: Any = {
            "mode": "payment",
            "success_url": request.return_url,
            "cancel_url": request.return_url,
            "client_reference_id": request.our_reference,
            "line_items": [{"quantity": 1, "price_data": price}],
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata, "description": request.description},
        }
        try:
            session = self._client.v1.checkout.sessions.create(params, options)
        except stripe.StripeError as error:
            raise _gateway_error(error) from error
        return self._of_session(session)

    def find(self, our_reference: str, reference: str) -> GatewayPayment | None:
        """Fetch the object, or search for one that carries our id when no answer told us its own."""
        try:
            if reference.startswith("cs_"):
                params: Any = {"expand": ["payment_intent.latest_charge"]}
                return self._of_session(self._client.v1.checkout.sessions.retrieve(reference, params))
            if reference:
                return self._fetch(reference)
            query: Any = {"query": f"metadata['{OUR_KEY}']:'{our_reference}'", "limit": 1}
            found = self._client.v1.payment_intents.search(query).data
            return describe(found[0]) if found else None
        except stripe.StripeError as error:
            raise _gateway_error(error) from error

    def refund(self, reference: str, amount_minor: int, idempotency_key: str) -> GatewayPayment:
        """Refund, then fetch what went back in all: a webhook may have told us of a part already."""
        params: Any = {"payment_intent": reference, "amount": amount_minor}
        options: Any = {"idempotency_key": idempotency_key}
        try:
            self._client.v1.refunds.create(params, options)
            return self._fetch(reference)
        except stripe.StripeError as error:
            raise _gateway_error(error) from error

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check Stripe's signature on the raw body. A charge's event is only a hint: its payment is fetched anew."""
        try:
            event = stripe.Webhook.construct_event(
                body, headers.get("Stripe-Signature", ""), settings.STRIPE_WEBHOOK_SECRET, SIGNATURE_AGE_S_MAX
            )
        except stripe.SignatureVerificationError as error:
            raise BadSignature(str(error.user_message or error)) from None
        found = event.data.object
        kind = _text(found, "object")
        if kind == "payment_intent":
            return Notice(event.id, event.type, describe(found) if _our_reference(found) else None)
        if kind == "charge" and _text(found, "payment_intent"):
            state = self.find("", _text(found, "payment_intent"))
            return Notice(event.id, event.type, state if state is not None and state.our_reference else None)
        return Notice(event.id, event.type, None)

    def _fetch(self, reference: str) -> GatewayPayment:
        params: Any = {"expand": ["latest_charge"]}
        return describe(self._client.v1.payment_intents.retrieve(reference, params))

    def _of_session(self, session: Any) -> GatewayPayment:
        intent = session.payment_intent
        if intent is not None and not isinstance(intent, str) and intent.status != "requires_payment_method":
            return describe(intent)
        is_open = session.status == "open"
        return GatewayPayment(
            reference=session.id,
            our_reference=_our_reference(session),
            status=PaymentStatus.REQUIRES_ACTION if is_open else PaymentStatus.FAILED,
            amount_minor=session.amount_total,
            currency=session.currency.upper(),
            next_action_url=session.url or "" if is_open else "",
            failure_code="" if is_open else "expired",
            failure_message="" if is_open else "The payment page was left unpaid.",
        )


def describe(intent: Any) -> GatewayPayment:
    """Return a PaymentIntent in our terms."""
    error = intent.last_payment_error if _has(intent, "last_payment_error") else None
    action = intent.next_action if _has(intent, "next_action") else None
    redirect = action.redirect_to_url if action is not None and _has(action, "redirect_to_url") else None
    status = STATUSES.get(intent.status, PaymentStatus.PROCESSING)
    failed = status == PaymentStatus.FAILED
    return GatewayPayment(
        reference=intent.id,
        our_reference=_our_reference(intent),
        status=status,
        amount_minor=intent.amount,
        currency=intent.currency.upper(),
        method=_method(intent),
        next_action_url=_text(redirect, "url") if status == PaymentStatus.REQUIRES_ACTION else "",
        failure_code=(_text(error, "decline_code") or _text(error, "code") or intent.status) if failed else "",
        failure_message=_text(error, "message")[:300] if failed else "",
        refunded_minor=_refunded(intent),
    )


def _method(intent: Any) -> str:
    charge = _charge_of(intent)
    details = charge.payment_method_details if charge is not None and _has(charge, "payment_method_details") else None
    card = details.card if details is not None and _has(details, "card") else None
    return f"{_text(card, 'brand')} ···· {_text(card, 'last4')}" if card is not None else ""


def _refunded(intent: Any) -> int:
    charge = _charge_of(intent)
    return int(charge.amount_refunded) if charge is not None else 0


def _charge_of(intent: Any) -> Any:
    charge = intent.latest_charge if _has(intent, "latest_charge") else None
    return None if isinstance(charge, str) else charge


def _our_reference(found: Any) -> str:
    return _text(found.metadata, OUR_KEY) if _has(found, "metadata") else ""


def _has(found: Any, name: str) -> bool:
    return name in found and found[name] is not None


def _text(found: Any, name: str) -> str:
    return str(found[name]) if found is not None and _has(found, name) else ""


def _declined(error: stripe.CardError, request: PayRequest) -> GatewayPayment:
    """A decline is an answer; Stripe gives it as an error that holds the PaymentIntent."""
    found = error.error
    intent = found.payment_intent if found is not None else None
    return GatewayPayment(
        reference=intent.id if intent is not None else "",
        our_reference=request.our_reference,
        status=PaymentStatus.FAILED,
        amount_minor=request.amount_minor,
        currency=request.currency,
        failure_code=(found.decline_code if found is not None else "") or error.code or "card_error",
        failure_message=str(error.user_message or "")[:300],
    )


def _gateway_error(error: stripe.StripeError) -> GatewayError:
    """Only an error that says "you asked wrongly" is for good; silence, 429 and 5xx leave it open what was done."""
    return GatewayError(
        str(error.user_message or error)[:300],
        permanent=isinstance(error, _REFUSED_FOR_GOOD),
        code=str(error.code or type(error).__name__),
    )
