"""Fraud rules in the admin: prefixes as people list them, money in whole units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from billing.money import format_money, format_nanos, parse_nanos
from fraud import services
from fraud.choices import RuleKind
from fraud.limits import PREFIX_DIGITS_MAX, PREFIXES_MAX
from fraud.models import Rule
from tenants.admin_base import ScopedModelAdmin, display

if TYPE_CHECKING:
    _RuleForm = forms.ModelForm[Rule]
else:
    _RuleForm = forms.ModelForm

SEVERITY_LABELS = {"Information": "info", "Warning": "warning", "Critical": "danger"}


class RuleForm(_RuleForm):
    """Prefixes as people list them, money in whole units."""

    prefixes = forms.CharField(
        required=False,
        max_length=PREFIXES_MAX * (PREFIX_DIGITS_MAX + 1),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text="Barred destinations: digits without +, separated by spaces or lines, such as 53 881 8823.",
    )
    spend_max_nanos = forms.CharField(
        required=False,
        max_length=20,
        label="Spending at most",
        widget=UnfoldAdminTextInputWidget(),
        help_text="Spending per hour: the cap in units of the currency, such as 25.00.",
    )

    class Meta:
        model = Rule
        fields = (
            "tenant",
            "line",
            "name",
            "kind",
            "action",
            "severity",
            "counted_by",
            "prefixes",
            "calls_max",
            "spend_max_nanos",
            "currency",
            "is_active",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["prefixes"] = " ".join(self.instance.prefixes)
            if self.instance.spend_max_nanos:
                self.initial["spend_max_nanos"] = format_nanos(self.instance.spend_max_nanos)

    def clean_prefixes(self) -> list[str]:
        """Return the list."""
        text: str = self.cleaned_data["prefixes"]
        return text.replace(",", " ").split()

    def clean_spend_max_nanos(self) -> int | None:
        """Return nano-units."""
        text: str = self.cleaned_data["spend_max_nanos"].strip()
        try:
            return parse_nanos(text) if text else None
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error


@admin.register(Rule)
class RuleAdmin(ScopedModelAdmin):
    """Calls that must not be made. A change reaches running nodes in under a second."""

    form = RuleForm
    list_display = ("name", "kind_label", "limit", "holds_for", "action_label", "severity_label", "is_active")
    list_filter = ("kind", "action", "is_active", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant", "line")
    search_fields = ("name", "tenant__name", "line__username")
    search_help_text = "Name, tenant or line"
    autocomplete_fields = ("tenant", "line")
    conditional_fields = {
        "prefixes": "kind == 'barred_destination'",
        "counted_by": "kind != 'barred_destination'",
        "calls_max": "kind == 'concurrent_calls'",
        "spend_max_nanos": "kind == 'spend_per_hour'",
        "currency": "kind == 'spend_per_hour'",
    }
    """Shown while the form's kind needs them (unfold's own, in Alpine's language)."""
    fieldsets = (
        (None, {"fields": ("name", "tenant", "line", "is_active")}),
        (
            "What it looks at",
            {"fields": ("kind", "counted_by", "prefixes", "calls_max", "spend_max_nanos", "currency")},
        ),
        ("What a hit does", {"fields": ("action", "severity")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Rule | None = None) -> tuple[str, ...]:
        """Fix the owner once the rule exists: its cases belong to it."""
        return ("tenant",) if obj else ()

    @display(description="Looks at")
    def kind_label(self, obj: Rule) -> str:
        """Return the kind."""
        return obj.get_kind_display()

    @display(description="Limit")
    def limit(self, obj: Rule) -> str:
        """Return what is too much."""
        if obj.kind == RuleKind.BARRED_DESTINATION:
            shown = " ".join(obj.prefixes[:6])
            return f"{shown} … ({len(obj.prefixes)})" if len(obj.prefixes) > 6 else shown
        each = f"each {obj.counted_by}"
        if obj.kind == RuleKind.CONCURRENT_CALLS:
            return f"{obj.calls_max} calls, {each}"
        return f"{format_money(obj.spend_max_nanos or 0, obj.currency)}, {each}"

    @display(description="Holds for")
    def holds_for(self, obj: Rule) -> str:
        """Return the line, or the tenant with all below it."""
        if obj.line is not None:
            return f"line {obj.line.username}"
        return "everybody" if obj.tenant.parent_id is None else str(obj.tenant)

    @display(description="A hit", label={"Refuse the call": "info", "Refuse the call and block the line": "danger"})
    def action_label(self, obj: Rule) -> str:
        """Return what a hit does."""
        return obj.get_action_display()

    @display(description="Severity", label=SEVERITY_LABELS)
    def severity_label(self, obj: Rule) -> str:
        """Return the severity of its cases."""
        return obj.get_severity_display()

    def save_model(self, request: HttpRequest, obj: Rule, form: forms.ModelForm[Rule], change: bool) -> None:
        """Save through the services."""
        values = dict(form.cleaned_data)
        if change:
            services.update_rule(Rule.objects.get(pk=obj.pk), **values)
            return
        obj.pk = services.create_rule(values.pop("tenant"), **values).pk
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Rule) -> None:
        """Delete through the service."""
        services.delete_rule(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Rule]) -> None:
        """Delete each through the service."""
        for rule in queryset:
            services.delete_rule(rule)
