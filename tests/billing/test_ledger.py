"""The books: append-only, balanced, told twice written once."""

from __future__ import annotations

import psycopg
import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.choices import EntryKind, LedgerKind
from billing.errors import BooksDiffer, IdempotencyConflict
from billing.ledger import Draft, Line, check_books, customer_lines, hash_of, post, reverse
from billing.models import Account, Entry, Posting
from billing.services import adjust_balance
from tenants.errors import Conflict, DomainError
from tenants.scope import tenant_scope
from tests.billing.world import UNIT, World


def draft(world: World, key: str, amount: int) -> Draft:
    lines = customer_lines(world.alice, amount, LedgerKind.REVENUE)
    return Draft(world.alice.tenant_id, key, EntryKind.ADJUSTMENT, hash_of({"amount": amount}), lines)


def balance(world: World) -> int:
    world.alice.refresh_balance()
    return world.alice.balance_nanos


def test_the_same_key_and_input_is_written_once(world: World) -> None:
    first = post([draft(world, "k", -5)], [world.alice.pk])
    again = post([draft(world, "k", -5)], [world.alice.pk])
    assert first.entry_ids == again.entry_ids
    assert (first.new_keys, again.new_keys) == (frozenset({"k"}), frozenset())
    assert again.balances == {}
    assert balance(world) == 10 * UNIT - 5


def test_the_same_key_with_other_input_is_refused_and_writes_nothing(world: World) -> None:
    post([draft(world, "k", -5)], [world.alice.pk])
    with pytest.raises(IdempotencyConflict):
        post([draft(world, "new", -7), draft(world, "k", -6)], [world.alice.pk])
    assert not Entry.objects.filter(key="new").exists()
    assert balance(world) == 10 * UNIT - 5


def test_an_entry_that_does_not_balance_is_refused_before_the_database(world: World) -> None:
    lines = customer_lines(world.alice, -5, LedgerKind.REVENUE)
    crooked = Draft(world.alice.tenant_id, "k", EntryKind.CALL, "h", (lines[0], lines[0]))
    with pytest.raises(ValueError, match="does not balance"):
        post([crooked], [])


def test_the_database_itself_refuses_postings_that_do_not_sum_to_zero(world: World) -> None:
    entry = Entry.objects.first()
    assert entry is not None
    line = entry.postings.first()
    assert line is not None
    with pytest.raises(IntegrityError, match="does not sum to zero in USD: 1"), transaction.atomic():
        Posting.objects.create(
            entry=entry,
            tenant_id=line.tenant_id,
            ledger_account_id=line.ledger_account_id,
            amount_nanos=1,
            currency="USD",
        )


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
@pytest.mark.parametrize("table", ["billing_posting", "billing_entry"])
def test_the_app_cannot_change_or_delete_what_is_in_the_books(world: World, table: str, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement.format(table))


def test_a_reversal_is_the_opposite_and_is_made_once(world: World) -> None:
    entry = adjust_balance(world.alice, 3, key="gift", memo="Sorry")
    back = reverse(entry, "Mistake")
    assert reverse(entry, "Mistake") == back
    assert (back.reverses, back.kind, balance(world)) == (entry, EntryKind.REVERSAL, 10 * UNIT)
    assert sorted(back.postings.values_list("amount_nanos", flat=True)) == [-3, 3]
    with pytest.raises(Conflict):
        reverse(back, "again")


def test_an_adjustment_with_the_same_key_happens_once_and_zero_is_refused(world: World) -> None:
    assert adjust_balance(world.alice, 3, key="a", memo="m") == adjust_balance(world.alice, 3, key="a", memo="m")
    assert balance(world) == 10 * UNIT + 3
    with pytest.raises(IdempotencyConflict):
        adjust_balance(world.alice, 4, key="a", memo="m")
    with pytest.raises(DomainError, match="zero or out of range"):
        adjust_balance(world.alice, 0, key="b", memo="m")


def test_a_balance_that_is_not_the_sum_of_its_postings_is_found(world: World) -> None:
    assert check_books() == 2
    Account.objects.filter(pk=world.bob.pk).update(balance_nanos=7)
    with pytest.raises(BooksDiffer, match=f"account {world.bob.pk}: balance off by 7, held by 0"):
        check_books()


def test_saving_a_stale_account_does_not_put_an_old_balance_back(world: World) -> None:
    stale = Account.objects.get(pk=world.alice.pk)
    adjust_balance(world.alice, 5, key="x", memo="m")
    stale.terms_days = 30
    stale.save()
    fresh = Account.objects.get(pk=world.alice.pk)
    assert (fresh.balance_nanos, fresh.terms_days) == (10 * UNIT + 5, 30)


def test_a_customer_sees_its_own_postings_and_not_the_sellers(world: World) -> None:
    with tenant_scope([world.alice.tenant_id]):
        kinds = set(Posting.objects.values_list("ledger_account__kind", flat=True))
    assert kinds == {LedgerKind.CUSTOMER}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(min_value=-(10**15), max_value=10**15).filter(bool), min_size=1, max_size=8))
def test_any_amounts_leave_the_balance_as_the_sum_of_its_postings(world: World, amounts: list[int]) -> None:
    drafts = [draft(world, f"{hash_of({'a': amounts})}:{index}", amount) for index, amount in enumerate(amounts)]
    before = balance(world)
    was_new = post(drafts, [world.alice.pk]).new_keys
    assert balance(world) == before + (sum(amounts) if was_new else 0)
    assert check_books() == 2


def test_a_line_in_two_currencies_must_balance_in_each(world: World) -> None:
    one, other = customer_lines(world.alice, -5, LedgerKind.REVENUE)
    mixed = (one, Line(other.ledger_account_id, other.tenant_id, "EUR", 5))
    with pytest.raises(ValueError, match="does not balance"):
        post([Draft(world.alice.tenant_id, "k", EntryKind.CALL, "h", mixed)], [])


def test_not_even_the_owner_of_the_tables_changes_what_is_in_the_books(committed_world: World, owner_url: str) -> None:
    with psycopg.connect(owner_url, options="-c app.all_tenants=on") as owner:
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            owner.execute("DELETE FROM billing_posting")
        owner.rollback()
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            owner.execute("UPDATE billing_entry SET memo = 'x'")
