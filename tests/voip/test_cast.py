"""The cast itself."""

from __future__ import annotations

from billing.ledger import check_books
from tests.cast import UNIT, Cast


def test_the_cast_stands_with_its_books_in_order(cast: Cast) -> None:
    assert cast.alice_account.balance_nanos == 10 * UNIT
    assert cast.bob_account.balance_nanos == 0
    assert cast.carol_account.available_nanos == 100 * UNIT
    cast.mallory_line.refresh_from_db()
    assert cast.mallory_line.blocked_reason == "fraud"
    assert cast.alice_line.blocked_at is None
    check_books()
