"""Which payment pays which invoice. Runs inside the transactions of the invoice and payment use cases."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F

from billing.choices import AccountMode, InvoiceStatus
from billing.events import announce_invoice
from billing.invoice_states import InvoiceMove, after
from billing.models import Account, Allocation, Invoice, Payment


def settle_open_invoices(account: Account, now: datetime) -> None:
    """Pay an account's open invoices, the oldest first: prepaid out of a balance that covers its calls, postpaid out
    of payments of which something is left.
    """
    account.refresh_balance()
    for invoice in Invoice.objects.select_for_update().filter(account=account).open():
        if account.mode == AccountMode.PREPAID:
            # Its calls are in the balance already: what is not negative has paid them.
            if account.balance_nanos >= 0:
                _pay(invoice, invoice.due_nanos, now)
            continue
        for payment in Payment.objects.select_for_update().filter(account=account).with_credit():
            allocate(payment, invoice, now)


def allocate(payment: Payment, invoice: Invoice, now: datetime) -> int:
    """Let what is left of a payment pay an open invoice, as far as it goes; returns the amount."""
    amount = min(payment.credit_nanos, invoice.due_nanos)
    if amount <= 0:
        return 0
    Payment.objects.filter(pk=payment.pk).update(allocated_nanos=F("allocated_nanos") + amount)
    payment.allocated_nanos += amount
    Allocation.objects.create(
        tenant_id=invoice.tenant_id, payment=payment, invoice=invoice, amount_nanos=amount, at=now
    )
    _pay(invoice, amount, now)
    return amount


def _pay(invoice: Invoice, amount: int, now: datetime) -> None:
    invoice.paid_nanos += amount
    values: dict[str, object] = {"paid_nanos": F("paid_nanos") + amount}
    if invoice.paid_nanos == invoice.payable_nanos:
        invoice.status = after(invoice.status, InvoiceMove.PAY)
        invoice.paid_at = now
        values |= {"status": invoice.status, "paid_at": now}
    Invoice.objects.filter(pk=invoice.pk).update(**values)
    if invoice.status == InvoiceStatus.PAID:
        announce_invoice(invoice, "invoice.paid")


def take_back(payment: Payment, amount: int, now: datetime) -> None:
    """Take ``amount`` of a payment from the invoices it paid, the last one first; they are open again."""
    paid: dict[int, int] = {}
    for invoice_id, part in payment.allocations.order_by("pk").values_list("invoice_id", "amount_nanos"):
        paid[invoice_id] = paid.get(invoice_id, 0) + part
    for invoice_id, part in reversed(paid.items()):
        back = min(amount, part)
        if back <= 0:
            continue
        invoice = Invoice.objects.select_for_update().get(pk=invoice_id)
        values: dict[str, object] = {"paid_nanos": F("paid_nanos") - back}
        if invoice.status == InvoiceStatus.PAID:
            values |= {"status": after(invoice.status, InvoiceMove.REOPEN), "paid_at": None}
        Invoice.objects.filter(pk=invoice_id).update(**values)
        Payment.objects.filter(pk=payment.pk).update(allocated_nanos=F("allocated_nanos") - back)
        Allocation.objects.create(
            tenant_id=invoice.tenant_id, payment=payment, invoice=invoice, amount_nanos=-back, at=now
        )
        amount -= back
