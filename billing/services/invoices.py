"""Use cases of invoices. The period's days are the seller's; a call belongs to its start."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from billing.choices import InvoiceStatus
from billing.events import announce_invoice
from billing.invoice_states import InvoiceMove, after
from billing.models import Account, Charge, Invoice, InvoiceSequence
from billing.money import payable_nanos
from billing.services.settling import settle_open_invoices
from tenants.errors import Conflict, DomainError
from tenants.scope import system_scope

Period = tuple[datetime, datetime]
"""First moment, and the first moment after."""

_CLAIM = """
UPDATE billing_charge SET invoice_id = %(invoice)s
WHERE account_id = %(account)s AND invoice_id IS NULL AND status = 'rated' AND started_at < %(end)s
"""
_LINES = """
INSERT INTO billing_invoiceline
  (tenant_id, invoice_id, position, destination, is_late, call_count, billed_s, amount_nanos)
SELECT %(tenant)s, %(invoice)s, row_number() OVER (ORDER BY is_late, destination), destination, is_late, calls, seconds,
  amount
FROM (
  SELECT destination, started_at < %(start)s AS is_late, count(*) AS calls, sum(billed_s)::bigint AS seconds,
    sum(amount_nanos)::bigint AS amount
  FROM billing_charge WHERE invoice_id = %(invoice)s GROUP BY 1, 2
) g
"""


def month_before(now: datetime, zone: str) -> Period:
    """Return the last complete month in a time zone, as moments."""
    local = now.astimezone(ZoneInfo(zone))
    end = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0)
    start = (end - timedelta(days=1)).replace(day=1)
    return start, end


@transaction.atomic
def draft_invoice(account: Account, period: Period, now: datetime | None = None) -> Invoice | None:
    """Draft the invoice of a period: all rated calls that started before its end and stand on no invoice yet.

    So calls that came late are on it too, as lines of their own. ``None`` when there are no calls.

    Raises:
        DomainError: the period is not a past one, or a call in it has no price (``unrated_calls``).
        Conflict: the account has an invoice of that period.
    """
    moment = now or timezone.now()
    start, end = period
    if not start < end <= moment:
        raise DomainError("the period must lie in the past", field="period_end")
    with system_scope():
        account = Account.objects.select_for_update(no_key=True).select_related("seller").get(pk=account.pk)
        if Invoice.objects.filter(account=account, period_start=start).exclude(status=InvoiceStatus.VOID).exists():
            raise Conflict(f"there is an invoice of {start:%F} already", code="exists")
        open_calls = Charge.objects.uninvoiced(account.pk, end)
        if open_calls.unrated().exists():
            raise DomainError("calls of the period have no price yet", field="period_end", code="unrated_calls")
        if not open_calls.exists():
            return None
        return _write_draft(account, period, moment)


def _write_draft(account: Account, period: Period, now: datetime) -> Invoice:
    start, end = period
    invoice = Invoice.objects.create(
        tenant_id=account.tenant_id,
        seller=account.seller,
        account=account,
        currency=account.currency,
        period_start=start,
        period_end=end,
        time_zone=account.seller.time_zone,
        created_at=now,
    )
    values: dict[str, Any] = {
        "invoice": invoice.pk,
        "account": account.pk,
        "tenant": account.tenant_id,
        "start": start,
        "end": end,
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        cursor.execute(_LINES, values)
    total = sum(invoice.lines.values_list("amount_nanos", flat=True))
    invoice.total_nanos, invoice.payable_nanos = total, payable_nanos(total, account.currency)
    invoice.save(update_fields=["total_nanos", "payable_nanos"])
    return invoice


@transaction.atomic
def finalise_invoice(invoice: Invoice, now: datetime | None = None) -> Invoice:
    """Give a draft its number and freeze it; a prepaid balance or credit pays it at once. Returns it anew.

    Raises:
        Conflict: it is not a draft.
    """
    moment = now or timezone.now()
    with system_scope():
        invoice = _locked(invoice)
        status = after(invoice.status, InvoiceMove.FINALISE)
        seller, buyer = invoice.seller, invoice.tenant
        invoice.number = _take_number(invoice.seller_id)
        invoice.status = status
        invoice.seller_name, invoice.seller_address = seller.name, seller.address
        invoice.buyer_name, invoice.buyer_address = buyer.name, buyer.address
        invoice.finalised_at = moment
        invoice.due_at = moment + timedelta(days=invoice.account.terms_days)
        invoice.save()
        announce_invoice(invoice, "invoice.finalised")
        settle_open_invoices(invoice.account, moment)
        invoice.refresh_from_db()
    return invoice


def _locked(invoice: Invoice) -> Invoice:
    """Lock account, then invoice, as every other use case does."""
    Account.objects.select_for_update(no_key=True).get(pk=invoice.account_id)
    rows = Invoice.objects.select_for_update(of=("self",)).select_related("seller", "tenant", "account")
    return rows.get(pk=invoice.pk)


def _take_number(seller_id: int) -> str:
    """Take the seller's next number: the row stays locked until commit, and a rollback gives the number back."""
    InvoiceSequence.objects.get_or_create(tenant_id=seller_id)
    InvoiceSequence.objects.filter(tenant_id=seller_id).update(next_number=F("next_number") + 1)
    sequence = InvoiceSequence.objects.get(tenant_id=seller_id)
    return f"{sequence.prefix}{sequence.next_number - 1:06d}"


@transaction.atomic
def void_invoice(invoice: Invoice, reason: str, now: datetime | None = None) -> Invoice:
    """Void an invoice nothing is paid of; its calls go to the next one. Returns it anew.

    Raises:
        Conflict: something is paid of it, or it is void.
        DomainError: there is no reason.
    """
    if not reason.strip():
        raise DomainError("say why", field="reason")
    moment = now or timezone.now()
    with system_scope():
        invoice = _locked(invoice)
        move = InvoiceMove.DISCARD if invoice.status == InvoiceStatus.DRAFT else InvoiceMove.VOID
        status = after(invoice.status, move)
        if invoice.paid_nanos:
            raise Conflict("something is paid of it: refund the payment first", code="invoice_paid")
        Charge.objects.filter(invoice=invoice).update(invoice=None)
        Invoice.objects.filter(pk=invoice.pk).update(status=status, void_reason=reason.strip()[:200], voided_at=moment)
        invoice.refresh_from_db()
        if move == InvoiceMove.VOID:
            announce_invoice(invoice, "invoice.voided")
    return invoice


def accounts_to_invoice(now: datetime) -> Iterator[tuple[int, Period]]:
    """Yield the accounts that have calls of a complete month without invoice, with that month's period."""
    with system_scope():
        for account in Account.objects.select_related("seller").order_by("pk"):
            period = month_before(now, account.seller.time_zone)
            taken = Invoice.objects.filter(account=account, period_start=period[0]).exclude(status=InvoiceStatus.VOID)
            if Charge.objects.uninvoiced(account.pk, period[1]).exists() and not taken.exists():
                yield account.pk, period


@transaction.atomic
def invoice_month(account_id: int, period: Period, now: datetime | None = None) -> Invoice | None:
    """Draft and finalise one account's invoice; run again, it does nothing.

    Raises:
        DomainError: as ``draft_invoice``, but for the invoice that is there already.
    """
    with system_scope():
        account = Account.objects.get(pk=account_id)
        try:
            invoice = draft_invoice(account, period, now)
        except Conflict:
            return None
        return finalise_invoice(invoice, now) if invoice is not None else None
