"""Payments in the admin: look, ask the provider, refund."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from billing import services
from billing.admin.common import DialogForm, MoneyFormField, MoneyPage, amount, done
from billing.models import Payment
from billing.money import format_money
from tenants.admin_base import action, confirm, display


class RefundForm(DialogForm):
    """How much goes back."""

    amount = MoneyFormField(help_text="In whole currency units, such as 12.50.")


@admin.register(Payment)
class PaymentAdmin(MoneyPage):
    """Payments of all tenants in scope."""

    list_display = ("created_at", "tenant", "shown_amount", "refunded", "status_label", "method", "gateway", "invoice")
    list_filter = ("status", "gateway", ("created_at", RangeDateTimeFilter), ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant", "invoice")
    search_fields = ("=gateway_reference", "tenant__name", "invoice__number")
    search_help_text = "Provider's reference, tenant or invoice number"
    actions_detail = ("ask", "refund")
    fieldsets = (
        ("Payment", {"fields": (("tenant", "account", "invoice"), ("shown_amount", "refunded", "credit"))}),
        ("State", {"fields": (("status_label", "failure_code"), "failure_message", ("created_at", "succeeded_at"))}),
        ("Provider", {"fields": (("gateway", "gateway_reference"), ("method", "idempotency_key"))}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Payment | None = None) -> Any:
        """Everything."""
        own = ("shown_amount", "refunded", "credit", "status_label")
        return (*own, *(field.name for field in Payment._meta.fields))

    @display(description="Amount", ordering="amount_nanos")
    def shown_amount(self, obj: Payment) -> SafeString | str:
        """Return the amount."""
        return amount(obj.amount_nanos, obj.currency)

    @display(description="Refunded")
    def refunded(self, obj: Payment) -> SafeString | str:
        """Return what went back."""
        return amount(obj.refunded_nanos, obj.currency) if obj.refunded_nanos else "–"

    @display(description="Credit")
    def credit(self, obj: Payment) -> SafeString | str:
        """Return what neither pays an invoice nor went back."""
        return amount(obj.credit_nanos, obj.currency)

    @display(
        description="Status",
        ordering="status",
        label={"Succeeded": "success", "Failed": "danger", "Unknown": "warning", "Waits for the payer": "info"},
    )
    def status_label(self, obj: Payment) -> str:
        """Return where it stands."""
        return str(obj.get_status_display())

    @action(
        description="Ask the provider",
        url_path="ask",
        permissions=["money"],
        dialog=confirm("Ask the provider?", "What became of the payment there is taken over here.", "Ask"),
    )
    def ask(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take over how it stands."""
        payment = services.refresh_payment(get_object_or_404(self.get_queryset(request), pk=object_id))
        text = f"The payment is: {payment.get_status_display()}."
        return done(request, text, "admin:billing_payment_change", payment.pk)

    @action(
        description="Refund",
        url_path="refund",
        permissions=["money"],
        dialog={
            "title": "Refund this payment",
            "description": "The money goes back the way it came; invoices it paid are open again.",
            "form_class": RefundForm,
            "form_submit_text": "Refund",
        },
    )
    def refund(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Give money back."""
        payment = get_object_or_404(self.get_queryset(request), pk=object_id)
        nanos = form.cleaned_data["amount"]
        services.refund_payment(payment, nanos, idempotency_key=uuid4().hex)
        text = f"{format_money(nanos, payment.currency)} refunded."
        return done(request, text, "admin:billing_payment_change", payment.pk)
