"""The portal's first page."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from alerts.models import Event
from billing.models import Charge, Invoice
from billing.services import account_for
from sip.models import Call, Line
from tenants.models import Tenant
from voip.portal import limits
from voip.portal.access import may, portal_page, user_of
from voip.portal.calls import rows_of, shows_tenants


@portal_page("sip")
def home(request: HttpRequest) -> HttpResponse:
    """Show the balance, the month so far, the last calls, open invoices and what happened lately."""
    tenant = user_of(request).tenant
    account = account_for(tenant)
    month = timezone.localtime().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    calls = Call.objects.visible().order_by("-started_at", "-call_id")[: limits.HOME_CALLS]
    context = {
        "account": account,
        "is_low": account is not None and (account.low_balance_nanos or 0) > account.available_nanos,
        "may_pay": may(request, "billing", "add"),
        "spend": _spend(tenant, month),
        "calls_of_month": _calls(month),
        "rows": rows_of(list(calls)),
        "tenants": shows_tenants(),
        "invoices": Invoice.objects.of(tenant).open()[: limits.HOME_INVOICES],
        "events": Event.objects.of(tenant).order_by("-pk")[: limits.HOME_EVENTS],
        "lines": Line.objects.visible().count(),
        "blocked": Line.objects.visible().blocked().count(),
    }
    return render(request, "portal/home.html", context)


def _spend(tenant: Tenant, since: datetime) -> int:
    total = Charge.objects.of(tenant).rated().filter(started_at__gte=since).aggregate(total=Sum("amount_nanos"))
    return total["total"] or 0


def _calls(since: datetime) -> dict[str, int]:
    counts: dict[str, int] = (
        Call.objects.visible()
        .filter(started_at__gte=since)
        .aggregate(made=Count("pk"), answered=Count("pk", filter=Q(answered_at__isnull=False)))
    )
    return counts
