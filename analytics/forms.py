"""What a viewer chooses on the dashboard."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet

from analytics import limits
from tenants.models import Tenant


class WindowForm(forms.Form):
    """Days, both included and in the viewer's zone, and perhaps one tenant and one currency."""

    first = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    tenant: forms.ModelChoiceField[Tenant] = forms.ModelChoiceField(
        Tenant.objects.none(), required=False, empty_label="All tenants"
    )
    currency = forms.CharField(max_length=3, required=False)

    def __init__(self, data: Any, tenants: QuerySet[Tenant]) -> None:
        super().__init__(data)
        if tenants.count() > 1:
            self.fields["tenant"].queryset = tenants  # type: ignore[attr-defined]
        else:
            del self.fields["tenant"]

    def clean(self) -> dict[str, Any]:
        """Refuse windows that end before they begin or are too long."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last:
            if last < first:
                self.add_error("last", "The window ends before it begins.")
            elif (last - first).days >= limits.WINDOW_DAYS_MAX:
                self.add_error("first", f"At most {limits.WINDOW_DAYS_MAX} days.")
        return cleaned
