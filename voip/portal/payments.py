"""Paying: an invoice or a top-up, the step at the payer's bank, and what became of it."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from billing.choices import PaymentStatus
from billing.errors import GatewayUnavailable
from billing.gateways.registry import gateway_of
from billing.models import Account, Invoice, Payment
from billing.pdf import invoice_pdf
from billing.services import account_for
from billing.services.payments import refresh_payment, start_payment
from tenants.errors import DomainError
from voip.portal.access import portal_page, user_of
from voip.portal.money import own_invoice
from voip.portal.payment_forms import CardForm, CardTopUpForm, PayForm, TopUpForm
from voip.portal.people import add_refusal

WAITING = frozenset({PaymentStatus.CREATED, PaymentStatus.UNKNOWN, PaymentStatus.PROCESSING})


@portal_page("billing")
def pdf(request: HttpRequest, pk: int) -> HttpResponse:
    """Download an invoice."""
    invoice = own_invoice(request, pk)
    response = HttpResponse(invoice_pdf(invoice), content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{invoice.number or "invoice"}.pdf"'
    return response


@sensitive_post_parameters("number", "expiry", "cvc")
@never_cache
@portal_page("billing", "add")
def pay(request: HttpRequest, pk: int) -> HttpResponse:
    """Pay what is left of an invoice."""
    invoice = own_invoice(request, pk)
    if invoice.due_nanos <= 0:
        return redirect("portal:invoice", invoice.pk)
    form_class = CardForm if gateway_of().takes_cards else PayForm
    form = form_class(request.POST or None, currency=invoice.currency)
    if request.method == "POST" and form.is_valid():
        return _paid(request, form, form_class, invoice.account, invoice.due_nanos, invoice)
    return _page(request, form, invoice)


@sensitive_post_parameters("number", "expiry", "cvc")
@never_cache
@portal_page("billing", "add")
def top_up(request: HttpRequest) -> HttpResponse:
    """Put money on the account."""
    account = account_for(user_of(request).tenant)
    if account is None:
        return redirect("portal:balance")
    form_class = CardTopUpForm if gateway_of().takes_cards else TopUpForm
    form = form_class(request.POST or None, currency=account.currency)
    if request.method == "POST" and form.is_valid():
        return _paid(request, form, form_class, account, form.cleaned_data["amount"], None)
    return _page(request, form, None)


def _paid(
    request: HttpRequest,
    form: PayForm,
    form_class: type[PayForm],
    account: Account,
    amount_nanos: int,
    invoice: Invoice | None,
) -> HttpResponse:
    key: UUID = form.cleaned_data["key"]
    try:
        payment = start_payment(
            account,
            amount_nanos,
            idempotency_key=str(key),
            invoice=invoice,
            card=form.card,
            return_url=f"{settings.PUBLIC_URL}{reverse('portal:payment_return', args=[key])}",
        )
    except DomainError as error:
        add_refusal(form, error)
        return _page(request, form, invoice)
    if payment.status == PaymentStatus.REQUIRES_ACTION and payment.next_action_url:
        return redirect(payment.next_action_url)
    if payment.status == PaymentStatus.FAILED:
        # A new form with a new key: trying again is a new attempt, and the card is not shown back.
        again = form_class(currency=account.currency)
        return _page(request, again, invoice, declined=payment.failure_message or "The payment was refused.")
    return redirect("portal:payment", payment.pk)


def _page(request: HttpRequest, form: PayForm, invoice: Invoice | None, declined: str = "") -> HttpResponse:
    context = {
        "form": form,
        "invoice": invoice,
        "declined": declined,
        "takes_cards": gateway_of().takes_cards,
        "is_sandbox": settings.PAYMENT_GATEWAY == "sandbox",
    }
    return render(request, "portal/pay.html", context)


@never_cache
@portal_page("billing")
def payment_return(request: HttpRequest, key: UUID) -> HttpResponse:
    """Where the provider sends the payer back to: ask what became of it, then show it."""
    payments = Payment.objects.filter(tenant=user_of(request).tenant_id)
    payment = get_object_or_404(payments, idempotency_key=str(key))
    _ask(payment)
    return redirect("portal:payment", payment.pk)


@never_cache
@portal_page("billing")
def payment_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a payment; while the provider has not said what became of it, the page asks again by itself."""
    payment = get_object_or_404(Payment.objects.select_related("invoice"), tenant=user_of(request).tenant_id, pk=pk)
    if payment.status in WAITING and getattr(request, "htmx", False):
        payment = _ask(payment)
    template = "portal/payment_state.html" if getattr(request, "htmx", False) else "portal/payment.html"
    return render(request, template, {"payment": payment, "is_waiting": payment.status in WAITING})


def _ask(payment: Payment) -> Payment:
    if payment.status not in WAITING | {PaymentStatus.REQUIRES_ACTION}:
        return payment
    try:
        return refresh_payment(payment)
    except GatewayUnavailable:
        return payment  # The page says that it waits; a task asks too.
