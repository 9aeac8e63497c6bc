"""Pages about the service: lines, numbers, and how to connect a phone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from dids.models import Did
from sip.models import Line
from sip.services import set_password
from voip.portal import limits
from voip.portal.access import may, portal_page
from voip.portal.calls import shows_tenants


@portal_page("sip")
def lines(request: HttpRequest) -> HttpResponse:
    """List the lines with the numbers that ring them."""
    found = list(
        Line.objects.visible()
        .select_related("tenant")
        .prefetch_related("dids")
        .order_by("tenant__name", "extension", "username")[: limits.LIST_ROWS_MAX + 1]
    )
    context = {"lines": found[: limits.LIST_ROWS_MAX], "has_more": len(found) > limits.LIST_ROWS_MAX}
    return render(request, "portal/lines.html", context | {"tenants": shows_tenants()})


@portal_page("dids")
def numbers(request: HttpRequest) -> HttpResponse:
    """List the numbers and what each rings."""
    found = list(Did.objects.visible().select_related("line", "tenant").order_by("number")[: limits.LIST_ROWS_MAX + 1])
    context = {"numbers": found[: limits.LIST_ROWS_MAX], "has_more": len(found) > limits.LIST_ROWS_MAX}
    return render(request, "portal/numbers.html", context | {"tenants": shows_tenants()})


@portal_page("sip")
def connect(request: HttpRequest) -> HttpResponse:
    """Tell what to type into a phone."""
    return render(request, "portal/connect.html", _connect_context(request))


@require_POST
@portal_page("sip", "change")
def new_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a line a new random password and show it once; the phone must be told it."""
    line = get_object_or_404(Line.objects.visible(), pk=pk)
    password = set_password(line)
    response = render(request, "portal/connect.html", _connect_context(request) | {"line": line, "password": password})
    response["Cache-Control"] = "no-store"
    return response


def _connect_context(request: HttpRequest) -> dict[str, Any]:
    return {
        "realm": settings.SIP_REALM,
        "host": settings.SIP_PUBLIC_HOST,
        "port": settings.SIP_PORT,
        "lines": Line.objects.visible().in_service().order_by("extension", "username")[: limits.LIST_ROWS_MAX],
        "may_change": may(request, "sip", "change"),
    }
