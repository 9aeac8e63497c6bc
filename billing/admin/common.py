"""What the money pages share: amounts as people write them, and actions for who may handle money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from billing.money import format_money, format_nanos, parse_nanos
from tenants.admin_base import ReadOnlyModelAdmin, leave_dialog

if TYPE_CHECKING:
    DialogForm = forms.Form
else:
    DialogForm = BaseDialogForm


class MoneyFormField(forms.Field):
    """Nano-units inside, a decimal such as 0.0125 in the form."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**({"widget": UnfoldAdminTextInputWidget()} | options))

    def prepare_value(self, value: Any) -> Any:
        """Show nano-units as a decimal; text that came back in a wrong form stays as it was typed."""
        return format_nanos(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        """Return nano-units, ``None`` for nothing."""
        text = str(value).strip() if value is not None else ""
        if not text:
            return None
        try:
            return parse_nanos(text)
        except ValueError:
            raise ValidationError("A decimal with at most nine places, such as 0.0125.", code="invalid") from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare amounts, not how they are written."""
        try:
            return bool(self.to_python(data) != initial)
        except ValidationError:
            return True


class AmountForm(DialogForm):
    """How much, and why."""

    amount = MoneyFormField(help_text="In whole currency units, such as 12.50.")
    memo = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())


class ReasonForm(DialogForm):
    """Why."""

    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())


class MoneyPage(ReadOnlyModelAdmin):
    """A page nobody edits, with actions for those whose role handles money."""

    def has_money_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether the user's role may move money."""
        return bool(request.user.has_perm("billing.change_invoice"))


def amount(nanos: int | None, currency: str, decimals: int | None = None) -> SafeString | str:
    """Return an amount for a column: figures of one width, negative ones marked."""
    if nanos is None:
        return "–"
    style = "font-variant-numeric:tabular-nums;white-space:nowrap" + (";color:#dc2626" if nanos < 0 else "")
    return format_html('<span style="{}">{}</span>', style, format_money(nanos, currency, decimals))


def done(request: HttpRequest, message: str, view_name: str, *args: Any) -> HttpResponse:
    """Say what was done and go on."""
    messages.success(request, message)
    return leave_dialog(view_name, *args)
