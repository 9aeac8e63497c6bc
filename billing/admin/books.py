"""The books and the charges in the admin: to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from billing import ledger
from billing.admin.common import MoneyPage, ReasonForm, amount, done
from billing.limits import DECIMALS_MAX
from billing.models import Charge, Entry, Posting
from billing.money import format_nanos
from sip.admin.calls import CappedPaginator
from tenants.admin_base import action, display

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _Inline = TabularInline[Any, Any]
else:
    from unfold.admin import TabularInline as _Inline


class PostingInline(_Inline):
    """The lines of an entry."""

    model = Posting
    fields = ("ledger_account", "shown_amount")
    readonly_fields = fields
    extra = 0
    can_delete = False
    hide_title = True

    def get_queryset(self, request: HttpRequest) -> Any:
        """Fetch the accounts with the lines."""
        return super().get_queryset(request).select_related("ledger_account__tenant")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes by hand."""
        return False

    @display(description="Amount (credit positive)")
    def shown_amount(self, obj: Posting) -> SafeString | str:
        """Return the amount with every digit."""
        return amount(obj.amount_nanos, obj.currency, DECIMALS_MAX)


@admin.register(Entry)
class EntryAdmin(MoneyPage):
    """Entries of the books; a mistake is reversed, never changed."""

    list_display = ("at", "kind_label", "tenant", "key", "memo")
    list_filter = (("at", RangeDateTimeFilter), "kind", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("=key",)
    search_help_text = "A whole key, such as call:… or payment:…"
    paginator = CappedPaginator
    inlines = (PostingInline,)
    fields = (("tenant", "kind"), ("key", "at"), "memo", "reverses")
    actions_detail = ("reverse",)

    @display(
        description="Kind",
        ordering="kind",
        label={"Call": "info", "Payment": "success", "Refund": "warning", "Reversal": "danger"},
    )
    def kind_label(self, obj: Entry) -> str:
        """Return what made it."""
        return str(obj.get_kind_display())

    @action(
        description="Reverse",
        url_path="reverse",
        permissions=["money"],
        dialog={
            "title": "Reverse this entry?",
            "description": "Its opposite is posted; both stay in the books.",
            "form_class": ReasonForm,
            "form_submit_text": "Reverse",
        },
    )
    def reverse(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Post the opposite."""
        entry = get_object_or_404(self.get_queryset(request), pk=object_id)
        back = ledger.reverse(entry, form.cleaned_data["reason"])
        return done(request, f"{entry.key} is reversed.", "admin:billing_entry_change", back.pk)


@admin.register(Charge)
class ChargeAdmin(MoneyPage):
    """What calls cost, each with the rate it was priced at."""

    list_display = (
        *("started_at", "tenant", "number", "destination", "time", "rate", "price", "cost", "margin", "status_label"),
    )
    list_filter = (("started_at", RangeDateTimeFilter), "status", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("=number",)
    search_help_text = "A whole number, with its plus"
    paginator = CappedPaginator
    ordering = ("-started_at",)

    def get_fieldsets(self, request: HttpRequest, obj: Charge | None = None) -> Any:
        """Group the fields as one asks for them."""
        return (
            ("Call", {"fields": (("tenant", "account"), ("call_id", "started_at"), ("number", "destination"))}),
            ("Price", {"fields": (("price", "status_label", "problem"), ("time", "rate"), ("connect_fee", "exact"))}),
            ("Rate", {"fields": (("deck_id", "deck_version", "prefix"), ("first_s", "next_s"))}),
            ("Cost", {"fields": (("cost", "margin"), ("trunk_id", "cost_deck_id", "cost_prefix"))}),
            ("Afterwards", {"fields": (("invoice", "charged_at"),)}),
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Charge | None = None) -> Any:
        """Everything."""
        own = ("price", "cost", "margin", "time", "rate", "status_label", "connect_fee", "exact")
        return (*own, *(field.name for field in Charge._meta.fields))

    @display(description="Talk / billed")
    def time(self, obj: Charge) -> str:
        """Return answered and billed seconds."""
        return f"{obj.duration_s} s / {obj.billed_s} s"

    @display(description="Rate a minute")
    def rate(self, obj: Charge) -> str:
        """Return the rate with its increments."""
        return f"{format_nanos(obj.nanos_per_minute)} at {obj.first_s}/{obj.next_s}" if obj.prefix else "–"

    @display(description="Connect fee")
    def connect_fee(self, obj: Charge) -> str:
        """Return the fee of each answered call."""
        return format_nanos(obj.connect_fee_nanos)

    @display(description="Before rounding")
    def exact(self, obj: Charge) -> str:
        """Return the price in sixtieths of a nano-unit."""
        return f"{obj.raw:,} / 60 nano-units"

    @display(description="Price", ordering="amount_nanos")
    def price(self, obj: Charge) -> SafeString | str:
        """Return what the customer pays."""
        return amount(obj.amount_nanos, obj.currency, 6) if obj.prefix else "–"

    @display(description="Cost")
    def cost(self, obj: Charge) -> SafeString | str:
        """Return what the vendor charges."""
        return amount(obj.cost_nanos, obj.cost_currency, 6) if obj.cost_nanos is not None else "–"

    @display(description="Margin")
    def margin(self, obj: Charge) -> SafeString | str:
        """Return what is left, where price and cost are of one currency."""
        if obj.cost_nanos is None or obj.cost_currency != obj.currency or not obj.prefix:
            return "–"
        return amount(obj.amount_nanos - obj.cost_nanos, obj.currency, 6)

    @display(description="Status", ordering="status", label={"Rated": "success", "Unrated": "danger"})
    def status_label(self, obj: Charge) -> str:
        """Return whether it has its price."""
        return str(obj.get_status_display())
