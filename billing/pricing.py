"""Which rates a call is sold and bought at, and the charge that comes of them, with the whole rate kept in it."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from billing.choices import ChargeStatus, RatingProblem
from billing.decks import CompiledDeck
from billing.deckstore import DeckHead, DeckStore
from billing.limits import DURATION_S_MAX
from billing.models import Account, TrunkDeck
from billing.rating import Rate, charge_nanos, whole_seconds
from sip.cdr.record import CallRecord
from sip.cdr.rows import moment_of

logger = logging.getLogger(__name__)

NO_CURRENCY = "X" * 3
"""ISO 4217 for "no currency": a call whose account is not known has none."""

_store = DeckStore()


@dataclass(frozen=True, slots=True)
class Billable:
    """What the price of an answered call depends on."""

    call_id: UUID
    tenant_id: int
    account_id: int
    started_at: datetime
    number: str
    duration_s: int
    problem: str
    """Why it cannot be rated whatever the deck says, or ""."""
    trunk_id: int | None


@dataclass(frozen=True, slots=True)
class CallCharge:
    """What one call cost: the columns of ``billing.models.Charge``, whose fields say what each means."""

    call_id: UUID
    tenant_id: int
    account_id: int
    status: str
    problem: str
    started_at: datetime
    number: str
    duration_s: int
    billed_s: int
    amount_nanos: int
    raw: int
    currency: str
    deck_id: int | None
    deck_version: int | None
    prefix: str
    destination: str
    nanos_per_minute: int
    connect_fee_nanos: int
    first_s: int
    next_s: int
    trunk_id: int | None
    cost_nanos: int | None
    cost_currency: str
    cost_deck_id: int | None
    cost_prefix: str
    cost_nanos_per_minute: int | None


def billable(record: CallRecord) -> Billable | None:
    """Return what is charged of a call record: nothing unless it was answered and somebody pays for its number.

    Billable is what was answered, whatever cause ended it.
    """
    if record.answered_at is None or record.account_id is None or not record.destination:
        return None
    duration_s, problem = _duration(record)
    return Billable(
        UUID(record.call_id),
        record.tenant_id,
        record.account_id,
        moment_of(record.started_at),
        record.destination,
        duration_s,
        problem,
        record.b_trunk_id,
    )


def _duration(record: CallRecord) -> tuple[int, str]:
    try:
        return whole_seconds(record.duration_s, answered=True), ""
    except ValueError as error:
        logger.error("call %s is not rated: %s", record.call_id, error)
    known = math.isfinite(record.duration_s)
    return min(DURATION_S_MAX, max(1, math.ceil(record.duration_s))) if known else 1, RatingProblem.DURATION


class PriceBook:
    """The accounts and decks a batch of calls needs, read in a few queries."""

    def __init__(self, calls: Sequence[Billable]) -> None:
        self.accounts: dict[int, Account] = Account.objects.in_bulk({call.account_id for call in calls})
        trunks = {call.trunk_id for call in calls if call.trunk_id is not None}
        bought_by = TrunkDeck.objects.filter(trunk_id__in=trunks).values_list("trunk_id", "deck_id", "tenant_id")
        self._vendor = {trunk_id: deck_id for trunk_id, deck_id, _ in bought_by}
        self._buyers = {trunk_id: tenant_id for trunk_id, _, tenant_id in bought_by}
        deck_ids = {account.deck_id for account in self.accounts.values() if account.deck_id is not None}
        self._cursor = connection.cursor()
        self._heads: dict[int, DeckHead] = _store.heads(self._cursor, [*(deck_ids | set(self._vendor.values()))])

    def price(self, call: Billable) -> CallCharge:
        """Price a call with the decks in force when it started."""
        account = self.accounts.get(call.account_id)
        deck = self._deck(account.deck_id, call.started_at) if account else None
        rate = deck.lookup(call.number) if deck else None
        problem = call.problem or _problem(account, deck, rate)
        cost_deck = self._deck(self._vendor.get(call.trunk_id or 0), call.started_at)
        cost_rate = cost_deck.lookup(call.number) if cost_deck and not call.problem else None
        return _charge(
            call,
            account.currency if account else NO_CURRENCY,
            problem,
            (deck, rate) if deck and rate and not problem else None,
            (cost_deck, cost_rate) if cost_deck and cost_rate else None,
        )

    def seller_of(self, charge: CallCharge) -> int:
        """Return the tenant whose revenue a call is."""
        return self.accounts[charge.account_id].seller_id

    def buyer_of(self, charge: CallCharge) -> int:
        """Return the tenant who owes the vendor: the trunk's owner, who need not be the caller's own seller."""
        return self._buyers[charge.trunk_id or 0]

    def _deck(self, deck_id: int | None, moment: datetime) -> CompiledDeck | None:
        head = self._heads.get(deck_id or 0)
        return _store.at(self._cursor, head, moment) if head is not None else None


def _problem(account: Account | None, deck: CompiledDeck | None, rate: Rate | None) -> str:
    if account is None:
        return RatingProblem.NO_ACCOUNT
    if deck is None:
        return RatingProblem.NO_DECK
    if deck.currency != account.currency:
        return RatingProblem.CURRENCY
    return "" if rate is not None else RatingProblem.NO_RATE


def _charge(
    call: Billable,
    currency: str,
    problem: str,
    sold: tuple[CompiledDeck, Rate] | None,
    bought: tuple[CompiledDeck, Rate] | None,
) -> CallCharge:
    price = charge_nanos(call.duration_s, sold[1]) if sold else None
    rate = sold[1] if sold else None
    cost = charge_nanos(call.duration_s, bought[1]) if bought else None
    return CallCharge(
        call_id=call.call_id,
        tenant_id=call.tenant_id,
        account_id=call.account_id,
        status=ChargeStatus.UNRATED if problem else ChargeStatus.RATED,
        problem=problem,
        started_at=call.started_at,
        number=call.number,
        duration_s=call.duration_s,
        billed_s=price.billed_s if price else 0,
        amount_nanos=price.amount_nanos if price else 0,
        raw=price.raw if price else 0,
        currency=currency,
        deck_id=sold[0].deck_id if sold else None,
        deck_version=sold[0].version if sold else None,
        prefix=rate.prefix if rate else "",
        destination=rate.destination if rate else "",
        nanos_per_minute=rate.nanos_per_minute if rate else 0,
        connect_fee_nanos=rate.connect_fee_nanos if rate else 0,
        first_s=rate.first_s if rate else 0,
        next_s=rate.next_s if rate else 0,
        trunk_id=call.trunk_id,
        cost_nanos=cost.amount_nanos if cost else None,
        cost_currency=bought[0].currency if bought else "",
        cost_deck_id=bought[0].deck_id if bought else None,
        cost_prefix=bought[1].prefix if bought else "",
        cost_nanos_per_minute=bought[1].nanos_per_minute if bought else None,
    )
