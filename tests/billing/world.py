"""A small standing world for the money tests: one operator, customers with accounts, a deck, calls."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from billing.choices import AccountMode, DeckKind
from billing.models import Account, RateDeck
from billing.services import adjust_balance, create_deck, import_deck, open_account
from sip.cdr.record import CallRecord
from tenants.models import Tenant
from tenants.services import create_tenant

UNIT = 1_000_000_000
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
HEADER = "prefix,destination,rate_per_minute,connect_fee,first_s,next_s\n"
RATES = HEADER + "44,United Kingdom,0.0125,0,60,6\n447,UK mobile,0.03,0.01,1,1\n1,United States,0.006,0,6,6\n"
COSTS = HEADER + "44,GB,0.01,0,1,1\n1,US,0.002,0,6,6\n"


@dataclass
class World:
    """Who there is."""

    operator: Tenant
    alice: Account
    bob: Account
    deck: RateDeck


def make_world(currency: str = "USD") -> World:
    """Make operator *trunkco*, prepaid *alice* with 10 units, and postpaid *bob* with 5 units of credit."""
    operator = create_tenant(name="Trunkco", kind="operator", currency=currency, address="1 Exchange Street\nLondon")
    deck = create_deck(tenant=operator, name="Retail", currency=currency)
    import_deck(deck, RATES.encode(), source="retail.csv", valid_from=BEGIN)
    deck.refresh_from_db()
    alice = customer(operator, "Alice", deck, AccountMode.PREPAID)
    bob = customer(operator, "Bob", deck, AccountMode.POSTPAID, credit_limit_nanos=5 * UNIT)
    adjust_balance(alice, 10 * UNIT, key="opening", memo="Opening balance")
    return World(operator, alice, bob, deck)


def customer(operator: Tenant, name: str, deck: RateDeck, mode: AccountMode, **values: Any) -> Account:
    """Make a customer of the operator with an account."""
    tenant = create_tenant(
        name=name, kind="customer", parent=operator, currency=deck.currency, address=f"{name}\n2 Line Road"
    )
    return open_account(tenant=tenant, mode=mode, deck=deck, **values)


def vendor_deck(operator: Tenant, currency: str = "USD") -> RateDeck:
    """Make a deck of what we buy."""
    deck = create_deck(tenant=operator, name="Carrier", currency=currency, kind=DeckKind.VENDOR)
    import_deck(deck, COSTS.encode(), source="carrier.csv", valid_from=BEGIN)
    return deck


def call(account: Account | None, number: str = "+442071234567", duration_s: float = 61.0, **values: Any) -> CallRecord:
    """Return the record of an answered call that started at noon."""
    started = values.pop("started_at", NOON.timestamp())
    record = CallRecord(
        call_id=uuid.uuid4().hex,
        node="node1",
        tenant_id=account.tenant_id if account else 0,
        direction="outbound",
        caller="+15550100",
        called=number,
        dialled=number,
        destination=number,
        account_id=account.pk if account else None,
        a_line_id=1,
        a_trunk_id=None,
        b_line_id=None,
        b_trunk_id=None,
        sip_call_id="a@b",
        from_tag="t",
        peer="127.0.0.1:5060",
        user_agent="",
        started_at=started,
        ringing_at=started + 1,
        answered_at=started + 2,
        ended_at=started + 2 + duration_s,
        duration_s=duration_s,
        pdd_s=1.0,
        ended_by="caller",
        sip_status=200,
        sip_reason="OK",
        q850_cause=16,
        a_q850_cause=16,
        b_q850_cause=16,
        refusal_code="",
        fraud_rule_id=None,
        is_emergency=False,
        attempts=(),
    )
    return replace(record, **values)
