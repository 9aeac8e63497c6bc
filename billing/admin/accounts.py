"""Accounts in the admin: opened through the service, adjusted by an entry in the books."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from billing import services
from billing.admin.common import AmountForm, MoneyFormField, amount, done
from billing.ledger import statement
from billing.models import Account, Charge
from billing.money import format_money
from billing.statement import charges_of
from tenants.admin_base import ScopedModelAdmin, action, confirm, display
from tenants.errors import DomainError

if TYPE_CHECKING:
    _AccountForm = forms.ModelForm[Account]
else:
    _AccountForm = forms.ModelForm

POSTINGS_SHOWN = 25
"""Enough to see what happened last; all are in the books' own list."""
_SETTINGS = ("deck", "credit_limit_nanos", "low_balance_nanos", "terms_days", "is_active")


class AccountForm(_AccountForm):
    """Amounts as decimals."""

    credit_limit_nanos = MoneyFormField(label="Credit limit", required=False, help_text="Postpaid accounts only.")
    low_balance_nanos = MoneyFormField(
        label="Warn under", required=False, help_text="Empty: no warning when the balance runs low."
    )

    class Meta:
        model = Account
        fields = ("tenant", "mode", "currency", *_SETTINGS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "currency" in self.fields:
            self.fields["currency"].required = False
            self.fields["currency"].help_text = "Empty: the tenant's."
        if "terms_days" in self.fields:
            self.fields["terms_days"].label = "Days to pay"

    def clean_credit_limit_nanos(self) -> int:
        """Nothing means no credit."""
        return self.cleaned_data["credit_limit_nanos"] or 0


@admin.register(Account)
class AccountAdmin(ScopedModelAdmin):
    """Who pays, and how much is there."""

    form = AccountForm
    list_display = ("tenant", "mode_label", "balance", "held", "available", "deck", "state_label")
    list_filter = ("mode", "is_active", "currency", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant", "deck")
    search_fields = ("tenant__name", "tenant__slug")
    search_help_text = "Tenant"
    autocomplete_fields = ("tenant", "deck")
    actions_detail = ("adjust", "draft_invoice")

    def get_fieldsets(self, request: HttpRequest, obj: Account | None = None) -> Any:
        """Ask for what an account needs; show the money of one that exists."""
        if obj is None:
            return ((None, {"fields": (("tenant", "mode"), ("currency", "deck"), *_SETTINGS[1:-1])}),)
        return (
            ("Money", {"fields": (("balance", "held", "available"),)}),
            ("Terms", {"fields": (("tenant", "mode", "currency"), *_SETTINGS)}),
            ("Statement", {"fields": ("last_postings",)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        """Fix whose account it is once it exists: its books are in it."""
        shown = ("balance", "held", "available", "last_postings")
        return (*shown, "tenant", "mode", "currency") if obj else shown

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An account with books is switched off, never deleted."""
        return False

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Open it through the service; refuse a deck that does not fit."""
        data = form.cleaned_data
        if not change:
            fields = ("tenant", "mode", "currency", "deck", "credit_limit_nanos", "low_balance_nanos", "terms_days")
            obj.pk = services.open_account(**{name: data[name] for name in fields}).pk
            obj._state.adding = False
            return
        if "deck" in form.changed_data and data["deck"] is not None:
            services.check_deck(obj.tenant, obj.currency, data["deck"])
        obj.save()

    @display(description="Mode", ordering="mode", label={"Prepaid": "info", "Postpaid": "warning"})
    def mode_label(self, obj: Account) -> str:
        """Return when it pays."""
        return str(obj.get_mode_display())

    @display(description="Balance", ordering="balance_nanos")
    def balance(self, obj: Account) -> SafeString | str:
        """Return the balance."""
        return amount(obj.balance_nanos, obj.currency)

    @display(description="Held for calls", ordering="held_nanos")
    def held(self, obj: Account) -> SafeString | str:
        """Return what calls in progress hold."""
        return amount(obj.held_nanos, obj.currency)

    @display(description="Available")
    def available(self, obj: Account) -> SafeString | str:
        """Return what new calls may spend."""
        return amount(obj.available_nanos, obj.currency)

    @display(description="State", label={"Active": "success", "Low": "warning", "Off": "danger"})
    def state_label(self, obj: Account) -> str:
        """Return whether it may spend, and whether there is something left."""
        if not obj.is_active:
            return "Off"
        low = obj.low_balance_nanos is not None and obj.available_nanos < obj.low_balance_nanos
        return "Low" if low else "Active"

    @display(description="Last postings")
    def last_postings(self, obj: Account) -> SafeString | str:
        """Return the account's newest lines in the books."""
        items = statement(obj, POSTINGS_SHOWN)
        charges = charges_of(items)
        rows = [
            (
                f"{item.entry.at:%Y-%m-%d %H:%M} UTC",
                item.entry.get_kind_display(),
                _called(charges[item.pk]) if item.pk in charges else item.entry.memo or item.entry.key,
                amount(item.amount_nanos, item.currency, 6),
            )
            for item in items
        ]
        cell = '<td style="padding:.2rem 1.5rem .2rem 0;white-space:nowrap">{}</td>'
        body = format_html_join("", f'<tr>{cell * 3}<td style="text-align:right">{{}}</td></tr>', rows)
        return format_html('<div class="tl-wide"><table style="width:100%">{}</table></div>', body) if rows else "–"

    @action(
        description="Adjust balance",
        url_path="adjust",
        permissions=["change"],
        dialog={
            "title": "Adjust the balance",
            "description": "Positive credits the customer, negative debits. The entry stays in the books for ever.",
            "form_class": AmountForm,
            "form_submit_text": "Post the entry",
        },
    )
    def adjust(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Post an adjustment."""
        account = get_object_or_404(self.get_queryset(request), pk=object_id)
        nanos, memo = form.cleaned_data["amount"], form.cleaned_data["memo"]
        services.adjust_balance(account, nanos, key=uuid4().hex, memo=memo)
        text = f"{format_money(nanos, account.currency)} posted to {account.tenant}."
        return done(request, text, "admin:billing_account_change", account.pk)

    @action(
        description="Invoice last month",
        url_path="draft-invoice",
        permissions=["change"],
        dialog=confirm("Draft last month's invoice?", "Late calls of earlier months are put on it too.", "Draft it"),
    )
    def draft_invoice(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Draft the invoice of the last complete month."""
        account = get_object_or_404(self.get_queryset(request).select_related("seller"), pk=object_id)
        invoice = services.draft_invoice(account, services.month_before(timezone.now(), account.seller.time_zone))
        if invoice is None:
            raise DomainError("there are no calls to invoice")
        return done(request, "The draft is made.", "admin:billing_invoice_change", invoice.pk)


def _called(charge: Charge) -> SafeString:
    """Return what a call went to and how long it was charged, with the way to its record."""
    address = reverse("admin:sip_call_change", args=[charge.call_id])
    return format_html(
        '<a href="{}">{}</a> {}, {} s', address, charge.number, charge.destination, f"{charge.billed_s:,}"
    )
