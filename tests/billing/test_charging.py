"""Calls become money exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from alerts.models import Event
from billing.charging import charge_calls, rerate
from billing.choices import ChargeStatus, LedgerKind
from billing.errors import IdempotencyConflict
from billing.ledger import check_books
from billing.models import Account, Charge, Entry, Posting
from billing.pricing import NO_CURRENCY
from billing.services import assign_vendor_deck, import_deck, set_rate
from sip.models import Trunk
from tests.billing.world import BEGIN, HEADER, NOON, UNIT, World, call, vendor_deck


def balance(account: Account) -> int:
    account.refresh_balance()
    return account.balance_nanos


def trunk_of(world: World) -> Trunk:
    trunk = Trunk.objects.create(tenant=world.operator, name="carrier", host="127.0.0.9")
    assign_vendor_deck(trunk, vendor_deck(world.operator))
    return trunk


def test_a_call_is_charged_with_a_snapshot_of_its_rate(world: World) -> None:
    record = call(world.alice, duration_s=60.2)
    assert charge_calls([record])[record.call_id].amount_nanos == 13_750_000
    charge = Charge.objects.get()
    assert charge.call_id.hex == record.call_id
    assert (charge.duration_s, charge.billed_s, charge.raw) == (61, 66, 825_000_000)
    assert (charge.prefix, charge.destination, charge.deck_id, charge.deck_version) == (
        "44",
        "United Kingdom",
        world.deck.pk,
        1,
    )
    assert (charge.nanos_per_minute, charge.connect_fee_nanos, charge.first_s, charge.next_s) == (12_500_000, 0, 60, 6)
    assert (charge.status, charge.currency, charge.cost_nanos, charge.invoice_id) == ("rated", "USD", None, None)
    assert balance(world.alice) == 10 * UNIT - 13_750_000
    assert check_books() == 2


def test_customer_pays_revenue_and_cost_is_owed_to_the_vendor(world: World) -> None:
    record = call(world.alice, duration_s=61, b_trunk_id=trunk_of(world).pk)
    charge = charge_calls([record])[record.call_id]
    assert (charge.amount_nanos, charge.cost_nanos, charge.cost_currency) == (13_750_000, 10_166_667, "USD")
    entry = Entry.objects.get(key=f"call:{record.call_id}")
    postings = {item.ledger_account.kind: item.amount_nanos for item in entry.postings.select_related("ledger_account")}
    assert postings == {
        LedgerKind.CUSTOMER: -13_750_000,
        LedgerKind.REVENUE: 13_750_000,
        LedgerKind.VENDOR_COST: -10_166_667,
        LedgerKind.VENDOR_PAYABLE: 10_166_667,
    }


def test_a_call_told_twice_is_charged_once(world: World) -> None:
    record, other = call(world.alice), call(world.alice)
    first = charge_calls([record])
    again = charge_calls([record, other])
    assert again[record.call_id] == first[record.call_id]
    assert set(again) == {record.call_id, other.call_id}
    assert Charge.objects.count() == 2
    assert Entry.objects.filter(kind="call").count() == 2
    assert balance(world.alice) == 10 * UNIT - 2 * 13_750_000


def test_the_same_call_with_another_duration_is_refused_and_changes_nothing(world: World) -> None:
    record = call(world.alice)
    charge_calls([record])
    with pytest.raises(IdempotencyConflict):
        charge_calls([replace(record, duration_s=120.0)])
    assert balance(world.alice) == 10 * UNIT - 13_750_000


@pytest.mark.parametrize(
    "changes",
    [{"answered_at": None, "duration_s": 0.0}, {"account_id": None}, {"destination": ""}],
    ids=["never answered", "no account", "free by its kind"],
)
def test_what_nobody_pays_for_has_no_charge(world: World, changes: dict[str, object]) -> None:
    assert charge_calls([replace(call(world.alice), **changes)]) == {}  # type: ignore[arg-type]
    assert Charge.objects.count() == 0
    assert balance(world.alice) == 10 * UNIT


def test_a_call_answered_for_a_moment_costs_its_first_block(world: World) -> None:
    record = call(world.alice, duration_s=0.0)
    assert charge_calls([record])[record.call_id].billed_s == 60


def test_a_number_without_rate_is_kept_as_unrated_and_charged_once_there_is_one(world: World) -> None:
    record = call(world.alice, "+33123456789")
    charge = charge_calls([record])[record.call_id]
    assert (charge.status, charge.problem, charge.amount_nanos) == (ChargeStatus.UNRATED, "no_rate", 0)
    assert rerate() == 0
    set_rate(world.deck, prefix="33", destination="France", nanos_per_minute=60, first_s=1, next_s=1, valid_from=BEGIN)
    assert rerate() == 1
    assert rerate() == 0
    stored = Charge.objects.get()
    assert (stored.status, stored.problem, stored.destination, stored.amount_nanos) == ("rated", "", "France", 61)
    assert balance(world.alice) == 10 * UNIT - 61
    assert check_books() == 2


def test_the_deck_in_force_at_the_start_of_the_call_prices_it(world: World) -> None:
    later = NOON + timedelta(hours=1)
    import_deck(world.deck, (HEADER + "44,UK,0.06,0,1,1\n").encode(), source="new", valid_from=later)
    before = call(world.alice, started_at=later.timestamp() - 0.001)
    after = call(world.alice, started_at=later.timestamp())
    charges = charge_calls([before, after])
    assert (charges[before.call_id].amount_nanos, charges[before.call_id].deck_version) == (13_750_000, 1)
    assert (charges[after.call_id].amount_nanos, charges[after.call_id].deck_version) == (61_000_000, 2)


def test_a_deck_in_another_currency_prices_nothing(world: World) -> None:
    Account.objects.filter(pk=world.alice.pk).update(currency="EUR")
    record = call(world.alice)
    assert charge_calls([record])[record.call_id].problem == "currency"


def test_an_impossible_duration_is_kept_unrated_and_never_priced(world: World) -> None:
    record = call(world.alice, duration_s=1e9)
    charge = charge_calls([record])[record.call_id]
    assert (charge.status, charge.problem, charge.duration_s) == ("unrated", "duration", 86_400)
    assert rerate() == 0


def test_a_call_of_an_account_nobody_knows_is_kept_without_currency(world: World) -> None:
    record = call(world.alice, account_id=10**9)
    charge = charge_calls([record])[record.call_id]
    assert (charge.status, charge.problem, charge.currency) == ("unrated", "no_account", NO_CURRENCY)
    assert Posting.objects.filter(entry__kind="call").count() == 0


def test_a_call_at_no_price_is_rated_and_needs_no_entry(world: World) -> None:
    set_rate(world.deck, prefix="4480", destination="Freephone", nanos_per_minute=0, valid_from=BEGIN)
    record = call(world.alice, "+44800123456")
    assert charge_calls([record])[record.call_id].status == "rated"
    assert Entry.objects.filter(kind="call").count() == 0


def test_falling_through_the_threshold_warns_once(world: World) -> None:
    Account.objects.filter(pk=world.alice.pk).update(low_balance_nanos=10 * UNIT - 20_000_000)
    charge_calls([call(world.alice)])
    assert Event.objects.filter(kind="account.balance_low").count() == 0
    charge_calls([call(world.alice)])
    charge_calls([call(world.alice)])
    event = Event.objects.get(kind="account.balance_low")
    assert (event.tenant_id, event.payload["available"]) == (world.alice.tenant_id, "9.9725")


def test_a_thousand_calls_take_a_few_statements(world: World, django_assert_max_num_queries: object) -> None:
    records = [call(world.alice if index % 2 else world.bob, duration_s=float(index % 90)) for index in range(1000)]
    charge_calls([call(world.alice)])
    with django_assert_max_num_queries(30):  # type: ignore[operator]
        charge_calls(records)
    assert Charge.objects.count() == 1001
    assert check_books() == 2
