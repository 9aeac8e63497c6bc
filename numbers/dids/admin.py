"""Numbers in the admin: stock, who has which, and the line that rings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelect2Widget, UnfoldAdminTextInputWidget

from dids import services
from dids.choices import DidState
from dids.errors import InvalidDid
from dids.models import Did
from dids.states import TRANSITIONS, Action
from sip.models import Line
from tenants.admin_base import ScopedModelAdmin, action, confirm, display, leave_dialog
from tenants.models import Tenant

if TYPE_CHECKING:
    _DialogForm = forms.Form
    _Form = forms.ModelForm[Did]
else:
    _DialogForm = BaseDialogForm
    _Form = forms.ModelForm


class NewDidForm(_Form):
    """A number for somebody's stock."""

    number = forms.CharField(
        max_length=40, widget=UnfoldAdminTextInputWidget(), help_text="E.164, or as it is dialled at home."
    )

    class Meta:
        model = Did
        fields = ("pool", "number")

    def clean_number(self) -> str:
        """Read it as the pool's country writes numbers."""
        text: str = self.cleaned_data["number"]
        pool = self.cleaned_data.get("pool")
        if pool is None:
            return text
        try:
            return services.read_number(pool, text)
        except InvalidDid as error:
            raise forms.ValidationError(error.message) from error


class TenantForm(_DialogForm):
    """Who gets the number."""

    tenant = forms.ModelChoiceField(Tenant.objects.none(), widget=UnfoldAdminSelect2Widget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["tenant"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Tenant.objects.visible().active()


class AssignForm(TenantForm):
    """Who gets the number, and the line that rings."""

    line = forms.CharField(
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget(),
        help_text="User name or extension of the tenant's line that rings; may be named later.",
    )

    def clean(self) -> dict[str, Any]:
        """Find the line."""
        cleaned = super().clean() or self.cleaned_data
        wanted, tenant = cleaned.get("line"), cleaned.get("tenant")
        cleaned["line_found"] = None
        if wanted and tenant is not None:
            lines = Line.objects.visible().of(tenant)
            found = lines.filter(username=wanted).first() or lines.filter(extension=wanted).first()
            if found is None:
                self.add_error("line", f"{tenant} has no line {wanted}.")
            cleaned["line_found"] = found
        return cleaned


@admin.register(Did)
class DidAdmin(ScopedModelAdmin):
    """Public numbers of the platform."""

    list_display = ("printed_number", "country", "state_label", "tenant", "line", "pool", "assigned_at")
    list_filter = ("state", "country", ("tenant", AutocompleteSelectFilter), ("pool", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant", "line", "pool")
    search_fields = ("number", "tenant__name", "line__username")
    search_help_text = "Digits, tenant or line"
    autocomplete_fields = ("pool", "line")
    actions_detail = ("reserve", "assign", "release")
    _shown = ("country", "state_label", "tenant", "pool", "assigned_at", "quarantined_until", "created_at")

    def get_fields(self, request: HttpRequest, obj: Did | None = None) -> tuple[str, ...]:
        """Ask for number and stock; show more of a number that exists, and let it be led elsewhere."""
        return ("number", "line", *self._shown) if obj else ("pool", "number")

    def get_readonly_fields(self, request: HttpRequest, obj: Did | None = None) -> tuple[str, ...]:
        """Change only the line, and only of a number that somebody has."""
        if obj is None:
            return ()
        return ("number", *self._shown, *(() if obj.state == DidState.ASSIGNED else ("line",)))

    def get_form(self, request: HttpRequest, obj: Did | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Let a new number be written in the stock's national form."""
        return super().get_form(request, obj, change, **(kwargs if obj else kwargs | {"form": NewDidForm}))

    def has_delete_permission(self, request: HttpRequest, obj: Did | None = None) -> bool:
        """Offer to remove only a number that nobody has."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.state == DidState.AVAILABLE)

    def has_reserve_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while nobody has the number."""
        return self._may(request, object_id, Action.RESERVE)

    def has_assign_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while the number is in stock or reserved."""
        return self._may(request, object_id, Action.ASSIGN)

    def has_release_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while somebody has the number."""
        return self._may(request, object_id, Action.RELEASE)

    def _may(self, request: HttpRequest, object_id: str | None, deed: Action) -> bool:
        if not self.has_change_permission(request):
            return False
        did = self.get_queryset(request).filter(pk=object_id).first() if object_id else None
        return did is None or (did.state, deed) in TRANSITIONS

    @display(description="Number", ordering="number")
    def printed_number(self, obj: Did) -> str:
        """Return the number as people read it."""
        return obj.printed

    @display(
        description="State",
        label={"Available": "success", "Reserved": "warning", "Assigned": "info", "Quarantined": "danger"},
    )
    def state_label(self, obj: Did) -> str:
        """Return where the number stands."""
        return obj.get_state_display()

    def save_model(self, request: HttpRequest, obj: Did, form: forms.ModelForm[Did], change: bool) -> None:
        """Save through the services."""
        if change:
            if "line" in form.changed_data:
                services.route_to_line(obj.pk, form.cleaned_data["line"])
            return
        made = services.add_did(form.cleaned_data["pool"], form.cleaned_data["number"])
        obj.pk, obj.number = made.pk, made.number
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Did) -> None:
        """Remove through the service."""
        services.remove_did(obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Remove each through the service."""
        for did in queryset:
            services.remove_did(did.pk)

    @action(
        description="Reserve",
        url_path="reserve",
        permissions=["reserve"],
        dialog={
            "title": "Reserve this number?",
            "description": "It is kept for the tenant.",
            "form_class": TenantForm,
            "form_submit_text": "Reserve",
        },
    )
    def reserve(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Keep the number for a tenant."""
        did = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.reserve(did.pk, form.cleaned_data["tenant"])
        messages.success(request, f"{did.printed} is reserved for {form.cleaned_data['tenant']}.")
        return leave_dialog("admin:dids_did_change", did.pk)

    @action(
        description="Assign",
        url_path="assign",
        permissions=["assign"],
        dialog={
            "title": "Assign this number?",
            "description": "Calls to it ring at the line from then on.",
            "form_class": AssignForm,
            "form_submit_text": "Assign",
        },
    )
    def assign(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Give the number to a tenant."""
        did = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.assign(did.pk, form.cleaned_data["tenant"], form.cleaned_data["line_found"])
        messages.success(request, f"{did.printed} is assigned to {form.cleaned_data['tenant']}.")
        return leave_dialog("admin:dids_did_change", did.pk)

    @action(
        description="Release",
        url_path="release",
        permissions=["release"],
        dialog=confirm("Release this number?", "Calls to it are refused; it rests before it is available.", "Release"),
    )
    def release(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take the number back."""
        did = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.release(did.pk)
        messages.success(request, f"{did.printed} is released.")
        return leave_dialog("admin:dids_did_change", did.pk)
