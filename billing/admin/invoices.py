"""Invoices in the admin: look, finalise, void, download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from billing import services
from billing.admin.common import MoneyPage, ReasonForm, amount, done
from billing.choices import InvoiceStatus
from billing.invoice_states import TRANSITIONS, InvoiceMove
from billing.models import Invoice, InvoiceLine
from tenants.admin_base import action, confirm, display

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _Inline = TabularInline[Any, Any]
else:
    from unfold.admin import TabularInline as _Inline


class LineInline(_Inline):
    """The lines of an invoice."""

    model = InvoiceLine
    fields = ("destination", "is_late", "call_count", "minutes", "shown_amount")
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    hide_title = True
    verbose_name_plural = "lines"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes by hand."""
        return False

    @display(description="Minutes")
    def minutes(self, obj: InvoiceLine) -> str:
        """Return the billed time."""
        minutes, seconds = divmod(obj.billed_s, 60)
        return f"{minutes:,}:{seconds:02d}"

    @display(description="Amount")
    def shown_amount(self, obj: InvoiceLine) -> SafeString | str:
        """Return the sum."""
        return amount(obj.amount_nanos, obj.invoice.currency, 4)


@admin.register(Invoice)
class InvoiceAdmin(MoneyPage):
    """Invoices of all sellers in scope."""

    list_display = ("name", "tenant", "seller", "period", "payable", "due", "status_label", "due_at")
    list_filter = ("status", ("period_start", RangeDateTimeFilter), ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant", "seller")
    search_fields = ("number", "tenant__name")
    search_help_text = "Number or tenant"
    inlines = (LineInline,)
    actions_detail = ("pdf", "finalise", "void")
    fieldsets = (
        ("Invoice", {"fields": (("name", "status_label"), ("tenant", "seller"), ("period", "time_zone"))}),
        ("Money", {"fields": (("total", "payable"), ("paid", "due"))}),
        ("Times", {"fields": (("created_at", "finalised_at", "due_at"), ("paid_at", "voided_at"), "void_reason")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Invoice | None = None) -> Any:
        """Everything."""
        own = ("name", "status_label", "period", "total", "payable", "paid", "due")
        return (*own, *(field.name for field in Invoice._meta.fields))

    @display(description="Number", ordering="number")
    def name(self, obj: Invoice) -> str:
        """Return the number, or that it has none yet."""
        return str(obj)

    @display(
        description="Status",
        ordering="status",
        label={"Draft": "info", "Finalised": "warning", "Paid": "success", "Void": "danger"},
    )
    def status_label(self, obj: Invoice) -> str:
        """Return where it stands."""
        return str(obj.get_status_display())

    @display(description="Period", ordering="period_start")
    def period(self, obj: Invoice) -> str:
        """Return the first day and the day after the last, in the seller's zone."""
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(obj.time_zone)
        return f"{obj.period_start.astimezone(zone):%Y-%m-%d} until {obj.period_end.astimezone(zone):%Y-%m-%d}"

    @display(description="Sum of calls")
    def total(self, obj: Invoice) -> SafeString | str:
        """Return the exact sum."""
        return amount(obj.total_nanos, obj.currency, 9)

    @display(description="Payable", ordering="payable_nanos")
    def payable(self, obj: Invoice) -> SafeString | str:
        """Return what is to be paid in all."""
        return amount(obj.payable_nanos, obj.currency)

    @display(description="Paid")
    def paid(self, obj: Invoice) -> SafeString | str:
        """Return what is paid."""
        return amount(obj.paid_nanos, obj.currency)

    @display(description="Due")
    def due(self, obj: Invoice) -> SafeString | str:
        """Return what is still to pay."""
        return amount(obj.due_nanos, obj.currency)

    def has_finalise_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer it while the invoice is a draft."""
        return self._may(request, object_id, InvoiceMove.FINALISE)

    def has_void_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Offer it where the invoice may still be voided, or its draft thrown away."""
        return self._may(request, object_id, InvoiceMove.VOID, InvoiceMove.DISCARD)

    def _may(self, request: HttpRequest, object_id: Any, *moves: InvoiceMove) -> bool:
        if not self.has_money_permission(request, object_id):
            return False
        invoice = self.get_queryset(request).filter(pk=object_id).first() if object_id else None
        return invoice is None or any((InvoiceStatus(invoice.status), move) in TRANSITIONS for move in moves)

    @action(description="PDF", url_path="pdf", permissions=["view"])
    def pdf(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Download the invoice."""
        invoice = get_object_or_404(self.get_queryset(request), pk=object_id)
        headers = {"Content-Disposition": f'attachment; filename="{invoice.number or f"draft-{invoice.pk}"}.pdf"'}
        return HttpResponse(services.invoice_pdf(invoice), content_type="application/pdf", headers=headers)

    @action(
        description="Finalise",
        url_path="finalise",
        permissions=["finalise"],
        dialog=confirm("Finalise this invoice?", "It gets its number and cannot be changed any more.", "Finalise"),
    )
    def finalise(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Give it its number."""
        invoice = services.finalise_invoice(get_object_or_404(self.get_queryset(request), pk=object_id))
        return done(request, f"{invoice.number} is final.", "admin:billing_invoice_change", invoice.pk)

    @action(
        description="Void",
        url_path="void",
        permissions=["void"],
        dialog={
            "title": "Void this invoice?",
            "description": "Its number stays used; its calls go to the next invoice.",
            "form_class": ReasonForm,
            "form_submit_text": "Void",
        },
    )
    def void(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Void it."""
        invoice = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.void_invoice(invoice, form.cleaned_data["reason"])
        return done(request, f"{invoice} is void.", "admin:billing_invoice_change", invoice.pk)
