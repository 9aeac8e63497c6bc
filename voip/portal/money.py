"""Pages about money: balance with its statement, invoices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from billing.choices import EntryKind
from billing.models import Account, Charge, Invoice, Payment, Posting
from billing.services import account_for
from billing.statement import charges_of
from voip.portal import limits
from voip.portal.access import may, portal_page, user_of
from voip.portal.paging import page_of


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One movement of the account, with the balance it left."""

    posting: Posting
    balance_nanos: int
    charge: Charge | None = None
    """Of a call: where to, and how long."""


@portal_page("billing")
def balance(request: HttpRequest) -> HttpResponse:
    """Show what is there, what is held, and every movement, newest first."""
    account = account_for(user_of(request).tenant)
    if account is None:
        return render(request, "portal/balance.html", {"account": None})
    kind = request.GET.get("kind", "")
    postings = Posting.objects.visible().of_account(account.pk).select_related("entry").order_by("-pk")
    shown = postings.filter(entry__kind=kind) if kind in EntryKind.values else postings
    page = page_of(request, shown, limits.STATEMENT_PAGE, ordering=("-id",))
    context = {
        "account": account,
        "page": page,
        "rows": _rows(account, page.items, has_balance=shown is postings),
        "has_balance": shown is postings,
        "kind": kind,
        "kinds": EntryKind.choices,
        "may_pay": may(request, "billing", "add"),
    }
    return render(request, "portal/balance.html", context)


def _rows(account: Account, postings: Sequence[Posting], has_balance: bool) -> list[StatementRow]:
    """Work back from today's balance: it is the sum of all postings."""
    if not postings:
        return []
    left = 0
    if has_balance:
        newer = Posting.objects.of_account(account.pk).filter(pk__gt=postings[0].pk)
        left = account.balance_nanos - (newer.aggregate(total=Sum("amount_nanos"))["total"] or 0)
    charges = charges_of(postings)
    rows = []
    for posting in postings:
        rows.append(StatementRow(posting, left, charges.get(posting.pk)))
        left -= posting.amount_nanos
    return rows


@portal_page("billing")
def invoice_list(request: HttpRequest) -> HttpResponse:
    """List the tenant's invoices; drafts are the seller's own business."""
    invoices = Invoice.objects.of(user_of(request).tenant).issued()
    page = page_of(request, invoices, limits.INVOICES_PAGE)
    return render(request, "portal/invoices.html", {"page": page, "invoices": page.items})


def own_invoice(request: HttpRequest, pk: int) -> Invoice:
    """Return an issued invoice of the user's tenant, or answer 404."""
    return get_object_or_404(Invoice.objects.of(user_of(request).tenant).issued(), pk=pk)


@portal_page("billing")
def invoice_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one invoice with its lines and payments."""
    invoice = own_invoice(request, pk)
    context = {
        "invoice": invoice,
        "lines": invoice.lines.all(),
        "payments": Payment.objects.visible().filter(invoice=invoice),
        "may_pay": may(request, "billing", "add") and invoice.due_nanos > 0,
    }
    return render(request, "portal/invoice.html", context)
