"""The admin's first page: what needs attention now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from billing.choices import ChargeStatus, InvoiceStatus, PaymentStatus
from billing.models import Charge, Invoice, Payment
from fraud.models import Case
from sip.models import Call, Line
from voip.platform.health import database_answers, process_states, redis_answers

RECENT_DAYS = 7
"""What is older than a week is looked for in the lists, not on the first page."""


@dataclass(frozen=True, slots=True)
class Attention:
    """One thing that is counted; ``is_bad`` when the count asks for somebody to act."""

    label: str
    count: int
    note: str
    link: str
    is_bad: bool


def open_cases_badge(request: HttpRequest) -> str:
    """Return the count of open fraud cases beside the menu entry, empty for none."""
    count = Case.objects.visible().filter(state="open").count()
    return str(count) if count else ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Add what the overview shows."""
    context["title"] = "Overview"
    since = timezone.now() - timedelta(days=RECENT_DAYS)
    context["attention"] = [_cases(), _blocked(), _unrated(since), _failed_payments(since), _overdue()]
    context["today"] = _today()
    context["cases"] = Case.objects.visible().unsettled().select_related("tenant", "line").by_urgency()[:6]
    context["payments"] = (
        Payment.objects.visible()
        .filter(status=PaymentStatus.FAILED, created_at__gte=since)
        .select_related("tenant")[:6]
    )
    context["processes"] = _processes()
    context["recent_days"] = RECENT_DAYS
    return context


def _cases() -> Attention:
    counts = Case.objects.visible().aggregate(
        unseen=Count("pk", filter=Q(state="open")), taken=Count("pk", filter=Q(state="acknowledged"))
    )
    link = reverse("admin:fraud_case_changelist") + "?state=open"
    return Attention(
        "Open fraud cases", counts["unseen"], f"{counts['taken']} being looked at", link, counts["unseen"] > 0
    )


def _blocked() -> Attention:
    count = Line.objects.visible().blocked().count()
    return Attention(
        "Blocked lines", count, "cannot call", reverse("admin:sip_line_changelist") + "?state=blocked", count > 0
    )


def _unrated(since: Any) -> Attention:
    count = Charge.objects.visible().filter(status=ChargeStatus.UNRATED, started_at__gte=since).count()
    link = reverse("admin:billing_charge_changelist") + "?status__exact=unrated"
    return Attention("Unrated calls", count, f"in {RECENT_DAYS} days", link, count > 0)


def _failed_payments(since: Any) -> Attention:
    count = Payment.objects.visible().filter(status=PaymentStatus.FAILED, created_at__gte=since).count()
    link = reverse("admin:billing_payment_changelist") + "?status__exact=failed"
    return Attention("Failed payments", count, f"in {RECENT_DAYS} days", link, count > 0)


def _overdue() -> Attention:
    count = Invoice.objects.visible().filter(status=InvoiceStatus.FINALISED, due_at__lt=timezone.now()).count()
    link = reverse("admin:billing_invoice_changelist") + "?status__exact=finalised"
    return Attention("Overdue invoices", count, "not paid in time", link, count > 0)


def _today() -> dict[str, Any]:
    midnight = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    counts: dict[str, Any] = (
        Call.objects.visible()
        .filter(started_at__gte=midnight)
        .aggregate(calls=Count("pk"), answered=Count("pk", filter=Q(answered_at__isnull=False)))
    )
    return counts | {"link": reverse("admin:sip_call_changelist")}


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One supervised process as the overview shows it."""

    name: str
    state: str
    is_up: bool
    note: str


def _processes() -> list[ProcessRow]:
    asked = {"postgres": database_answers(), "redis": redis_answers()}
    processes = process_states()
    rows = []
    for name, process in sorted(processes.items()):
        restarts = process.get("restarts", 0)
        note = f"restarted {restarts} times" if restarts > 1 else "restarted once" if restarts else ""
        is_silent = process["state"] == "ready" and not asked.get(name, True)
        state = "no answer" if is_silent else process["state"]
        rows.append(ProcessRow(name, state, state == "ready", note))
    servers = [(name, answers) for name, answers in asked.items() if name not in processes]
    return rows + [ProcessRow(name, "ready" if up else "no answer", up, "a server of its own") for name, up in servers]
