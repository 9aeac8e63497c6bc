"""The page where the payer of a 3-D Secure card confirms, as a bank would show it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from billing.choices import PaymentStatus
from billing.gateways.sandbox.gateway import answer_challenge
from billing.models import SandboxIntent
from billing.money import format_money, from_minor


@never_cache
@require_http_methods(["GET", "POST"])
def challenge(request: HttpRequest, intent_id: str) -> HttpResponse:
    """Show the payment; on POST take the payer's answer and send the browser back where it came from."""
    intent = SandboxIntent.objects.filter(pk=intent_id).first()
    if intent is None:
        raise Http404
    if request.method == "POST":
        answer_challenge(intent_id, confirmed=request.POST.get("answer") == "confirm")
        if intent.return_url and _is_ours(request, intent.return_url):
            return HttpResponseRedirect(intent.return_url)
        intent.refresh_from_db()
    context = {
        "amount": format_money(from_minor(intent.amount_minor, intent.currency), intent.currency),
        "card": f"{intent.brand} ···· {intent.last4}",
        "waits": intent.status == PaymentStatus.REQUIRES_ACTION,
        "succeeded": intent.status == PaymentStatus.SUCCEEDED,
        "return_url": intent.return_url if _is_ours(request, intent.return_url) else "",
    }
    return render(request, "billing/sandbox_challenge.html", context)


def _is_ours(request: HttpRequest, url: str) -> bool:
    return url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()})
