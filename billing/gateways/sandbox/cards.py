"""The sandbox's test cards, with the numbers people know from other providers' sandboxes."""

from __future__ import annotations

from datetime import date

from billing.gateways.base import Card

SUCCEED = "succeed"
CHALLENGE = "challenge"

OUTCOMES = {
    "4242424242424242": SUCCEED,
    "4000056655665556": SUCCEED,
    "5555555555554444": SUCCEED,
    "378282246310005": SUCCEED,
    "4000000000003220": CHALLENGE,
    "4000002500003155": CHALLENGE,
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000009987": "lost_card",
    "4000000000000069": "expired_card",
    "4000000000000127": "incorrect_cvc",
}
TOKENS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_authenticationRequired": "4000000000003220",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
}
MESSAGES = {
    "card_declined": "The card was declined.",
    "insufficient_funds": "The card has insufficient funds.",
    "lost_card": "The card was declined.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The security code is incorrect.",
    "incorrect_number": "The card number is incorrect.",
    "test_cards_only": "The sandbox takes only its test cards.",
    "authentication_failed": "The payer did not confirm the payment.",
}


def outcome_of(card: Card, today: date) -> str:
    """Return what a card does: ``succeed``, ``challenge`` or the code of its decline.

    A number that is none of the test cards is declined: a real card must never seem to work here.
    """
    digits = "".join(card.number.split())
    if not passes_luhn(digits):
        return "incorrect_number"
    year = card.exp_year if card.exp_year >= 100 else 2000 + card.exp_year
    if not 1 <= card.exp_month <= 12 or (year, card.exp_month) < (today.year, today.month):
        return "expired_card"
    return OUTCOMES.get(digits, "test_cards_only")


def brand_of(digits: str) -> str:
    """Return the scheme a number's first digits belong to."""
    return {"4": "visa", "5": "mastercard", "3": "amex"}.get(digits[:1], "card")


def passes_luhn(digits: str) -> bool:
    """Return whether the check digit fits (ISO/IEC 7812-1 Annex B)."""
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19):
        return False
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
