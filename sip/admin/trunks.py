"""Trunks and routes in the admin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextareaWidget

from sip import services
from sip.models import Route, Trunk
from sip.models.trunk import SOURCES_MAX
from sip.stack.message.grammar import format_host_port
from sip.trunk_states import nodes_without
from sip.validators import validate_source
from tenants.admin_base import ScopedModelAdmin, display
from tenants.choices import TenantKind
from tenants.models import Tenant

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _Inline = TabularInline[Any, Any]
    _Form = forms.ModelForm[Trunk]
else:
    from unfold.admin import TabularInline as _Inline

    _Form = forms.ModelForm


class TrunkForm(_Form):
    """A trunk, with a password that is never shown again and one address a line."""

    source_addresses = forms.CharField(
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="One a line; address:port narrows. Empty means those of the host, from any port.",
    )
    password = forms.CharField(
        required=False,
        max_length=services.PASSWORD_LENGTH_MAX,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text="For a carrier that challenges us. Kept as a digest; empty leaves it as it is.",
    )

    class Meta:
        model = Trunk
        fields = (
            "name",
            "host",
            "port",
            "transport",
            "enum_suffix",
            "zone",
            "tls_name",
            "source_addresses",
            "calls_max",
            "country",
            "is_active",
            "ping_interval_s",
            "follows_redirects",
            "auth_username",
            "auth_realm",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["source_addresses"] = "\n".join(self.instance.source_addresses)

    def clean_source_addresses(self) -> list[str]:
        """Return the lines, each checked."""
        sources: list[str] = self.cleaned_data["source_addresses"].replace(",", " ").split()
        if len(sources) > SOURCES_MAX:
            raise forms.ValidationError(f"At most {SOURCES_MAX} addresses.")
        for source in sources:
            validate_source(source)
        return sources

    def _post_clean(self) -> None:
        # The operator owns every trunk; set before the model's own checks ask for it.
        if self.instance.tenant_id is None:
            self.instance.tenant = Tenant.objects.get(kind=TenantKind.OPERATOR)
        super()._post_clean()  # type: ignore[misc]


class RouteInline(_Inline):
    """The trunk's routes, to look at."""

    model = Route
    fields = ("prefix", "priority", "is_active")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Routes are made on their own page."""
        return False


@admin.register(Trunk)
class TrunkAdmin(ScopedModelAdmin):
    """Connections to carriers."""

    form = TrunkForm
    list_display = ("name", "address", "sources", "country", "calls_max", "state_label")
    list_filter = ("is_active", "transport", "zone", "country")
    search_fields = ("name", "host")
    search_help_text = "Name or address"
    inlines = (RouteInline,)

    def get_fields(self, request: HttpRequest, obj: Trunk | None = None) -> tuple[str, ...]:
        """Ask for the password beside the user name."""
        return (*TrunkForm.Meta.fields, "password")

    @display(description="Address", ordering="host")
    def address(self, obj: Trunk) -> str:
        """Return where its calls go to."""
        if obj.enum_suffix:
            return f"ENUM below {obj.enum_suffix}"
        return f"{obj.get_transport_display()} {format_host_port(obj.host, obj.port)}".strip()

    @display(description="Takes calls from")
    def sources(self, obj: Trunk) -> str:
        """Return the first of its addresses."""
        first = ", ".join(obj.source_addresses[:2])
        rest = len(obj.source_addresses) - 2
        if not obj.source_addresses:
            first = obj.tls_name or ("where its name leads" if obj.host else "nowhere")
        return f"{first} and {rest} more" if rest > 0 else first

    @display(description="State", label={"In service": "success", "Off": "warning", "No answer": "danger"})
    def state_label(self, obj: Trunk) -> str:
        """Return whether it takes calls, and whether a node passes it over since it does not answer OPTIONS."""
        if not obj.is_active:
            return "Off"
        return "No answer" if getattr(obj, "nodes_without", ()) else "In service"

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Look up which trunks nodes pass over, once for the page."""
        changelist = super().get_changelist_instance(request)
        trunks = list(changelist.result_list)
        found = nodes_without(time.time()) or {}
        for trunk in trunks:
            trunk.nodes_without = found.get(trunk.pk, [])
        changelist.result_list = trunks
        return changelist

    def save_model(self, request: HttpRequest, obj: Trunk, form: forms.ModelForm[Trunk], change: bool) -> None:
        """Save through the services."""
        if change:
            before = Trunk.objects.get(pk=obj.pk)
            services.update_trunk(before, **{name: form.cleaned_data[name] for name in form.changed_data})
            return
        obj.pk = services.create_trunk(obj.tenant, **form.cleaned_data).pk
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Trunk) -> None:
        """Delete through the service."""
        services.delete_trunk(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """Delete each through the service."""
        for trunk in queryset:
            services.delete_trunk(trunk)


@admin.register(Route)
class RouteAdmin(ScopedModelAdmin):
    """Which trunk a number may go to."""

    list_display = ("prefix_text", "trunk", "priority", "is_active")
    list_filter = ("is_active", "trunk")
    list_select_related = ("trunk",)
    search_fields = ("prefix", "trunk__name")
    search_help_text = "Prefix or trunk"
    autocomplete_fields = ("trunk",)
    fields = ("prefix", "trunk", "priority", "is_active")

    @display(description="Numbers", ordering="prefix")
    def prefix_text(self, obj: Route) -> SafeString | str:
        """Return the prefix, or that it is for every number."""
        return f"{obj.prefix}…" if obj.prefix else format_html("<em>{}</em>", "every number")

    def save_model(self, request: HttpRequest, obj: Route, form: forms.ModelForm[Route], change: bool) -> None:
        """Save through the services."""
        if change:
            before = Route.objects.get(pk=obj.pk)
            services.update_route(before, **{name: form.cleaned_data[name] for name in form.changed_data})
            return
        obj.pk = services.create_route(**form.cleaned_data).pk
        obj._state.adding = False
