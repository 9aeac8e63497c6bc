"""Rules before a call, with a clock moved by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud import screening
from fraud.screening import Hit, RuleEntry, Screener

ALICE, BOB = 1, 2
DESK, LOBBY, BOBS_LINE = 10, 11, 20
FRANCE, CUBA = "33123456789", "5371234567"
PRICE = 60_000_000
"""Nano-units a minute: a million a second."""

BARS_CUBA = RuleEntry(1, None, "barred_destination", prefixes=("53", "881", "8823"))
TWO_CALLS = RuleEntry(2, ALICE, "concurrent_calls", "refuse_and_block", calls_max=2)
SPEND = RuleEntry(3, ALICE, "spend_per_hour", spend_max_nanos=5 * PRICE)


def ask(
    screener: Screener, destination: str = FRANCE, now: float = 0.0, price: int | None = PRICE, **other: int
) -> Hit | None:
    return screener.screen(other.get("tenant", ALICE), other.get("line", DESK), destination, price, now)


def test_without_rules_every_call_passes() -> None:
    assert ask(Screener()) is None


def test_a_barred_prefix_is_hit_with_the_longest_match_shown() -> None:
    screener = Screener([RuleEntry(1, None, "barred_destination", prefixes=("5", "53"))])
    assert ask(screener, CUBA) == Hit(1, "barred_destination", "refuse", "53")
    assert ask(screener, "+" + CUBA) == Hit(1, "barred_destination", "refuse", "53")
    assert ask(screener, FRANCE) is None


def test_the_code_of_a_hit_names_its_kind() -> None:
    hit = ask(Screener([BARS_CUBA]), CUBA)
    assert hit is not None
    assert hit.code == "fraud.barred_destination"


def test_inbound_and_emergency_calls_are_never_screened() -> None:
    screener = Screener([RuleEntry(1, None, "barred_destination", prefixes=("1", "3"))])
    assert screener.screen(ALICE, None, FRANCE, PRICE, 0.0) is None
    assert screener.screen(ALICE, DESK, "112", None, 0.0, is_emergency=True) is None
    assert ask(screener, FRANCE) is not None


def test_a_rule_of_one_tenant_or_one_line_leaves_others_alone() -> None:
    of_alice = Screener([RuleEntry(1, ALICE, "barred_destination", prefixes=("53",))])
    assert ask(of_alice, CUBA, tenant=BOB, line=BOBS_LINE) is None
    of_the_desk = Screener([RuleEntry(1, ALICE, "barred_destination", line_id=DESK, prefixes=("53",))])
    assert ask(of_the_desk, CUBA, line=LOBBY) is None
    assert ask(of_the_desk, CUBA, line=DESK) is not None


def test_a_sleeping_rule_says_nothing() -> None:
    assert ask(Screener([RuleEntry(1, None, "barred_destination", prefixes=("53",), is_active=False)]), CUBA) is None


def test_a_rule_that_blocks_is_found_before_one_that_only_refuses() -> None:
    blocks = RuleEntry(9, None, "barred_destination", "refuse_and_block", prefixes=("53",))
    refuses = RuleEntry(1, ALICE, "barred_destination", prefixes=("53",))
    hit = ask(Screener([refuses, blocks]), CUBA)
    assert hit is not None
    assert hit.rule_id == 9


def test_the_third_call_of_a_line_is_refused_until_one_ends() -> None:
    screener = Screener([TWO_CALLS])
    screener.started("a", ALICE, DESK)
    assert ask(screener) is None
    screener.started("b", ALICE, DESK)
    assert ask(screener) == Hit(2, "concurrent_calls", "refuse_and_block", "2")
    assert ask(screener, line=LOBBY) is None
    screener.ended("a", 5.0)
    assert ask(screener) is None


def test_calls_of_all_lines_count_where_the_rule_counts_by_tenant() -> None:
    screener = Screener([RuleEntry(2, ALICE, "concurrent_calls", calls_max=2, counted_by="tenant")])
    screener.started("a", ALICE, DESK)
    screener.started("b", ALICE, LOBBY)
    assert ask(screener) is not None
    assert ask(screener, tenant=BOB, line=BOBS_LINE) is None


def test_a_call_is_counted_once_and_an_unknown_end_changes_nothing() -> None:
    screener = Screener()
    screener.started("a", ALICE, DESK)
    screener.started("a", ALICE, DESK)
    screener.started("inbound", ALICE, None)
    screener.ended("never started", 1.0)
    assert screener.calls_up("line", DESK) == 1
    screener.ended("a", 1.0)
    screener.ended("a", 1.0)
    assert screener.calls_up("line", DESK) == 0
    assert screener.calls_up("tenant", ALICE) == 0


def test_a_call_whose_first_minute_would_pass_the_cap_is_refused() -> None:
    screener = Screener([SPEND])
    screener.spent(ALICE, DESK, 4 * PRICE, 0.0)
    assert ask(screener, now=1.0) is None
    assert ask(screener, now=1.0, price=PRICE + 1) == Hit(3, "spend_per_hour", "refuse", str(4 * PRICE))


def test_a_free_call_is_refused_by_no_spending_cap() -> None:
    screener = Screener([SPEND])
    screener.spent(ALICE, DESK, 100 * PRICE, 0.0)
    assert ask(screener, price=None) is None
    assert ask(screener, price=0) is None
    assert ask(screener) is not None


def test_spending_leaves_the_sum_after_an_hour() -> None:
    screener = Screener([SPEND])
    screener.spent(ALICE, DESK, 5 * PRICE, 30.0)
    assert ask(screener, now=3630.0) is not None
    assert screener.spent_last_hour_nanos("line", DESK, 3659.9) == 5 * PRICE
    assert screener.spent_last_hour_nanos("line", DESK, 3660.0) == 0
    assert ask(screener, now=3660.0) is None


def test_a_long_call_passes_the_cap_while_it_is_up() -> None:
    screener = Screener([SPEND])
    screener.started("long", ALICE, DESK)
    screener.answered("long", PRICE, 10.0)
    assert screener.spent_last_hour_nanos("line", DESK, 70.0) == PRICE
    assert ask(screener, now=10.0 + 4 * 60) is None
    assert ask(screener, now=10.0 + 4 * 60 + 1) is not None


def test_what_a_call_cost_in_truth_takes_the_place_of_its_running_price() -> None:
    screener = Screener([SPEND])
    screener.started("a", ALICE, DESK)
    screener.answered("a", PRICE, 0.0)
    screener.answered("a", PRICE, 1.0)
    screener.ended("a", 90.0)
    assert screener.spent_last_hour_nanos("line", DESK, 90.0) == 0
    screener.spent(ALICE, DESK, 2 * PRICE, 90.0)
    assert screener.spent_last_hour_nanos("line", DESK, 90.0) == 2 * PRICE
    assert screener.spent_last_hour_nanos("tenant", ALICE, 90.0) == 2 * PRICE


def test_new_rules_keep_what_was_counted() -> None:
    screener = Screener()
    screener.started("a", ALICE, DESK)
    screener.spent(ALICE, DESK, 5 * PRICE, 0.0)
    screener.use([SPEND, RuleEntry(2, ALICE, "concurrent_calls", calls_max=1)])
    hit = ask(screener)
    assert hit is not None
    assert hit.kind == "concurrent_calls"
    screener.ended("a", 1.0)
    hit = ask(screener, now=1.0)
    assert hit is not None
    assert hit.kind == "spend_per_hour"


def test_memory_is_bounded_and_calls_that_are_up_are_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "WINDOWS_MAX", 20)
    screener = Screener()
    screener.started("up", ALICE, 999)
    screener.answered("up", PRICE, 0.0)
    for line in range(100):
        screener.spent(1000 + line, line, 1, 1.0)
    assert len(screener._windows) <= 20
    assert screener.spent_last_hour_nanos("line", 999, 60.0) == PRICE
    assert screener.spent_last_hour_nanos("line", 99, 60.0) == 1


def test_a_call_beyond_the_limit_is_screened_but_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screening, "CALLS_UP_MAX", 1)
    screener = Screener()
    screener.started("a", ALICE, DESK)
    screener.started("b", ALICE, DESK)
    assert screener.calls_up("line", DESK) == 1
    screener.answered("b", PRICE, 0.0)
    screener.ended("b", 1.0)
    assert screener.calls_up("line", DESK) == 1


_STEPS = st.lists(
    st.tuples(st.sampled_from(["start", "answer", "end"]), st.integers(0, 5), st.floats(0, 600, allow_nan=False)),
    max_size=60,
)


@given(_STEPS)
def test_when_all_calls_ended_nothing_is_left_running(steps: list[tuple[str, int, float]]) -> None:
    screener, now = Screener(), 1e6
    for what, call, wait in steps:
        now += wait
        if what == "start":
            screener.started(str(call), ALICE, DESK)
        elif what == "answer":
            screener.answered(str(call), PRICE + call, now)
        else:
            screener.ended(str(call), now)
        assert screener.spent_last_hour_nanos("line", DESK, now) >= 0
    for call in range(6):
        screener.ended(str(call), now)
    assert screener.calls_up("tenant", ALICE) == 0
    assert screener.spent_last_hour_nanos("tenant", ALICE, now + 7200) == 0
