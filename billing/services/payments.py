"""Use cases of payments. What the provider says moves the state table; a success is booked once, by the payment's id.

A request to the provider never runs inside a transaction of ours: the payment's row is committed before, so that an
answer that never comes leaves a payment whose fate can be asked for.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from billing import ledger
from billing.choices import AccountMode, EntryKind, InvoiceStatus, LedgerKind, PaymentStatus
from billing.errors import GatewayUnavailable, IdempotencyConflict, PaymentRefused
from billing.events import announce_payment
from billing.gateways.base import Card, Gateway, GatewayError, GatewayPayment, Notice, PayRequest
from billing.gateways.registry import gateway_of
from billing.limits import AMOUNT_NANOS_MAX
from billing.models import Account, GatewayEvent, Invoice, Payment
from billing.money import from_minor, to_minor
from billing.payment_states import after
from billing.services.settling import allocate, settle_open_invoices, take_back
from tenants.errors import Conflict, DomainError
from tenants.scope import system_scope

logger = logging.getLogger(__name__)

UNKNOWN_FOR = timedelta(hours=24)
"""A payment the provider has not heard of for a day never arrived: its idempotency keys live as long."""


def start_payment(
    account: Account,
    amount_nanos: int,
    *,
    idempotency_key: str,
    invoice: Invoice | None = None,
    gateway: str = "",
    card: Card | None = None,
    method_token: str = "",
    return_url: str = "",
) -> Payment:
    """Pay an invoice or top the account up; ``next_action_url`` says where the payer must confirm, if anywhere.

    The same key is the same business attempt: it returns the first payment, whatever became of it. A decline is a
    payment with status ``failed``; silence of the provider one with status ``unknown``, which is asked for later.

    Raises:
        DomainError: amount, invoice or gateway are wrong; ``field`` says which.
        IdempotencyConflict: the key was used for another payment.
    """
    provider = gateway_of(gateway)
    if card is not None and not provider.takes_cards:
        raise DomainError(f"{provider.name} takes no card numbers from us", field="card")
    amount_minor = _check_amount(account, amount_nanos, invoice)
    payment, is_new = _open_payment(account, amount_nanos, invoice, provider.name, idempotency_key)
    if not is_new:
        return payment
    request = PayRequest(
        our_reference=str(payment.pk),
        amount_minor=amount_minor,
        currency=account.currency,
        description=f"Invoice {invoice.number}" if invoice else f"Top-up of account {account.pk}",
        idempotency_key=f"payment:{payment.pk}",
        return_url=return_url,
        card=card,
        method_token=method_token,
    )
    return _send(provider, payment, request)


def _check_amount(account: Account, amount_nanos: int, invoice: Invoice | None) -> int:
    if not 0 < amount_nanos <= AMOUNT_NANOS_MAX:
        raise DomainError("the amount is out of range", field="amount")
    if invoice is not None:
        if invoice.account_id != account.pk:
            raise DomainError("the invoice belongs to another account", field="invoice")
        if invoice.status != InvoiceStatus.FINALISED:
            raise Conflict("the invoice is not open", field="invoice", code="invoice_state")
    try:
        return to_minor(amount_nanos, account.currency)
    except ValueError as error:
        raise DomainError(str(error), field="amount") from None


def _open_payment(
    account: Account, amount_nanos: int, invoice: Invoice | None, gateway: str, key: str
) -> tuple[Payment, bool]:
    if not 0 < len(key) <= 80:
        raise DomainError("an idempotency key of 1 to 80 characters is needed", field="idempotency_key")
    input_hash = ledger.hash_of(
        {"amount": amount_nanos, "invoice": invoice.pk if invoice else None, "gateway": gateway}
    )
    now = timezone.now()
    try:
        with transaction.atomic():
            payment = Payment.objects.create(
                tenant_id=account.tenant_id,
                account=account,
                invoice=invoice,
                amount_nanos=amount_nanos,
                currency=account.currency,
                gateway=gateway,
                idempotency_key=key,
                input_hash=input_hash,
                created_at=now,
                updated_at=now,
            )
        return payment, True
    except IntegrityError:
        payment = Payment.objects.get(account=account, idempotency_key=key)
    if payment.input_hash != input_hash:
        raise IdempotencyConflict("the key was used for another payment", field="idempotency_key")
    return payment, False


def _send(provider: Gateway, payment: Payment, request: PayRequest) -> Payment:
    try:
        state = provider.pay(request)
    except GatewayError as error:
        status = PaymentStatus.FAILED if error.permanent else PaymentStatus.UNKNOWN
        logger.warning("payment %s at %s: %s", payment.pk, provider.name, error)
        state = GatewayPayment(
            reference="",
            our_reference=request.our_reference,
            status=status,
            amount_minor=request.amount_minor,
            currency=request.currency,
            failure_code=error.code[:60],
            failure_message=str(error)[:300],
        )
    return apply_state(payment.pk, state)


@transaction.atomic
def apply_state(payment_id: UUID, state: GatewayPayment) -> Payment:
    """Take over what a provider says of a payment, once; returns the payment anew.

    Raises:
        Conflict: the provider speaks of another amount or currency.
    """
    with system_scope():
        # Account before payment, as the invoices' use cases do, so that nobody waits in a circle.
        Account.objects.select_for_update(no_key=True).get(payments__pk=payment_id)
        payments = Payment.objects.select_for_update(of=("self",)).select_related("account", "invoice")
        payment = payments.get(pk=payment_id)
        if (from_minor(state.amount_minor, state.currency), state.currency) != (payment.amount_nanos, payment.currency):
            raise Conflict(f"payment {payment_id} is of another amount at {payment.gateway}", code="amount_differs")
        before, payment.status = payment.status, after(payment.status, state.status)
        if payment.status != before or state.status == payment.status:
            _describe(payment, state)
        if payment.status != before:
            _moved(payment)
        if payment.status == PaymentStatus.SUCCEEDED:
            _refunded(payment, from_minor(state.refunded_minor, state.currency))
        payment.refresh_from_db()
    return payment


def _describe(payment: Payment, state: GatewayPayment) -> None:
    now = timezone.now()
    payment.gateway_reference = state.reference or payment.gateway_reference
    payment.method = state.method or payment.method
    payment.next_action_url = state.next_action_url
    payment.failure_code, payment.failure_message = state.failure_code, state.failure_message
    payment.updated_at = now
    if payment.status == PaymentStatus.SUCCEEDED and payment.succeeded_at is None:
        payment.succeeded_at = now
    payment.save(
        update_fields=[
            *("status", "gateway_reference", "method", "next_action_url", "failure_code", "failure_message"),
            *("updated_at", "succeeded_at"),
        ]
    )


def _moved(payment: Payment) -> None:
    if payment.status == PaymentStatus.SUCCEEDED:
        _book(payment)
        announce_payment(payment, "payment.succeeded")
    elif payment.status == PaymentStatus.FAILED:
        announce_payment(payment, "payment.failed")


def _book(payment: Payment) -> None:
    """Credit the account, pay the invoice, and let what is left pay what else is open."""
    now = timezone.now()
    account = payment.account
    lines = ledger.customer_lines(account, payment.amount_nanos, LedgerKind.CLEARING)
    input_hash = ledger.hash_of({"payment": str(payment.pk), "amount": payment.amount_nanos})
    key = f"payment:{payment.pk.hex}"
    ledger.post([ledger.Draft(payment.tenant_id, key, EntryKind.PAYMENT, input_hash, lines)], [account.pk])
    if payment.invoice_id is not None:
        invoice = Invoice.objects.select_for_update().get(pk=payment.invoice_id)
        allocate(payment, invoice, now)
    settle_open_invoices(account, now)


def _refunded(payment: Payment, refunded_nanos: int) -> None:
    """Book what went back since the last report; a report of less is an older one."""
    payment.refresh_from_db(fields=["refunded_nanos", "allocated_nanos"])
    delta = refunded_nanos - payment.refunded_nanos
    if delta <= 0:
        return
    now = timezone.now()
    lines = ledger.customer_lines(payment.account, -delta, LedgerKind.CLEARING)
    input_hash = ledger.hash_of({"payment": str(payment.pk), "refunded": refunded_nanos})
    key = f"refund:{payment.pk.hex}:{refunded_nanos}"
    ledger.post([ledger.Draft(payment.tenant_id, key, EntryKind.REFUND, input_hash, lines)], [payment.account_id])
    take_back(payment, delta - payment.credit_nanos, now)
    Payment.objects.filter(pk=payment.pk).update(refunded_nanos=F("refunded_nanos") + delta, updated_at=now)
    payment.refresh_from_db()
    announce_payment(payment, "payment.refunded")


def refund_payment(payment: Payment, amount_nanos: int, *, idempotency_key: str) -> Payment:
    """Give (a part of) a payment back; returns the payment anew. The same key does it once.

    How much is left of it the provider judges, who knows which requests are repeated ones.

    Raises:
        DomainError: more than it was, or than a prepaid account's free money; or not in whole smallest units.
        Conflict: the payment has not succeeded.
        PaymentRefused, GatewayUnavailable: the provider said no, or nothing (try again with the same key).
    """
    if payment.status != PaymentStatus.SUCCEEDED:
        raise Conflict("only a payment that succeeded can be refunded", code="payment_state")
    if not 0 < amount_nanos <= payment.amount_nanos:
        raise DomainError("more than the payment was", field="amount")
    payment.account.refresh_balance()
    if payment.account.mode == AccountMode.PREPAID and amount_nanos > payment.account.available_nanos:
        raise DomainError("the account has spent or holds that money", field="amount", code="insufficient_funds")
    try:
        amount_minor = to_minor(amount_nanos, payment.currency)
    except ValueError as error:
        raise DomainError(str(error), field="amount") from None
    key = f"refund:{payment.pk}:{idempotency_key}"
    try:
        state = gateway_of(payment.gateway).refund(payment.gateway_reference, amount_minor, key)
    except GatewayError as error:
        raise (PaymentRefused if error.permanent else GatewayUnavailable)(str(error)) from error
    return apply_state(payment.pk, state)


def refresh_payment(payment: Payment) -> Payment:
    """Ask the provider what became of a payment and take it over; returns the payment anew.

    One that the provider has not heard of for ``UNKNOWN_FOR`` has failed: it never arrived.

    Raises:
        GatewayUnavailable: no answer this time either.
    """
    provider = gateway_of(payment.gateway)
    try:
        state = provider.find(str(payment.pk), payment.gateway_reference)
    except GatewayError as error:
        raise GatewayUnavailable(str(error)) from error
    if state is not None:
        return apply_state(payment.pk, state)
    if timezone.now() - payment.created_at < UNKNOWN_FOR:
        return payment
    lost = GatewayPayment(
        reference="",
        our_reference=str(payment.pk),
        status=PaymentStatus.FAILED,
        amount_minor=to_minor(payment.amount_nanos, payment.currency),
        currency=payment.currency,
        failure_code="never_arrived",
        failure_message="The payment provider never received it.",
    )
    return apply_state(payment.pk, lost)


def take_notice(gateway: str, notice: Notice) -> bool:
    """Take a provider's event over, in one transaction with its id; returns False when it was taken before."""
    with system_scope(), transaction.atomic():
        payment = _payment_of(notice)
        _event, is_new = GatewayEvent.objects.get_or_create(
            gateway=gateway,
            event_id=notice.event_id[:120],
            defaults={"kind": notice.kind[:80], "payment": payment, "received_at": timezone.now()},
        )
        if is_new and payment is not None and notice.payment is not None:
            apply_state(payment.pk, notice.payment)
        return is_new


def _payment_of(notice: Notice) -> Payment | None:
    if notice.payment is None:
        return None
    try:
        payment_id = UUID(notice.payment.our_reference)
    except ValueError:
        return None
    return Payment.objects.filter(pk=payment_id).first()
