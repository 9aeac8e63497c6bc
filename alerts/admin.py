"""The admin pages of alerts: what happened, who hears of it, and what became of each delivery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldAdminURLInputWidget

from alerts import services
from alerts.limits import URL_CHARS_MAX
from alerts.models import Delivery, Event, Recipient, WebhookEndpoint
from alerts.validators import validate_kinds
from tenants.admin_base import ReadOnlyModelAdmin, ScopedModelAdmin, action, confirm, display, leave_dialog

if TYPE_CHECKING:
    _Form = forms.ModelForm[Any]
else:
    _Form = forms.ModelForm

SEVERITY_LABELS = {"Information": "info", "Warning": "warning", "Critical": "danger"}
STATE_LABELS = {"Pending": "warning", "Delivered": "success", "Failed": "danger"}


class KindsForm(_Form):
    """Kinds with spaces between, instead of JSON."""

    kinds = forms.CharField(
        required=False,
        max_length=2_000,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Such as fraud.* invoice.finalised; empty for all.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["kinds"] = " ".join(self.instance.kinds)

    def clean_kinds(self) -> list[str]:
        """Return the list."""
        kinds: list[str] = self.cleaned_data["kinds"].replace(",", " ").split()
        validate_kinds(kinds)
        return kinds


class RecipientForm(KindsForm):
    """Who is mailed about what."""

    class Meta:
        model = Recipient
        fields = ("user", "min_severity", "kinds", "is_active")


class WebhookEndpointForm(KindsForm):
    """Where which events are posted."""

    url = forms.URLField(max_length=URL_CHARS_MAX, assume_scheme="https", widget=UnfoldAdminURLInputWidget())

    class Meta:
        model = WebhookEndpoint
        fields = ("tenant", "url", "description", "kinds", "is_active")


@admin.register(Event)
class EventAdmin(ReadOnlyModelAdmin):
    """What happened, newest first."""

    list_display = ("created_at", "severity_label", "subject_link", "kind", "tenant", "is_dispatched")
    list_display_links = ("created_at",)
    list_filter = ("severity", "kind", ("tenant", AutocompleteSelectFilter), ("created_at", RangeDateTimeFilter))
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("subject", "kind", "tenant__name")
    search_help_text = "Subject, kind or tenant"
    ordering = ("-id",)
    fields = ("created_at", "severity_label", "subject_link", "kind", "tenant", "payload", "dispatched_at", "ways")
    readonly_fields = fields

    @display(description="Severity", label=SEVERITY_LABELS)
    def severity_label(self, obj: Event) -> str:
        """Return the severity."""
        return obj.get_severity_display()

    @display(description="What")
    def subject_link(self, obj: Event) -> SafeString | str:
        """Return the subject, with the way to what it is about."""
        url = obj.payload.get("admin_url", "")
        return format_html('<a href="{}">{}</a>', url, obj.subject) if url.startswith("/admin/") else obj.subject

    @display(description="Dispatched", boolean=True)
    def is_dispatched(self, obj: Event) -> bool:
        """Return whether its deliveries are planned."""
        return obj.dispatched_at is not None

    @display(description="Deliveries")
    def ways(self, obj: Event) -> SafeString | str:
        """Return the outcome of each delivery."""
        rows = (
            (item.get_channel_display(), item.receiver, item.get_state_display(), item.last_error)
            for item in obj.deliveries.order_by("pk")
        )
        return format_html_join("", "<div>{} {}: <strong>{}</strong> {}</div>", rows) or "–"


@admin.register(Recipient)
class RecipientAdmin(ScopedModelAdmin):
    """Who is mailed."""

    form = RecipientForm
    list_display = ("user", "tenant", "min_severity", "kinds", "is_active")
    list_filter = ("min_severity", "is_active")
    list_select_related = ("user", "tenant")
    search_fields = ("user__email", "tenant__name")
    search_help_text = "E-mail or tenant"
    autocomplete_fields = ("user",)

    def get_readonly_fields(self, request: HttpRequest, obj: Recipient | None = None) -> tuple[str, ...]:
        """Keep a wish with its person."""
        return ("user",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Recipient, form: forms.ModelForm[Any], change: bool) -> None:
        """Save for the user's own tenant."""
        obj.tenant = obj.user.tenant
        super().save_model(request, obj, form, change)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(ScopedModelAdmin):
    """Addresses that are told of events."""

    form = WebhookEndpointForm
    list_display = ("url", "tenant", "description", "kinds", "is_active", "created_at")
    list_filter = ("is_active", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("url", "description", "tenant__name")
    search_help_text = "Address, description or tenant"
    autocomplete_fields = ("tenant",)
    actions_detail = ("rotate_secret", "test")

    def get_readonly_fields(self, request: HttpRequest, obj: WebhookEndpoint | None = None) -> tuple[str, ...]:
        """Fix the owner once the endpoint exists."""
        return ("tenant",) if obj else ()

    def save_model(self, request: HttpRequest, obj: WebhookEndpoint, form: forms.ModelForm[Any], change: bool) -> None:
        """Save through the services; keep a new secret for the one page that shows it."""
        if change:
            services.update_endpoint(WebhookEndpoint.objects.get(pk=obj.pk), **form.cleaned_data)
            return
        endpoint, secret = services.create_endpoint(**form.cleaned_data)
        obj.pk = endpoint.pk
        obj._state.adding = False
        request.new_secret = (endpoint, secret)  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: WebhookEndpoint, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the secret, once; it goes through no cookie, session or log."""
        endpoint, secret = request.new_secret  # type: ignore[attr-defined]
        context = {
            **self.admin_site.each_context(request),
            "title": "Webhook endpoint",
            "endpoint": endpoint,
            "secret": secret,
        }
        response = TemplateResponse(request, "alerts/webhook_secret.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @action(
        description="New secret",
        url_path="rotate-secret",
        permissions=["change"],
        dialog=confirm("Make a new secret?", "The old one signs no more, at once.", "Make a new secret"),
    )
    def rotate_secret(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Make a secret and show it once."""
        endpoint = get_object_or_404(self.get_queryset(request), pk=object_id)
        secret = services.rotate_secret(endpoint)
        text = "New secret of {}, shown only now: <code data-secret>{}</code>"
        messages.success(request, format_html(text, endpoint.url, secret))
        return leave_dialog("admin:alerts_webhookendpoint_change", endpoint.pk)

    @action(
        description="Send a test event",
        url_path="test",
        permissions=["change"],
        dialog=confirm("Send a test event?", "All listeners of this tenant that want webhook.test get it.", "Send"),
    )
    def test(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Emit an event to see it arrive."""
        endpoint = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.send_test_event(endpoint)
        messages.success(request, "A test event is on its way.")
        return leave_dialog("admin:alerts_webhookendpoint_change", endpoint.pk)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyModelAdmin):
    """Each event on its way to each receiver."""

    list_display = ("event", "channel", "to", "state_label", "attempts", "next_attempt_at", "last_error")
    list_filter = ("state", "channel", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("event", "endpoint", "recipient__user", "tenant")
    search_fields = ("event__subject", "endpoint__url", "recipient__user__email")
    search_help_text = "Subject, address or e-mail"
    actions_detail = ("retry",)
    fields = ("event", "tenant", "channel", "to", "state_label", "attempts", "next_attempt_at", "delivered_at", "tries")
    readonly_fields = fields

    def has_retry_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Return whether the role may have deliveries tried again."""
        return bool(request.user.has_perm("alerts.change_delivery"))

    @display(description="Receiver")
    def to(self, obj: Delivery) -> str:
        """Return the receiver as people know it."""
        if obj.endpoint is not None:
            return obj.endpoint.url
        return obj.recipient.user.email if obj.recipient is not None else obj.receiver

    @display(description="State", label=STATE_LABELS)
    def state_label(self, obj: Delivery) -> str:
        """Return the outcome so far."""
        return obj.get_state_display()

    @display(description="Attempts made")
    def tries(self, obj: Delivery) -> SafeString | str:
        """Return each attempt and what the other side said."""
        rows = (
            (f"{item.at:%Y-%m-%d %H:%M:%S}", item.duration_ms, item.error or "arrived", item.response)
            for item in obj.log.order_by("pk")
        )
        return format_html_join("", "<div>{} ({} ms) {} <small>{}</small></div>", rows) or "–"

    @action(
        description="Try again",
        url_path="retry",
        permissions=["retry"],
        dialog=confirm("Try again?", "The delivery is attempted within seconds.", "Try again"),
    )
    def retry(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Have a failed delivery attempted again."""
        delivery = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.retry(delivery)
        messages.success(request, "It is tried again within seconds.")
        return leave_dialog("admin:alerts_delivery_change", delivery.pk)
