"""Forms for paying: a card, and for a top-up its amount."""

from __future__ import annotations

import re
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.gateways.base import Card
from billing.money import exponent, parse_nanos
from voip.portal import limits

_EXPIRY = re.compile(r"\s*(\d{1,2})\s*/\s*(\d{2}|\d{4})\s*", re.ASCII)


class PayForm(forms.Form):
    """The attempt's key: the same form sent twice pays once."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, currency: str, **kwargs: Any) -> None:
        super().__init__(data, initial={"key": uuid.uuid4()}, **kwargs)
        self.currency = currency

    @property
    def card(self) -> Card | None:
        """The card, where the provider takes one from us."""
        return None


class CardForm(PayForm):
    """A card as typed. It goes to the provider and is stored nowhere, nor shown again."""

    number = forms.CharField(
        label="Card number",
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "cc-number"}),
    )
    expiry = forms.CharField(
        label="Valid until",
        max_length=9,
        widget=forms.TextInput(attrs={"placeholder": "MM/YY", "autocomplete": "cc-exp"}),
    )
    cvc = forms.CharField(
        label="Security code",
        max_length=4,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "cc-csc"}),
    )

    def clean_number(self) -> str:
        """Accept digits with spaces."""
        digits = re.sub(r"[\s-]", "", self.cleaned_data["number"])
        if not re.fullmatch(r"[0-9]{12,19}", digits):
            raise ValidationError("A card number has 12 to 19 digits.")
        return digits

    def clean_expiry(self) -> tuple[int, int]:
        """Accept month and year."""
        match = _EXPIRY.fullmatch(self.cleaned_data["expiry"])
        if match is None or not 1 <= int(match[1]) <= 12:
            raise ValidationError("Month and year, such as 09/28.")
        year = int(match[2])
        return int(match[1]), year if year >= 100 else 2000 + year

    def clean_cvc(self) -> str:
        """Accept three or four digits."""
        if not re.fullmatch(r"[0-9]{3,4}", self.cleaned_data["cvc"]):
            raise ValidationError("Three or four digits.")
        return str(self.cleaned_data["cvc"])

    @property
    def card(self) -> Card:
        """The card that was typed."""
        month, year = self.cleaned_data["expiry"]
        return Card(self.cleaned_data["number"], month, year, self.cleaned_data["cvc"])


class _Amount(forms.Form):
    amount = forms.CharField(
        label="Amount", max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "50.00"})
    )

    def clean_amount(self) -> int:
        """Return nano-units of a whole number of the currency's smallest units."""
        currency: str = self.currency  # type: ignore[attr-defined]
        places = exponent(currency)
        try:
            nanos = parse_nanos(self.cleaned_data["amount"].strip().replace(",", "."))
        except ValueError:
            raise ValidationError("A plain amount, such as 50.00.") from None
        if nanos % 10 ** (9 - places):
            raise ValidationError(f"{currency} has {places} decimals.")
        if not 0 < nanos <= limits.TOP_UP_UNITS_MAX * 10**9:
            raise ValidationError(f"More than nothing, and at most {limits.TOP_UP_UNITS_MAX:,} {currency}.")
        return nanos


class TopUpForm(_Amount, PayForm):
    """A top-up at the provider's own page."""

    field_order = ("amount",)


class CardTopUpForm(_Amount, CardForm):
    """A top-up by card."""

    field_order = ("amount",)
