"""The app's use cases, one function and one transaction each."""

from billing.pdf import invoice_pdf
from billing.services.accounts import account_for, adjust_balance, check_deck, decks_for, expire_holds, open_account
from billing.services.decks import (
    Quote,
    assign_vendor_deck,
    create_deck,
    end_rate,
    import_deck,
    quote,
    set_rate,
)
from billing.services.invoices import draft_invoice, finalise_invoice, invoice_month, month_before, void_invoice
from billing.services.payments import refresh_payment, refund_payment, start_payment

__all__ = [
    "Quote",
    "account_for",
    "adjust_balance",
    "assign_vendor_deck",
    "check_deck",
    "create_deck",
    "decks_for",
    "draft_invoice",
    "end_rate",
    "expire_holds",
    "finalise_invoice",
    "import_deck",
    "invoice_month",
    "invoice_pdf",
    "month_before",
    "open_account",
    "quote",
    "refresh_payment",
    "refund_payment",
    "set_rate",
    "start_payment",
    "void_invoice",
]
