"""One thing of each kind that belongs to bob, so that a foreign id is one of a row that is there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import models
from django.utils import timezone

from alerts.events import emit
from alerts.models import Delivery, Event, Recipient
from alerts.services import create_endpoint
from analytics.choices import Basis
from analytics.kpis import PDD_CLASSES
from analytics.models import HourlyTraffic
from billing.charging import charge_calls
from billing.gateways.base import Card
from billing.models import Entry, Invoice, Payment, Posting
from billing.services import adjust_balance, create_deck, draft_invoice, finalise_invoice, import_deck, start_payment
from dids.services import add_did, assign
from fraud.models import Case
from fraud.services import create_rule
from sip.choices import Direction
from sip.models import Call
from tenants.choices import Role
from tenants.models import AuditEntry
from tenants.services import create_api_key
from tests.billing.world import call
from tests.cast import DECK_CSV, UNIT, Cast

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
ENDED = datetime(2026, 12, 1, tzinfo=UTC)
LATER = datetime(2026, 12, 2, tzinfo=UTC)


def things_of_bob(cast: Cast) -> dict[str, models.Model]:
    """Return them by the name of their model; trunks, routes and decks are of those above."""
    charge_calls([call(cast.bob_account)])
    draft = draft_invoice(cast.bob_account, (BEGAN, ENDED), LATER)
    assert draft is not None
    invoice = finalise_invoice(draft, LATER)
    adjust_balance(cast.bob_account, UNIT, key="gift", memo="Gift")
    asks_the_bank = Card("4000000000003220", 12, 2040)
    payment = start_payment(
        cast.bob_account, UNIT, idempotency_key=str(uuid.uuid4()), card=asks_the_bank, return_url="https://bob.example/"
    )
    things = [*_network(cast), *_alerts(cast), *_fraud(cast), invoice, payment, cast.bob_account, cast.bob, cast.ben]
    deck = create_deck(tenant=cast.resellco, name="Resold")
    import_deck(deck, DECK_CSV, source="resold.csv", valid_from=BEGAN)
    key, _ = create_api_key(tenant=cast.bob, name="bob's", role=Role.TENANT_ADMIN)
    things += [
        key, deck, deck.rates.get(prefix="44"), invoice.charges.get(), _traffic(cast),
        Entry.objects.get(key__endswith=":gift"), Posting.objects.get(tenant=cast.bob, entry__key__endswith=":gift"),
        AuditEntry.objects.filter(tenant_id=cast.bob.pk)[:1].get(),
    ]  # fmt: skip
    return {type(thing).__name__: thing for thing in things}


def _network(cast: Cast) -> list[models.Model]:
    did = assign(add_did(cast.trunkco, "+12125550199").pk, cast.bob, cast.bob_line)
    now = timezone.now()
    values: dict[str, Any] = {
        "call_id": uuid.uuid4(), "node": "n", "tenant": cast.bob, "direction": Direction.OUTBOUND, "caller": "+1",
        "called": "+2", "dialled": "2", "sip_call_id": "x", "from_tag": "y", "peer": "192.0.2.1:5060",
        "started_at": now, "ended_at": now, "duration_s": 0.0, "ended_by": "caller", "sip_status": 486,
        "q850_cause": 17, "a_q850_cause": 17, "b_q850_cause": 17, "loaded_at": now,
    }  # fmt: skip
    return [cast.bob_line, cast.trunk, cast.route, did, Call.objects.create(**values)]


def _alerts(cast: Cast) -> list[models.Model]:
    event: Event = emit("payment.failed", tenant_id=cast.bob.pk, subject="Bob's", payload={})
    endpoint, _ = create_endpoint(cast.bob, "https://8.8.8.8/hook")
    delivery = Delivery.objects.create(
        tenant=cast.bob, event=event, channel="webhook", receiver="bob", endpoint=endpoint,
        next_attempt_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip
    return [event, endpoint, delivery, Recipient.objects.create(tenant=cast.bob, user=cast.ben)]


def _fraud(cast: Cast) -> list[models.Model]:
    rule = create_rule(cast.bob, name="Bob's", kind="barred_destination", prefixes=["53"])
    now = timezone.now()
    case = Case.objects.create(
        tenant=cast.bob, rule=rule, line=cast.bob_line, rule_name="Bob's", rule_kind=rule.kind,
        severity=rule.severity, hits=1, first_hit_at=now, last_hit_at=now,
    )  # fmt: skip
    return [rule, case]


def _traffic(cast: Cast) -> HourlyTraffic:
    counts = ("seizures", "answered", "effective", "refused", "duration_ms", "pdd_count", "pdd_sum_ms")
    money = ("revenue_nanos", "cost_nanos", "unrated", "uncosted")
    return HourlyTraffic.objects.create(
        hour=BEGAN, tenant=cast.bob, basis=Basis.values[0], direction=Direction.OUTBOUND, destination="GB",
        currency="USD", pdd_histogram=[0] * PDD_CLASSES, **dict.fromkeys((*counts, *money), 0),
    )  # fmt: skip


def footprint() -> list[tuple[str, int, str]]:
    """Return what must be as it was after a stranger has tried everything: states, money, secrets."""
    return [
        (model.__name__, model._default_manager.count(), str(list(model._default_manager.order_by("pk").values())))
        for model in (Invoice, Payment, Case, Delivery, Posting)
    ]
