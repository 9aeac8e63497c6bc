"""The admin pages of money."""

from billing.admin.accounts import AccountAdmin
from billing.admin.books import ChargeAdmin, EntryAdmin
from billing.admin.decks import RateAdmin, RateDeckAdmin, TrunkDeckAdmin
from billing.admin.invoices import InvoiceAdmin
from billing.admin.payments import PaymentAdmin

__all__ = [
    "AccountAdmin",
    "ChargeAdmin",
    "EntryAdmin",
    "InvoiceAdmin",
    "PaymentAdmin",
    "RateAdmin",
    "RateDeckAdmin",
    "TrunkDeckAdmin",
]
