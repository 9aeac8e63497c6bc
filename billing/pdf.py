"""Invoices as PDF, by typst. The same invoice gives the same bytes: no clock, no fonts of the machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from billing.choices import AccountMode, InvoiceStatus
from billing.limits import INVOICE_LINES_PDF_MAX
from billing.models import Invoice, InvoiceLine
from billing.money import exponent, format_money
from tenants.models import Tenant
from tenants.scope import system_scope

TEMPLATE = Path(__file__).parent / "templates_typst" / "invoice.typ"
LINE_DECIMALS_MORE = 2
"""Lines show two decimals more than the currency has: calls are priced far below a cent."""


def invoice_pdf(invoice: Invoice) -> bytes:
    """Return the invoice as a PDF file; a draft and a void one are stamped as such."""
    import typst  # Imported late: 80 MB that only this needs.

    return bytes(
        typst.compile(str(TEMPLATE), sys_inputs={"data": json.dumps(document_of(invoice))}, ignore_system_fonts=True)
    )


def document_of(invoice: Invoice) -> dict[str, Any]:
    """Return all that is printed, as text."""
    zone = ZoneInfo(invoice.time_zone)
    lines = list(invoice.lines.order_by("position"))
    seller, buyer = _parties(invoice)
    issued = (invoice.finalised_at or invoice.created_at).astimezone(zone)
    return {
        "number": invoice.number or "draft",
        "date": [issued.year, issued.month, issued.day],
        "stamp": {InvoiceStatus.DRAFT: "draft", InvoiceStatus.VOID: "void"}.get(InvoiceStatus(invoice.status), ""),
        "currency": invoice.currency,
        "seller": seller,
        "buyer": buyer,
        "facts": _facts(invoice, zone, issued),
        "lines": [_line(line, invoice.currency) for line in lines[:INVOICE_LINES_PDF_MAX]],
        "omitted": max(0, len(lines) - INVOICE_LINES_PDF_MAX),
        "totals": _totals(invoice, lines),
        "due": ["Amount due", format_money(invoice.due_nanos, invoice.currency)],
        "state": _state(invoice, zone),
        "notes": [
            f"Days begin and end in the time zone {invoice.time_zone}; a call belongs to the day it started.",
            "Calls are priced to nine decimals and the sum is rounded up once, to the smallest unit of the currency.",
        ],
    }


def _parties(invoice: Invoice) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return seller and buyer as they were when the invoice became final; as they are now for a draft."""
    if invoice.finalised_at is not None:
        return (
            _party(invoice.seller_name, invoice.seller_address),
            _party(invoice.buyer_name, invoice.buyer_address),
        )
    with system_scope():
        seller, buyer = (Tenant.objects.get(pk=pk) for pk in (invoice.seller_id, invoice.tenant_id))
    return _party(seller.name, seller.address), _party(buyer.name, buyer.address)


def _party(name: str, address: str) -> dict[str, Any]:
    return {"name": name, "address": address.splitlines()}


def _facts(invoice: Invoice, zone: ZoneInfo, issued: datetime) -> list[list[str]]:
    first, last = invoice.period_start.astimezone(zone), invoice.period_end.astimezone(zone)
    facts = [
        ["Date", _day(issued)],
        ["Period", f"{_day(first)} to {_day(datetime.fromtimestamp(last.timestamp() - 1, zone))}"],
        ["Customer", f"{invoice.account_id:06d}"],
    ]
    if invoice.due_at is not None and invoice.status == InvoiceStatus.FINALISED:
        facts.append(["Due", _day(invoice.due_at.astimezone(zone))])
    return facts


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"


def _line(line: InvoiceLine, currency: str) -> dict[str, Any]:
    minutes, seconds = divmod(line.billed_s, 60)
    return {
        "destination": line.destination,
        "late": line.is_late,
        "calls": f"{line.call_count:,}",
        "minutes": f"{minutes:,}:{seconds:02d}",
        "amount": _amount(line.amount_nanos, currency),
    }


def _amount(nanos: int, currency: str) -> str:
    return format_money(nanos, currency, exponent(currency) + LINE_DECIMALS_MORE).rpartition(" ")[0]


def _totals(invoice: Invoice, lines: Sequence[InvoiceLine]) -> list[list[str]]:
    calls = sum(line.call_count for line in lines)
    return [
        [f"{calls:,} calls", f"{_amount(invoice.total_nanos, invoice.currency)} {invoice.currency}"],
        ["Total", format_money(invoice.payable_nanos, invoice.currency)],
        ["Paid", format_money(invoice.paid_nanos, invoice.currency)],
    ]


def _state(invoice: Invoice, zone: ZoneInfo) -> str:
    if invoice.status == InvoiceStatus.PAID and invoice.paid_at is not None:
        source = " from your prepaid balance" if invoice.account.mode == AccountMode.PREPAID else ""
        return f"Paid in full on {_day(invoice.paid_at.astimezone(zone))}{source}. Thank you."
    if invoice.status == InvoiceStatus.VOID:
        return f"This invoice is void: {invoice.void_reason}"
    if invoice.status == InvoiceStatus.DRAFT or invoice.due_at is None:
        return "This is a draft and no demand for payment."
    due = format_money(invoice.due_nanos, invoice.currency)
    return f"Please pay {due} by {_day(invoice.due_at.astimezone(zone))}, in the portal or quoting {invoice.number}."
