"""The sandbox provider. It knows us only as a foreign system would: by requests, and by the webhooks it sends."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone

from billing.choices import PaymentStatus
from billing.gateways.base import BadSignature, Card, GatewayError, GatewayPayment, Notice, PayRequest
from billing.gateways.sandbox.cards import CHALLENGE, MESSAGES, SUCCEED, TOKENS, brand_of, outcome_of
from billing.models import SandboxIntent, SandboxRefund

SIGNATURE_HEADER = "Trunkline-Signature"
SIGNATURE_AGE_S_MAX = 300
"""An older signature may be a recorded one, sent again."""

_KINDS = {
    PaymentStatus.SUCCEEDED: "payment.succeeded",
    PaymentStatus.FAILED: "payment.failed",
    PaymentStatus.REQUIRES_ACTION: "payment.requires_action",
}


class SandboxGateway:
    """See ``billing.gateways.base.Gateway``."""

    name = "sandbox"
    takes_cards = True

    @transaction.atomic
    def pay(self, request: PayRequest) -> GatewayPayment:
        """Do what the test card says."""
        card = _card_of(request)
        outcome = outcome_of(card, timezone.now().date())
        digits = "".join(card.number.split())
        intent, is_new = SandboxIntent.objects.get_or_create(
            idempotency_key=request.idempotency_key,
            defaults={
                "id": f"sb_{secrets.token_hex(16)}",
                "our_reference": request.our_reference,
                "amount_minor": request.amount_minor,
                "currency": request.currency,
                "outcome": outcome,
                "status": _first_status(outcome),
                "failure_code": "" if outcome in {SUCCEED, CHALLENGE} else outcome,
                "brand": brand_of(digits),
                "last4": digits[-4:],
                "return_url": request.return_url,
                "created_at": timezone.now(),
            },
        )
        if not is_new and (intent.amount_minor, intent.currency) != (request.amount_minor, request.currency):
            raise GatewayError("the key was used for another payment", permanent=True, code="idempotency_error")
        if is_new:
            _announce(intent)
        return describe(intent)

    def find(self, our_reference: str, reference: str) -> GatewayPayment | None:
        """Look the payment up."""
        intent = SandboxIntent.objects.filter(our_reference=our_reference).first()
        return describe(intent) if intent is not None else None

    @transaction.atomic
    def refund(self, reference: str, amount_minor: int, idempotency_key: str) -> GatewayPayment:
        """Give money back."""
        intent = SandboxIntent.objects.select_for_update().filter(pk=reference).first()
        if intent is None:
            raise GatewayError("no such payment", permanent=True, code="not_found")
        refund, is_new = SandboxRefund.objects.get_or_create(
            idempotency_key=idempotency_key, defaults={"intent": intent, "amount_minor": amount_minor}
        )
        if (refund.intent_id, refund.amount_minor) != (intent.pk, amount_minor):
            raise GatewayError("the key was used for another refund", permanent=True, code="idempotency_error")
        if is_new:
            if intent.status != PaymentStatus.SUCCEEDED or intent.refunded_minor + amount_minor > intent.amount_minor:
                raise GatewayError("more than was paid", permanent=True, code="refund_too_large")
            SandboxIntent.objects.filter(pk=intent.pk).update(refunded_minor=F("refunded_minor") + amount_minor)
            intent.refresh_from_db()
            _announce(intent, "payment.refunded")
        return describe(intent)

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check our own signature, as we would a foreign one's."""
        check_signature(body, headers.get(SIGNATURE_HEADER, ""), time.time())
        event = json.loads(body)
        try:
            payment = event["payment"]
            state = GatewayPayment(**(payment | {"status": PaymentStatus(payment["status"])}))
            return Notice(event["id"], event["kind"], state)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an event of the sandbox: {error}") from None


def _card_of(request: PayRequest) -> Card:
    if request.card is not None:
        return request.card
    number = TOKENS.get(request.method_token)
    if number is None:
        raise GatewayError("a card is needed", permanent=True, code="card_missing")
    return Card(number, 12, timezone.now().year + 1)


def _first_status(outcome: str) -> PaymentStatus:
    known = {SUCCEED: PaymentStatus.SUCCEEDED, CHALLENGE: PaymentStatus.REQUIRES_ACTION}
    return known.get(outcome, PaymentStatus.FAILED)


@transaction.atomic
def answer_challenge(intent_id: str, *, confirmed: bool) -> SandboxIntent | None:
    """Let the payer confirm or refuse on the challenge page; ``None`` when nothing waits for it (any more)."""
    waiting = SandboxIntent.objects.select_for_update().filter(pk=intent_id, status=PaymentStatus.REQUIRES_ACTION)
    intent = waiting.first()
    if intent is None:
        return None
    intent.status = PaymentStatus.SUCCEEDED if confirmed else PaymentStatus.FAILED
    intent.failure_code = "" if confirmed else "authentication_failed"
    intent.save(update_fields=["status", "failure_code"])
    _announce(intent)
    return intent


def describe(intent: SandboxIntent) -> GatewayPayment:
    """Return an intent as the provider's answer."""
    challenge = reverse("billing-sandbox-challenge", args=[intent.pk])
    waits = intent.status == PaymentStatus.REQUIRES_ACTION
    return GatewayPayment(
        reference=intent.pk,
        our_reference=intent.our_reference,
        status=PaymentStatus(intent.status),
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        method=f"{intent.brand} ···· {intent.last4}",
        next_action_url=f"{settings.PUBLIC_URL}{challenge}" if waits else "",
        failure_code=intent.failure_code,
        failure_message=MESSAGES.get(intent.failure_code, ""),
        refunded_minor=intent.refunded_minor,
    )


def _announce(intent: SandboxIntent, kind: str = "") -> None:
    from billing.tasks import deliver_sandbox_event  # Imported late: the task posts what this module signs.

    state = describe(intent)
    payment: dict[str, Any] = {name: getattr(state, name) for name in GatewayPayment.__slots__}
    event = {
        "id": f"evt_{secrets.token_hex(12)}",
        "kind": kind or _KINDS[state.status],
        "payment": payment | {"status": str(state.status)},
    }
    body = json.dumps(event)
    transaction.on_commit(lambda: deliver_sandbox_event.delay(body), robust=True)


def sign(body: bytes, now: float) -> str:
    """Return the signature header of a body: HMAC-SHA256 over time and body, ``t=…,v1=…``."""
    moment = int(now)
    return f"t={moment},v1={_digest(body, moment)}"


def check_signature(body: bytes, header: str, now: float) -> None:
    """Accept a header that ``sign`` made at most ``SIGNATURE_AGE_S_MAX`` ago.

    Raises:
        BadSignature: it did not.
    """
    parts = dict(item.partition("=")[::2] for item in header.split(","))
    moment = parts.get("t", "")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12):
        raise BadSignature("no signature")
    if not hmac.compare_digest(_digest(body, int(moment)), parts.get("v1", "")):
        raise BadSignature("the signature does not fit the body")
    if abs(now - int(moment)) > SIGNATURE_AGE_S_MAX:
        raise BadSignature("the signature is too old")


def _digest(body: bytes, moment: int) -> str:
    secret = settings.SANDBOX_WEBHOOK_SECRET.encode()
    return hmac.new(secret, f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
