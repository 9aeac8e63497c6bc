"""What billing tells the world, through the alerts' outbox."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.events import emit
from billing.ledger import Moved
from billing.models import Account, Invoice, Payment
from billing.money import format_money, format_nanos


def announce_low_balances(accounts: Mapping[int, Account], moved: Mapping[int, Moved]) -> None:
    """Warn for each account whose available money, without holds, fell through its threshold by this move."""
    for account_id, move in moved.items():
        account = accounts.get(account_id)
        if account is None or account.low_balance_nanos is None:
            continue
        now_nanos = move.balance_nanos + account.credit_limit_nanos
        if now_nanos < account.low_balance_nanos <= now_nanos - move.by_nanos:
            emit(
                "account.balance_low",
                tenant_id=account.tenant_id,
                subject=f"{format_money(now_nanos, account.currency)} left",
                payload={
                    "account_id": account.pk,
                    "available": format_nanos(now_nanos),
                    "threshold": format_nanos(account.low_balance_nanos),
                    "currency": account.currency,
                },
                severity="warning",
            )


def announce_invoice(invoice: Invoice, kind: str) -> None:
    """Tell of ``invoice.finalised``, ``invoice.paid`` or ``invoice.voided``."""
    emit(
        kind,
        tenant_id=invoice.tenant_id,
        subject=f"Invoice {invoice.number}: {format_money(invoice.payable_nanos, invoice.currency)}",
        payload={
            "invoice_id": invoice.pk,
            "number": invoice.number,
            "payable": format_nanos(invoice.payable_nanos),
            "currency": invoice.currency,
            "status": invoice.status,
        },
        dedupe_key=f"{kind}:{invoice.pk}",
    )


def announce_payment(payment: Payment, kind: str) -> None:
    """Tell of ``payment.succeeded``, ``payment.failed`` or ``payment.refunded``."""
    emit(
        kind,
        tenant_id=payment.tenant_id,
        subject=f"Payment of {format_money(payment.amount_nanos, payment.currency)}",
        payload={
            "payment_id": str(payment.pk),
            "amount": format_nanos(payment.amount_nanos),
            "refunded": format_nanos(payment.refunded_nanos),
            "currency": payment.currency,
            "status": payment.status,
            "failure_code": payment.failure_code,
            "invoice_id": payment.invoice_id,
        },
        severity="warning" if kind == "payment.failed" else "info",
        dedupe_key=f"{kind}:{payment.pk}:{payment.refunded_nanos}",
    )
