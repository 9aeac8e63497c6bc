"""Accounts, books, decks, charges, invoices, payments."""

from billing.models.accounts import Account, Hold
from billing.models.charges import Charge
from billing.models.decks import DeckVersion, Rate, RateDeck, TrunkDeck
from billing.models.invoices import Invoice, InvoiceLine, InvoiceSequence
from billing.models.ledger import Entry, LedgerAccount, Posting
from billing.models.payments import Allocation, GatewayEvent, Payment, SandboxIntent, SandboxRefund

__all__ = [
    "Account",
    "Allocation",
    "Charge",
    "DeckVersion",
    "Entry",
    "GatewayEvent",
    "Hold",
    "Invoice",
    "InvoiceLine",
    "InvoiceSequence",
    "LedgerAccount",
    "Payment",
    "Posting",
    "Rate",
    "RateDeck",
    "SandboxIntent",
    "SandboxRefund",
    "TrunkDeck",
]
