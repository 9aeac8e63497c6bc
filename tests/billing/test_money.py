"""Money is exact: text to nano-units and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import exponent, format_money, format_nanos, from_minor, parse_nanos, payable_nanos, to_minor

AMOUNTS = st.integers(min_value=-(10**20), max_value=10**20)


@given(AMOUNTS)
def test_text_of_an_amount_reads_back_as_the_same_amount(nanos: int) -> None:
    assert parse_nanos(format_nanos(nanos)) == nanos


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("0.0125", 12_500_000),
        ("1", 1_000_000_000),
        ("0.000000001", 1),
        ("-2.50", -2_500_000_000),
        ("0.1000000000000", 100_000_000),
    ],
)
def test_a_decimal_is_read_exactly(text: str, nanos: int) -> None:
    assert parse_nanos(text) == nanos


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "1e3", "1,000.00", "0x10", "NaN", " 1", "1 ", "٣", "1.2.3", "--1", "=1+1"]
)
def test_what_is_not_a_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a plain decimal"):
        parse_nanos(text)


def test_a_tenth_decimal_is_refused_and_not_rounded() -> None:
    with pytest.raises(ValueError, match="more than 9 decimals"):
        parse_nanos("0.0000000001")


@pytest.mark.parametrize(("currency", "places"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("BHD", 3)])
def test_a_currency_has_its_own_smallest_unit(currency: str, places: int) -> None:
    assert exponent(currency) == places


def test_an_unknown_currency_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown currency 'XQX'"):
        exponent("XQX")


def test_minor_units_convert_without_loss_and_refuse_fractions() -> None:
    assert to_minor(12_340_000_000, "USD") == 1234
    assert to_minor(5_000_000_000, "JPY") == 5
    assert from_minor(1234, "KWD") == 1_234_000_000
    with pytest.raises(ValueError, match=r"0\.001 USD is not a whole number"):
        to_minor(1_000_000, "USD")


@pytest.mark.parametrize(
    ("nanos", "currency", "payable"),
    [
        (12_340_000_001, "USD", 12_350_000_000),
        (12_340_000_000, "USD", 12_340_000_000),
        (1, "JPY", 1_000_000_000),
        (0, "USD", 0),
    ],
)
def test_what_is_payable_covers_the_amount_in_whole_smallest_units(nanos: int, currency: str, payable: int) -> None:
    assert payable_nanos(nanos, currency) == payable


@pytest.mark.parametrize(
    ("nanos", "currency", "text"),
    [
        (1_234_567_890_000, "USD", "1,234.57 USD"),
        (-5_000_000, "USD", "-0.01 USD"),
        (-4_999_999, "USD", "0.00 USD"),
        (1_500_000_000, "JPY", "2 JPY"),
    ],
)
def test_money_is_shown_rounded_and_grouped(nanos: int, currency: str, text: str) -> None:
    assert format_money(nanos, currency) == text
