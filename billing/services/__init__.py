"""The app's use cases, one function and one transaction each."""

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

__all__ = [
    "Quote",
    "account_for",
    "adjust_balance",
    "assign_vendor_deck",
    "check_deck",
    "create_deck",
    "decks_for",
    "end_rate",
    "expire_holds",
    "import_deck",
    "open_account",
    "quote",
    "set_rate",
]
