"""Pages about calls: list with filters, CSV, one call."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from billing.models import Charge
from billing.money import format_nanos
from sip.choices import CallStatus, Direction
from sip.models import Call, Line
from sip.querysets import CallQuerySet
from tenants.models import Tenant
from voip.portal import limits, words
from voip.portal.access import portal_page, user_of
from voip.portal.paging import page_of


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call with what is told beside it."""

    call: Call
    charge: Charge | None
    tenant: str


class CallFilter(forms.Form):
    """What the list can be narrowed to."""

    first = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    number = forms.CharField(
        label="Number",
        required=False,
        max_length=limits.NUMBER_CHARS_MAX,
        widget=forms.TextInput(attrs={"placeholder": "caller or called", "inputmode": "tel"}),
    )
    direction = forms.ChoiceField(label="Direction", required=False, choices=[("", "All"), *Direction.choices])
    status = forms.ChoiceField(label="Outcome", required=False, choices=[("", "All"), *CallStatus.choices])

    def clean(self) -> dict[str, Any]:
        """Fill in the dates: the last month up to today."""
        cleaned = super().clean() or {}
        last: date = cleaned.get("last") or timezone.localdate()
        first: date = cleaned.get("first") or last - timedelta(days=limits.CALLS_DAYS_DEFAULT)
        if first > last:
            self.add_error("first", "The first day is after the last one.")
        elif (last - first).days > limits.CALLS_DAYS_MAX:
            self.add_error("first", f"At most {limits.CALLS_DAYS_MAX} days in one search.")
        return {**cleaned, "first": first, "last": last}

    def apply(self, calls: CallQuerySet) -> CallQuerySet:
        """Narrow a queryset; days are those of the tenant's time zone."""
        data = self.cleaned_data
        calls = calls.started_in(_midnight(data["first"]), _midnight(data["last"] + timedelta(days=1)))
        if data["direction"]:
            calls = calls.filter(direction=data["direction"])
        if data["status"]:
            calls = calls.with_status(data["status"])
        if digits := re.sub(r"[^0-9A-Za-z+]", "", data["number"]):
            calls = calls.filter(caller__contains=digits) | calls.filter(called__contains=digits)
        return calls


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@portal_page("sip")
def call_list(request: HttpRequest) -> HttpResponse:
    """List calls, newest first; with ``format=csv`` as a file."""
    form = CallFilter(request.GET)
    found = form.apply(Call.objects.visible()) if form.is_valid() else Call.objects.none()
    if request.GET.get("format") == "csv" and form.is_valid():
        return _export(request, found)
    page = page_of(request, found, limits.CALLS_PAGE)
    narrowed = any(request.GET.get(name) for name in form.fields)
    query = request.GET.copy()
    query.pop("cursor", None)
    query["format"] = "csv"
    context = {
        "form": form,
        "page": page,
        "rows": rows_of(page.items),
        "narrowed": narrowed,
        "csv_url": f"?{query.urlencode()}",
        "tenants": shows_tenants(),
    }
    template = "portal/calls_found.html" if getattr(request, "htmx", False) else "portal/calls.html"
    return render(request, template, context)


def shows_tenants() -> bool:
    """Return whether the scope has more than one tenant, so that each row says whose it is."""
    return Tenant.objects.visible()[:2].count() > 1


def rows_of(calls: Sequence[Call]) -> list[CallRow]:
    """Join calls with their charges and their tenants' names, in two statements."""
    if not calls:
        return []
    charges = {
        charge.call_id: charge
        for charge in Charge.objects.visible().filter(
            call_id__in=[call.call_id for call in calls],
            started_at__gte=min(call.started_at for call in calls),
            started_at__lte=max(call.started_at for call in calls),
        )
    }
    names = dict(Tenant.objects.filter(pk__in={call.tenant_id for call in calls}).values_list("pk", "name"))
    return [CallRow(call, charges.get(call.call_id), names.get(call.tenant_id, "")) for call in calls]


_CSV_HEAD = (
    "call_id", "started_at", "direction", "caller", "called", "outcome", "duration_s", "billed_s", "destination",
    "price", "currency",
)  # fmt: skip


def _export(request: HttpRequest, found: CallQuerySet) -> HttpResponse:
    calls = list(found.order_by("started_at", "call_id")[: limits.CSV_ROWS_MAX + 1])
    if len(calls) > limits.CSV_ROWS_MAX:
        messages.error(request, f"More than {limits.CSV_ROWS_MAX:,} calls: narrow the dates, or use the API.")
        query = request.GET.copy()
        query.pop("format", None)
        return redirect(f"{request.path}?{query.urlencode()}")
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(_CSV_HEAD)
    writer.writerows(_csv_rows(rows_of(calls)))
    response = HttpResponse(text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="calls-{timezone.localdate()}.csv"'
    return response


def _csv_rows(rows: Iterable[CallRow]) -> Iterable[list[object]]:
    for row in rows:
        call, charge = row.call, row.charge
        priced = charge is not None and charge.status == "rated"
        yield [
            call.call_id,
            call.started_at.astimezone(UTC).isoformat(),
            call.direction,
            _harmless(call.caller),
            _harmless(call.called),
            words.outcome(call),
            round(call.duration_s, 3),
            charge.billed_s if charge else "",
            charge.destination if charge else "",
            format_nanos(charge.amount_nanos) if charge and priced else "",
            charge.currency if charge and priced else "",
        ]


def _harmless(text: str) -> str:
    """Keep a spreadsheet from running what a stranger chose as a caller name; a number's own plus stays."""
    return f"'{text}" if text[:1] in {"=", "-", "@", "\t", "\r"} else text


@portal_page("sip")
def call_detail(request: HttpRequest, call_id: UUID) -> HttpResponse:
    """Show one call: its course, its tries, and its price with the rate it was made from."""
    call = get_object_or_404(Call.objects.visible(), pk=call_id)
    charge = Charge.objects.visible().filter(pk=call_id, started_at=call.started_at).first()
    attempts = call.attempts.visible().filter(call_started_at=call.started_at).order_by("attempt")
    line_ids = {call.a_line_id, call.b_line_id} - {None}
    context = {
        "call": call,
        "charge": charge,
        "attempts": attempts,
        "lines": Line.objects.visible().in_bulk(line_ids),
        "is_own": call.tenant_id == user_of(request).tenant_id,
    }
    return render(request, "portal/call.html", context)
