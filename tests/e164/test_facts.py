"""Country and printed form of a number, the North American plan, and the tables behind it all."""

import subprocess
import sys

import pytest

from e164 import E164, calling_code_of, country_of, format_international, format_national, nanp, plans


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+33123456789", "FR"),
        ("+12125551234", "US"),
        ("+14165551234", "CA"),
        ("+12425551234", "BS"),
        ("+18764561234", "JM"),
        ("+442079460018", "GB"),
        ("+441534456789", "JE"),
        ("+77012345678", "KZ"),
        ("+881612345678", ""),
        ("+390612345678", "IT"),
        ("+33000000000", "FR"),
    ],
)
def test_the_country_of_a_number_is_told_even_where_a_calling_code_is_shared(number: str, country: str) -> None:
    assert country_of(E164(number)) == country


def test_an_unknown_area_of_plus_one_is_not_taken_for_the_us() -> None:
    assert country_of(E164("+12002345678")) == ""


def test_a_number_is_printed_for_readers_at_home_and_abroad() -> None:
    assert format_international(E164("+33123456789")) == "+33 1 23 45 67 89"
    assert format_national(E164("+33123456789")) == "01 23 45 67 89"
    assert format_national(E164("+12125551234")) == "(212) 555-1234"


@pytest.mark.parametrize(
    ("digits", "code"), [("12125551234", "1"), ("33123456789", "33"), ("35312345678", "353"), ("999", None), ("", None)]
)
def test_the_calling_code_is_found_by_its_digits(digits: str, code: str | None) -> None:
    assert calling_code_of(digits) == code


@pytest.mark.parametrize(
    ("national", "answer"),
    [("2125551234", True), ("2349115678", False), ("1232345678", False), ("2915551234", False), ("212555123", False)],
)
def test_the_north_american_format_is_n_0to8_x_n_x_x_and_no_n11(national: str, answer: bool) -> None:
    assert nanp.is_valid(national) is answer


def test_warming_makes_the_tables_and_passes_over_unknown_countries() -> None:
    plans.plan_for.cache_clear()
    plans.warm(["FR", "ZZ", "US"])
    assert plans.plan_for.cache_info().currsize == 2


def test_nothing_is_imported_until_the_first_table_is_made() -> None:
    loaded = "'phonenumbers' in sys.modules"
    program = f"import sys, e164; assert not {loaded}; e164.warm(['FR']); assert {loaded}"
    subprocess.run([sys.executable, "-c", program], check=True, env={"PYTHONPATH": "numbers"})
