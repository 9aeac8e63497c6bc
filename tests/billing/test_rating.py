"""Increments, rounding and what an amount can buy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.bulk import charge_many
from billing.decks import CompiledDeck
from billing.limits import DURATION_S_MAX
from billing.rating import FREE, Rate, affordable_s, billed_s, charge_nanos, whole_seconds

DURATIONS = st.integers(min_value=0, max_value=DURATION_S_MAX)
RATES = st.builds(
    Rate,
    prefix=st.just("44"),
    destination=st.just("United Kingdom"),
    nanos_per_minute=st.integers(min_value=0, max_value=10**13),
    connect_fee_nanos=st.integers(min_value=0, max_value=10**13),
    first_s=st.integers(min_value=1, max_value=3600),
    next_s=st.integers(min_value=1, max_value=3600),
)


def rate(nanos_per_minute: int, first_s: int, next_s: int, fee: int = 0) -> Rate:
    return Rate("44", "United Kingdom", nanos_per_minute, fee, first_s, next_s)


GOLDEN = {
    # duration: billed seconds and amount in millionths at 0.0125 a minute, for 1/1, 6/6, 30/6, 60/6, 60/60
    0: [(0, 0), (0, 0), (0, 0), (0, 0), (0, 0)],
    1: [(1, 208), (6, 1250), (30, 6250), (60, 12500), (60, 12500)],
    31: [(31, 6458), (36, 7500), (36, 7500), (60, 12500), (60, 12500)],
    60: [(60, 12500), (60, 12500), (60, 12500), (60, 12500), (60, 12500)],
    61: [(61, 12708), (66, 13750), (66, 13750), (66, 13750), (120, 25000)],
    67: [(67, 13958), (72, 15000), (72, 15000), (72, 15000), (120, 25000)],
}


@pytest.mark.parametrize(("duration_s", "row"), GOLDEN.items())
def test_carriers_usual_increments_give_the_known_seconds_and_prices(
    duration_s: int, row: list[tuple[int, int]]
) -> None:
    for (first_s, next_s), (seconds, micros) in zip([(1, 1), (6, 6), (30, 6), (60, 6), (60, 60)], row, strict=True):
        charge = charge_nanos(duration_s, rate(12_500_000, first_s, next_s))
        assert (charge.billed_s, (charge.amount_nanos + 500) // 1000) == (seconds, micros)


@pytest.mark.parametrize(("duration_s", "nanos"), [(32, 3_600_000), (57, 6_000_000), (75, 7_800_000)])
def test_the_published_example_of_thirty_six_increments_holds(duration_s: int, nanos: int) -> None:
    assert charge_nanos(duration_s, rate(6_000_000, 30, 6)).amount_nanos == nanos


@pytest.mark.parametrize(("duration_s", "seconds"), [(30, 30), (31, 48), (59, 66), (121, 138)])
def test_steps_count_from_the_first_block_and_not_from_zero(duration_s: int, seconds: int) -> None:
    assert billed_s(duration_s, rate(0, 30, 18)) == seconds


def test_money_is_rounded_once_a_call_up_and_the_exact_price_is_kept() -> None:
    charge = charge_nanos(1, rate(12_500_000, 1, 1))
    assert (charge.raw, charge.amount_nanos) == (12_500_000, 208_334)


def test_the_connect_fee_is_added_once_to_an_answered_call_and_never_to_an_unanswered_one() -> None:
    assert charge_nanos(61, rate(60, 60, 60, fee=7)).amount_nanos == 127
    assert charge_nanos(0, rate(60, 60, 60, fee=7)) == FREE


@pytest.mark.parametrize(
    ("duration_s", "answered", "seconds"),
    [
        (0.0, False, 0),
        (12.0, False, 0),
        (0.0, True, 1),
        (0.2, True, 1),
        (1.0, True, 1),
        (1.41, True, 2),
        (60.0, True, 60),
    ],
)
def test_a_measured_duration_is_rounded_up_and_answered_means_at_least_a_second(
    duration_s: float, answered: bool, seconds: int
) -> None:
    assert whole_seconds(duration_s, answered=answered) == seconds


@pytest.mark.parametrize("duration_s", [-0.1, 86_400.1, float("nan"), float("inf")])
def test_an_impossible_duration_is_refused(duration_s: float) -> None:
    with pytest.raises(ValueError, match="is not within 0 to 86400 s"):
        whole_seconds(duration_s, answered=True)


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="negative duration: -1 s"):
        charge_nanos(-1, rate(1, 1, 1))


@given(DURATIONS, RATES)
def test_billed_time_covers_the_call_by_less_than_one_step(duration_s: int, rate: Rate) -> None:
    seconds = billed_s(duration_s, rate)
    if duration_s == 0:
        assert seconds == 0
    else:
        assert seconds >= max(duration_s, rate.first_s)
        assert seconds < max(duration_s, rate.first_s) + rate.next_s
        assert (seconds - rate.first_s) % rate.next_s == 0


@given(DURATIONS, RATES)
def test_a_charge_is_its_exact_price_rounded_up_to_one_nano(duration_s: int, rate: Rate) -> None:
    charge = charge_nanos(duration_s, rate)
    assert 0 <= 60 * charge.amount_nanos - charge.raw < 60
    assert charge.amount_nanos < 2**63


@given(st.integers(min_value=0, max_value=10**15), RATES)
def test_what_an_amount_affords_costs_no_more_and_one_second_longer_costs_more(amount: int, rate: Rate) -> None:
    seconds = affordable_s(amount, rate)
    assert charge_nanos(seconds, rate).amount_nanos <= amount
    if seconds < DURATION_S_MAX:
        assert charge_nanos(seconds + 1, rate).amount_nanos > amount


@given(st.lists(DURATIONS, max_size=20), RATES)
def test_bulk_rating_says_what_single_rating_says(durations: list[int], rate: Rate) -> None:
    deck = CompiledDeck.compile([rate])
    numbers = ["+4420", "+1", "none"] * len(durations)
    many = charge_many(deck, numbers, np.repeat(np.array(durations, dtype=np.int64), 3))
    for index, duration_s in enumerate(durations):
        charge = charge_nanos(duration_s, rate)
        at = 3 * index
        assert (many.billed_s[at], many.raw[at], many.amount_nanos[at]) == (
            charge.billed_s,
            charge.raw,
            charge.amount_nanos,
        )
        assert many.found[at : at + 3].tolist() == [True, False, False]
        assert many.amount_nanos[at + 1 : at + 3].tolist() == [0, 0]


def test_bulk_rating_refuses_impossible_durations_and_unequal_lengths() -> None:
    deck = CompiledDeck.compile([])
    with pytest.raises(ValueError, match="not within"):
        charge_many(deck, ["+1"], np.array([-1]))
    with pytest.raises(ValueError, match="1 numbers but 2 durations"):
        charge_many(deck, ["+1"], np.array([1, 2]))
