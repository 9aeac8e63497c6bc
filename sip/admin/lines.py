"""Lines in the admin: who is registered, passwords shown once, blocking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from sip import services
from sip.models import Line
from sip.registrations import Contact, contacts_of
from tenants.admin_base import ScopedModelAdmin, action, confirm, display, leave_dialog

if TYPE_CHECKING:
    _DialogForm = forms.Form
else:
    _DialogForm = BaseDialogForm


class BlockForm(_DialogForm):
    """Why a line is blocked."""

    reason = forms.CharField(max_length=200, widget=UnfoldAdminTextInputWidget())


class StateFilter(admin.SimpleListFilter):
    """Lines by whether they may be used."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("service", "In service"), ("blocked", "Blocked"), ("off", "Off")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Narrow the list."""
        if self.value() == "service":
            return queryset.in_service()
        if self.value() == "blocked":
            return queryset.blocked()
        return queryset.filter(is_active=False) if self.value() == "off" else queryset


@admin.register(Line)
class LineAdmin(ScopedModelAdmin):
    """SIP accounts of the tenants."""

    list_display = (
        "username",
        "extension",
        "tenant",
        "display_name",
        "caller_number",
        "registered",
        "state_label",
        "calls_max",
    )
    list_filter = (StateFilter, ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("username", "extension", "display_name", "caller_number", "tenant__name")
    search_help_text = "User name, extension, name, number or tenant"
    autocomplete_fields = ("tenant",)
    actions_detail = ("new_password", "block", "unblock")
    _shown = ("registered", "contacts", "state_label", "blocked_reason", "realm", "created_at")

    def get_fields(self, request: HttpRequest, obj: Line | None = None) -> tuple[str, ...]:
        """Ask for what a line needs; show more of one that exists."""
        asked = (
            "tenant",
            "username",
            "extension",
            "display_name",
            "caller_number",
            "contacts_max",
            "calls_max",
            "is_active",
        )
        return (*asked, *self._shown) if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Line | None = None) -> tuple[str, ...]:
        """Fix tenant and user name once the line exists: phones hold them."""
        return ("tenant", "username", *self._shown) if obj else ()

    def get_form(self, request: HttpRequest, obj: Line | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Let the user name of a new line be made for it."""
        form = super().get_form(request, obj, change, **kwargs)
        if "username" in form.base_fields:
            form.base_fields["username"].required = False
            form.base_fields["username"].help_text = "Empty: made from the tenant and the extension."
        return form

    def has_block_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while the line is in service."""
        return self._may_block(request, object_id, is_blocked=False)

    def has_unblock_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while the line is blocked."""
        return self._may_block(request, object_id, is_blocked=True)

    def _may_block(self, request: HttpRequest, object_id: str | None, is_blocked: bool) -> bool:
        if not self.has_change_permission(request):
            return False
        line = self.get_queryset(request).filter(pk=object_id).first() if object_id else None
        return line is None or line.is_blocked == is_blocked

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Look up who is registered, once for the page."""
        changelist = super().get_changelist_instance(request)
        lines = list(changelist.result_list)
        found = contacts_of(line.username for line in lines)
        for line in lines:
            line.known_contacts = found.get(line.username, []) if found is not None else None
        changelist.result_list = lines
        return changelist

    @display(
        description="Registered", label={"Registered": "success", "Not registered": "default", "Unknown": "warning"}
    )
    def registered(self, obj: Line) -> str:
        """Tell whether a phone is registered now."""
        contacts = _contacts(obj)
        if contacts is None:
            return "Unknown"
        return "Registered" if contacts else "Not registered"

    @display(description="Phones")
    def contacts(self, obj: Line) -> SafeString | str:
        """Return the phones that are registered now."""
        rows = [
            (contact.user_agent or "unnamed phone", contact.address, f"{contact.expires_at:%H:%M:%S} UTC")
            for contact in _contacts(obj) or ()
        ]
        return format_html_join("", "<div>{} at {}, until {}</div>", rows) or "–"

    @display(description="State", label={"In service": "success", "Blocked": "danger", "Off": "warning"})
    def state_label(self, obj: Line) -> str:
        """Return whether the line may be used."""
        if obj.is_blocked:
            return "Blocked"
        return "In service" if obj.is_active and obj.tenant.is_active else "Off"

    def save_model(self, request: HttpRequest, obj: Line, form: forms.ModelForm[Line], change: bool) -> None:
        """Save through the services; keep a new line's password for the one page that shows it."""
        if change:
            before = Line.objects.get(pk=obj.pk)
            services.update_line(before, **{name: form.cleaned_data[name] for name in form.changed_data})
            return
        line, password = services.create_line(**form.cleaned_data)
        obj.pk = line.pk
        obj._state.adding = False
        request.new_password = (line, password)  # type: ignore[attr-defined]

    def delete_model(self, request: HttpRequest, obj: Line) -> None:
        """Delete through the service."""
        services.delete_line(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Delete each through the service."""
        for line in queryset:
            services.delete_line(line)

    def response_add(self, request: HttpRequest, obj: Line, post_url_continue: str | None = None) -> HttpResponse:
        """Show the password, once; it goes through no cookie, session or log."""
        line, password = request.new_password  # type: ignore[attr-defined]
        return self._password_page(request, line, password)

    def _password_page(self, request: HttpRequest, line: Line, password: str) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "title": "Line", "line": line, "password": password}
        response = TemplateResponse(request, "sip/line_password.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @action(
        description="New password",
        url_path="new-password",
        permissions=["change"],
        dialog=confirm(
            "Give this line a new password?", "Phones with the old one register no more.", "Make a new password"
        ),
    )
    def new_password(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Make a password and show it where the question stood."""
        line = get_object_or_404(self.get_queryset(request), pk=object_id)
        context = {"line": line, "password": services.set_password(line)}
        response = TemplateResponse(request, "sip/line_password_dialog.html", context)
        # unfold's dialog would keep its button; the answer takes the place of the whole of it.
        for name, value in (("HX-Retarget", "#dialog"), ("HX-Reselect", "#dialog"), ("Cache-Control", "no-store")):
            response[name] = value
        return response

    @action(
        description="Block",
        url_path="block",
        permissions=["block"],
        dialog={
            "title": "Block this line?",
            "description": "It registers and calls no more; calls that are up go on.",
            "form_class": BlockForm,
            "form_submit_text": "Block",
        },
    )
    def block(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take the line out of service."""
        line = get_object_or_404(self.get_queryset(request), pk=object_id)
        if services.block_line(line.pk, form.cleaned_data["reason"]):
            messages.success(request, f"{line.username} is blocked.")
        else:
            messages.warning(request, f"{line.username} was blocked already.")
        return leave_dialog("admin:sip_line_change", line.pk)

    @action(
        description="Unblock",
        url_path="unblock",
        permissions=["unblock"],
        dialog=confirm("Unblock this line?", "It may register and call again.", "Unblock"),
    )
    def unblock(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Put the line back into service."""
        line = get_object_or_404(self.get_queryset(request), pk=object_id)
        if services.unblock_line(line.pk):
            messages.success(request, f"{line.username} is back in service.")
        else:
            messages.warning(request, f"{line.username} was not blocked.")
        return leave_dialog("admin:sip_line_change", line.pk)


def _contacts(line: Line) -> list[Contact] | None:
    """Return what the list looked up for the page, or ask for the one line."""
    if not hasattr(line, "known_contacts"):
        found = contacts_of([line.username])
        line.known_contacts = found[line.username] if found is not None else None  # type: ignore[attr-defined]
    known: list[Contact] | None = line.known_contacts  # type: ignore[attr-defined]
    return known
