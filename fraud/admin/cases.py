"""Fraud cases in the admin, made for the night shift: what, who, since when, and one click to act."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from fraud import services
from fraud.admin.rules import SEVERITY_LABELS
from fraud.choices import CaseState
from fraud.limits import EVIDENCE_SHOWN_MAX, NOTE_CHARS_MAX
from fraud.models import Case
from fraud.querysets import urgency
from fraud.states import TRANSITIONS, Action
from tenants.admin_base import ReadOnlyModelAdmin, action, confirm, display, leave_dialog
from tenants.scope import current_actor

if TYPE_CHECKING:
    _DialogForm = forms.Form
else:
    _DialogForm = BaseDialogForm

DEEDS: dict[str, tuple[str, str, Callable[[int], object]]] = {
    "acknowledge": ("Acknowledge", "is acknowledged", lambda case_id: services.acknowledge(case_id, current_actor())),
    "block": ("Block line", "is blocked", services.block),
    "unblock": ("Unblock line", "is back in service", services.unblock),
}
"""What a button in the list does: its text, what it leads to, and the use case."""


class StateFilter(admin.SimpleListFilter):
    """Cases by whether they are settled; unsettled ones unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices besides the unsettled ones."""
        return [(str(value), str(label)) for value, label in CaseState.choices] + [("all", "All")]

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Name the default."""
        for choice in super().choices(changelist):
            is_default = self.parameter_name not in choice["query_string"]
            yield {**choice, "display": "Unsettled"} if is_default else choice

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Narrow the list."""
        if self.value() is None:
            return queryset.unsettled()
        return queryset if self.value() == "all" else queryset.filter(state=self.value())


class CloseForm(_DialogForm):
    """What was found out."""

    note = forms.CharField(
        required=False, max_length=NOTE_CHARS_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4})
    )


@admin.register(Case)
class CaseAdmin(ReadOnlyModelAdmin):
    """Cases, the most urgent first."""

    list_display = ("severity_label", "what", "who", "hits", "since", "latest", "state_label", "line_state", "buttons")
    list_display_links = ("severity_label", "what")
    list_filter = (
        StateFilter,
        "severity",
        "rule_kind",
        ("tenant", AutocompleteSelectFilter),
        ("last_hit_at", RangeDateTimeFilter),
    )
    list_filter_submit = True
    list_select_related = ("tenant", "line")
    search_fields = ("rule_name", "line__username", "tenant__name", "note")
    search_help_text = "Rule, line, tenant or note"
    actions = None
    actions_detail = ("acknowledge", "close", "block", "unblock")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("what", "who"),
                    ("severity_label", "hits"),
                    ("state_label", "line_state"),
                    ("since", "latest"),
                )
            },
        ),
        ("Refused calls", {"fields": ("calls",)}),
        ("Who did what", {"fields": (("acknowledged", "closed"), "note")}),
    )

    class Media:
        css = {"all": ("fraud/cases.css",)}

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order as the night shift reads, until a column is clicked."""
        return urgency()

    def get_list_display(self, request: HttpRequest) -> Any:
        """Show buttons to who may press them."""
        return [name for name in self.list_display if name != "buttons" or self.has_act_permission(request)]

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Return whether the role may settle cases."""
        return bool(request.user.has_perm("fraud.change_case"))

    def has_acknowledge_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while nobody is on the case."""
        return self._may(request, object_id, lambda case: (case.state, Action.ACKNOWLEDGE) in TRANSITIONS)

    def has_close_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while the case is not settled."""
        return self._may(request, object_id, lambda case: (case.state, Action.CLOSE) in TRANSITIONS)

    def has_block_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while the line is in service."""
        return self._may(request, object_id, lambda case: not case.line.is_blocked)

    def has_unblock_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Offer it while the line is blocked."""
        return self._may(request, object_id, lambda case: case.line.is_blocked)

    def _may(self, request: HttpRequest, object_id: str | None, fits: Callable[[Case], bool]) -> bool:
        if not self.has_act_permission(request):
            return False
        case = self.get_queryset(request).select_related("line").filter(pk=object_id).first() if object_id else None
        return case is None or fits(case)

    def get_urls(self) -> list[URLPattern]:
        """Add the address of the list's buttons."""
        view = require_POST(self.admin_site.admin_view(self.act))
        return [path("<int:case_id>/act/<slug:deed>/", view, name="fraud_case_act"), *super().get_urls()]

    def act(self, request: HttpRequest, case_id: int, deed: str) -> HttpResponse:
        """Do what a button of the list says, and go back to the list as it was."""
        if deed not in DEEDS or not self.has_act_permission(request):
            raise Http404
        case = get_object_or_404(self.get_queryset(request), pk=case_id)
        _, outcome, do = DEEDS[deed]
        do(case.pk)
        what = case.rule_name if deed == "acknowledge" else f"Line {case.line.username}"
        messages.success(request, f"{what} {outcome}.")
        came_from = request.headers.get("Referer", "")
        is_ours = url_has_allowed_host_and_scheme(came_from, {request.get_host()}, request.is_secure())
        return redirect(came_from if is_ours else reverse("admin:fraud_case_changelist"))

    @display(description="Severity", label=SEVERITY_LABELS)
    def severity_label(self, obj: Case) -> str:
        """Return the severity."""
        return obj.get_severity_display()

    @display(description="What")
    def what(self, obj: Case) -> SafeString:
        """Return the rule as it was named."""
        return format_html(
            "<div><strong>{}</strong><br><small>{}</small></div>", obj.rule_name, obj.get_rule_kind_display()
        )

    @display(description="Who")
    def who(self, obj: Case) -> SafeString:
        """Return line and tenant."""
        line = reverse("admin:sip_line_change", args=(obj.line_id,))
        return format_html(
            '<div><a href="{}">{}</a><br><small>{}</small></div>', line, obj.line.username, obj.tenant.name
        )

    @display(description="Since", ordering="first_hit_at")
    def since(self, obj: Case) -> str:
        """Return when the first call was refused."""
        return _time(obj.first_hit_at)

    @display(description="Last hit", ordering="last_hit_at")
    def latest(self, obj: Case) -> str:
        """Return when the last call was refused."""
        return _time(obj.last_hit_at)

    @display(description="State", label={"Open": "danger", "Acknowledged": "warning", "Closed": "success"})
    def state_label(self, obj: Case) -> str:
        """Return where the case stands."""
        return obj.get_state_display()

    @display(description="Line", label={"Blocked": "danger", "In service": "success"})
    def line_state(self, obj: Case) -> str:
        """Return whether the line is blocked."""
        return "Blocked" if obj.line.is_blocked else "In service"

    @display(description="Act")
    def buttons(self, obj: Case) -> SafeString | str:
        """Return what can be done now; each button sends the list's own form, token included, to ``act``."""
        deeds = ["acknowledge"] if obj.state == CaseState.OPEN else []
        deeds.append("unblock" if obj.line.is_blocked else "block")
        return format_html_join(
            " ",
            '<button class="case-act" type="submit" formmethod="post" formnovalidate formaction="{}">{}</button>',
            ((reverse("admin:fraud_case_act", args=(obj.pk, deed)), DEEDS[deed][0]) for deed in deeds),
        )

    @display(description="Acknowledged")
    def acknowledged(self, obj: Case) -> str:
        """Return who was on it, since when."""
        return f"{_time(obj.acknowledged_at)} by {obj.acknowledged_by}" if obj.acknowledged_at else "–"

    @display(description="Closed")
    def closed(self, obj: Case) -> str:
        """Return who settled it, when."""
        return f"{_time(obj.closed_at)} by {obj.closed_by}" if obj.closed_at else "–"

    @display(description="Calls")
    def calls(self, obj: Case) -> SafeString:
        """Return the latest refused calls as a table."""
        calls = obj.evidence.all()[:EVIDENCE_SHOWN_MAX]
        rows = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            ((f"{call.at:%Y-%m-%d %H:%M:%S}", call.caller, call.called, call.peer) for call in calls),
        )
        return format_html(
            '<div class="case-calls tl-wide"><table><thead><tr><th>At (UTC)</th><th>From</th><th>To</th><th>Peer</th>'
            "</tr></thead><tbody>{}</tbody></table></div>",
            rows,
        )

    @action(
        description="Acknowledge",
        url_path="acknowledge",
        permissions=["acknowledge"],
        dialog=confirm("Acknowledge this case?", "It says that you are on it.", "Acknowledge"),
    )
    def acknowledge(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Say that somebody is on it."""
        case = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.acknowledge(case.pk, current_actor())
        return leave_dialog("admin:fraud_case_change", case.pk)

    @action(
        description="Close case",
        url_path="close",
        permissions=["close"],
        dialog={
            "title": "Close this case?",
            "description": "The next hit opens a new one. A blocked line stays blocked.",
            "form_class": CloseForm,
            "form_submit_text": "Close",
        },
    )
    def close(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Settle the case."""
        case = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.close(case.pk, current_actor(), form.cleaned_data["note"])
        messages.success(request, "The case is closed.")
        return leave_dialog("admin:fraud_case_change", case.pk)

    @action(
        description="Block line",
        url_path="block",
        permissions=["block"],
        dialog=confirm("Block the line?", "It registers and calls no more; calls that are up go on.", "Block"),
    )
    def block(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Take the line out of service."""
        case = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.block(case.pk)
        messages.success(request, f"{case.line.username} is blocked.")
        return leave_dialog("admin:fraud_case_change", case.pk)

    @action(
        description="Unblock line",
        url_path="unblock",
        permissions=["unblock"],
        dialog=confirm("Unblock the line?", "It may call again; hits from before do not block it again.", "Unblock"),
    )
    def unblock(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Put the line back into service."""
        case = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.unblock(case.pk)
        messages.success(request, f"{case.line.username} is back in service.")
        return leave_dialog("admin:fraud_case_change", case.pk)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
