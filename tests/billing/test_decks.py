"""A compiled deck answers as the naive longest-prefix search does."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.decks import CompiledDeck, number_key, number_keys
from billing.rating import Rate

DIGITS = "0123456789"
# Few digits, so that prefixes nest and touch; 9 and 0 are the ends of the order.
PREFIXES = st.lists(st.text("019", min_size=1, max_size=6), unique=True, max_size=30)
NUMBERS = st.lists(st.text("0189", min_size=1, max_size=9), max_size=30)


def deck_of(*prefixes: str) -> CompiledDeck:
    return CompiledDeck.compile([Rate(prefix, f"zone {prefix}", 1000 + int(prefix)) for prefix in prefixes])


def naive(prefixes: list[str], number: str) -> str | None:
    return max((prefix for prefix in prefixes if number.startswith(prefix)), key=len, default=None)


@given(PREFIXES, NUMBERS)
def test_the_longest_prefix_wins_as_in_the_naive_search(prefixes: list[str], numbers: list[str]) -> None:
    deck = deck_of(*prefixes)
    for number in [*numbers, *prefixes]:
        rate = deck.lookup("+" + number)
        assert (rate.prefix if rate else None) == naive(prefixes, number)


@given(PREFIXES, NUMBERS)
def test_many_look_ups_at_once_find_the_same_rates(prefixes: list[str], numbers: list[str]) -> None:
    deck = deck_of(*prefixes)
    columns = deck.lookup_many(["+" + number for number in numbers])
    singles = [deck.lookup("+" + number) for number in numbers]
    assert columns.found.tolist() == [rate is not None for rate in singles]
    assert columns.nanos_per_minute.tolist() == [rate.nanos_per_minute if rate else 0 for rate in singles]


@given(st.text(DIGITS, min_size=1, max_size=15), st.text(DIGITS, min_size=1, max_size=15))
def test_keys_sort_as_digit_strings_do(left: str, right: str) -> None:
    assert (number_key(left) < number_key(right)) == (left < right)
    assert number_keys(["+" + left, left]).tolist() == [number_key(left)] * 2


def test_a_number_shorter_than_a_prefix_does_not_match_it() -> None:
    deck = deck_of("4420")
    assert deck.lookup("+442") is None
    assert deck.lookup("+4420") == Rate("4420", "zone 4420", 5420)


def test_digits_after_the_fifteenth_do_not_count() -> None:
    deck = deck_of("123456789012345")
    assert deck.lookup("+12345678901234599") is not None


@pytest.mark.parametrize(
    "number", ["", "+", "+44 20", "+44a", "+٣٣", "++44", "+44\n", "+44\x0020", "+4412345678901234567x", "+4４"]
)
def test_what_is_no_e164_number_has_no_rate(number: str) -> None:
    deck = deck_of("1", "4", "44", "3")
    assert deck.lookup(number) is None
    assert deck.lookup_many([number]).found.tolist() == [False]


def test_the_plus_of_a_number_may_be_left_out() -> None:
    deck = deck_of("44")
    assert deck.lookup("4420") == deck.lookup("+4420") == Rate("44", "zone 44", 1044)
    assert deck.lookup_many(["4420", "+4420"]).found.tolist() == [True, True]


def test_a_deck_can_be_pickled() -> None:
    copy = pickle.loads(pickle.dumps(CompiledDeck.compile([Rate("44", "UK", 5)], deck_id=3, currency="EUR", version=7)))
    assert (copy.deck_id, copy.currency, copy.version, copy.lookup("+44")) == (3, "EUR", 7, Rate("44", "UK", 5))


def test_an_empty_deck_has_no_rate() -> None:
    deck = CompiledDeck.compile([])
    assert len(deck) == 0
    assert deck.lookup("+4420") is None
    assert deck.lookup_many(["+4420"]).found.tolist() == [False]


@pytest.mark.parametrize("prefix", ["", "1234567890123456", "+44", "4a", "44 "])
def test_a_bad_prefix_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"prefix|digit string"):
        CompiledDeck.compile([Rate(prefix, "x", 1)])


def test_a_prefix_that_comes_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="prefix 44 comes twice"):
        CompiledDeck.compile([Rate("44", "x", 1), Rate("44", "y", 2)])


def test_a_saved_deck_maps_back_to_the_same_answers_and_is_never_overwritten(tmp_path: Path) -> None:
    rates = [Rate("44", "United Kingdom", 12_500_000, 7, 60, 6), Rate("447", "UK mobile", 30_000_000)]
    CompiledDeck.compile(rates, deck_id=9, currency="GBP").save(tmp_path / "decks" / "9")
    deck = CompiledDeck.open(tmp_path / "decks" / "9")
    assert (deck.deck_id, deck.currency, len(deck)) == (9, "GBP", 2)
    assert [deck.lookup("+4420"), deck.lookup("+4479"), deck.lookup("+49")] == [rates[0], rates[1], None]
    with pytest.raises(FileExistsError):
        deck.save(tmp_path / "decks" / "9")
    assert sorted(path.name for path in (tmp_path / "decks").iterdir()) == ["9"]


def test_the_arrays_of_a_million_prefixes_stay_within_sixty_four_mebibytes() -> None:
    deck = CompiledDeck.compile([Rate(str(prefix), "zone", 1) for prefix in range(100_000, 110_000)])
    size = sum(np.asarray(array).nbytes for array in deck._arrays.values())
    assert size * 100 <= 64 * 1024 * 1024
