"""What every payment provider looks like to us. A method returns or raises ``GatewayError``; nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from billing.choices import PaymentStatus


class GatewayError(Exception):
    """The provider did not do it. ``permanent``: asking again is of no use.

    Not permanent means that nobody knows whether it was done: ask with ``find`` before trying again.
    """

    def __init__(self, message: str, *, permanent: bool, code: str = "") -> None:
        super().__init__(message)
        self.permanent = permanent
        self.code = code


class BadSignature(Exception):
    """A webhook that the provider did not sign, or too long ago."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card as typed. Only a provider that says ``takes_cards`` ever gets one, and nothing stores it."""

    number: str = field(repr=False)
    exp_month: int
    exp_year: int
    cvc: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class PayRequest:
    """One business attempt to pay. ``idempotency_key`` stays the same however often it is sent."""

    our_reference: str
    amount_minor: int
    currency: str
    description: str
    idempotency_key: str
    return_url: str
    card: Card | None = None
    method_token: str = ""


@dataclass(frozen=True, slots=True)
class GatewayPayment:
    """What a provider says of a payment at one moment; ``refunded_minor`` is all that went back so far."""

    reference: str
    our_reference: str
    status: PaymentStatus
    amount_minor: int
    currency: str
    method: str = ""
    next_action_url: str = ""
    failure_code: str = ""
    failure_message: str = ""
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """A provider's event: ``payment`` is ``None`` when it is about nothing of ours."""

    event_id: str
    kind: str
    payment: GatewayPayment | None


class Gateway(Protocol):
    """A payment provider."""

    name: str
    takes_cards: bool
    """Whether it wants the card's number from us; others have a page or a token of their own."""

    def pay(self, request: PayRequest) -> GatewayPayment:
        """Take money. A decline is an answer (status failed), not an error."""
        ...

    def find(self, our_reference: str, reference: str) -> GatewayPayment | None:
        """Return what became of a payment; ``None`` when it never arrived. ``reference`` may be ""."""
        ...

    def refund(self, reference: str, amount_minor: int, idempotency_key: str) -> GatewayPayment:
        """Give money back; the same key does it once."""
        ...

    def read_notice(self, body: bytes, headers: Mapping[str, str]) -> Notice:
        """Check the signature on the raw body of a webhook and read it.

        Raises:
            BadSignature: it is not the provider's.
            ValueError: it is signed but cannot be read.
        """
        ...
