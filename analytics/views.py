"""The two pages: billing dashboard and live calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from analytics import limits
from analytics.access import frame, page, viewer, zone_of
from analytics.forms import WindowForm
from analytics.kpis import KPIS
from analytics.windows import Window, last_days
from tenants.models import Tenant

if TYPE_CHECKING:
    from analytics.dashboard import Choice

DEFAULT_DAYS = 7
PRESETS = (("Today", 1), ("7 days", 7), ("30 days", 30), ("90 days", 90))
_TENANTS_KPIS = (
    "charges",
    "seizures",
    "answered",
    "refused",
    "minutes",
    "asr",
    "ner",
    "acd_s",
    "pdd_mean_s",
    "pdd_p95_s",
)
_LIVE_KPIS = ("calls_now", "attempts_per_s")


@require_GET
@page("analytics", "billing")
def billing(request: HttpRequest) -> HttpResponse:
    """Show revenue, cost and margin, top destinations, open invoices by age, and quality."""
    from analytics import dashboard  # Late: pandas is for who asks.

    form, choice, currencies = _chosen(request)
    now = timezone.now()
    shown = [key for key in KPIS if key not in {"charges", *_LIVE_KPIS}] if choice.is_operator else _TENANTS_KPIS
    context = frame(request, "Billing dashboard" if choice.is_operator else "Figures") | {
        "form": form,
        "choice": choice,
        "currencies": currencies,
        "presets": _presets(choice.window),
        "tiles": dashboard.tiles(choice),
        "charts": dashboard.charts(choice, now),
        "destinations": dashboard.table(choice, "destination", limits.TOP_DESTINATIONS),
        "quality_destinations": dashboard.quality(choice, "destination"),
        "quality_trunks": dashboard.quality(choice, "trunk") if choice.is_operator else [],
        "tenants": dashboard.table(choice, "tenant", limits.TOP_DESTINATIONS) if _sees_others(form) else [],
        "money_kpi": "revenue" if choice.is_operator else "charges",
        "exports": [(key, title) for key, title in dashboard.EXPORTS.items() if _may_export(choice, key)],
        "query": request.GET.urlencode(),
        "definitions": [KPIS[key] for key in shown],
    }
    return render(request, "analytics/billing.html", context)


@require_GET
@page("analytics", "billing")
def export(request: HttpRequest, what: str) -> HttpResponse:
    """Send one table of the dashboard as CSV."""
    from analytics import dashboard

    _, choice, _ = _chosen(request)
    if what not in dashboard.EXPORTS or not _may_export(choice, what):
        raise Http404
    response = HttpResponse(dashboard.export(choice, what, timezone.now()), content_type="text/csv; charset=utf-8")
    name = f"trunkline-{what}-{choice.window.first}-{choice.window.last}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_GET
@page("analytics")
def live(request: HttpRequest) -> HttpResponse:
    """Show the calls in progress; the page itself holds none, its websocket brings them."""
    user = viewer(request)
    context = frame(request, "Live calls") | {
        "shows_tenants": user.is_operator or Tenant.objects.visible().count() > 1,
        "definitions": [KPIS[key] for key in _LIVE_KPIS],
    }
    return render(request, "analytics/live.html", context)


def _chosen(request: HttpRequest) -> tuple[WindowForm, Choice, list[str]]:
    """Return the form, what it chooses, and the currencies there are; a wrong form chooses the last days."""
    from analytics import queries
    from analytics.dashboard import Choice

    user = viewer(request)
    zone = zone_of(user)
    window = last_days(DEFAULT_DAYS, timezone.now(), zone)
    asked = {"first": window.first, "last": window.last} | request.GET.dict()
    tenants = Tenant.objects.visible().order_by("name")
    form = WindowForm(asked, tenants)
    tenant_id, currency = None, ""
    if form.is_valid():
        values = form.cleaned_data
        window = Window(values["first"], values["last"], zone)
        tenant: Tenant | None = values.get("tenant")
        tenant_id, currency = (tenant.pk if tenant else None), values["currency"].upper()
    found = queries.currencies(queries.Selection.of(window, tenant_id))
    if currency not in found:
        currency = found[0] if found else user.tenant.currency
    return form, Choice(window, tenant_id, currency, user.is_operator), found


def _presets(window: Window) -> list[dict[str, Any]]:
    made = []
    for label, days in PRESETS:
        preset = last_days(days, timezone.now(), window.zone)
        made.append({"label": label, "window": preset, "current": preset == window})
    return made


def _sees_others(form: WindowForm) -> bool:
    return "tenant" in form.fields


def _may_export(choice: Choice, what: str) -> bool:
    from analytics.dashboard import OPERATORS_EXPORTS

    return choice.is_operator or what not in OPERATORS_EXPORTS
