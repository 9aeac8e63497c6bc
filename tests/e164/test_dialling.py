"""What callers of different countries mean by what they dial."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from e164 import (
    E164,
    ShortCode,
    countries,
    format_international,
    format_national,
    is_emergency,
    normalise_dialled,
    parse,
)
from e164.dialling import DIALLED_CHARS_MAX


@pytest.mark.parametrize(
    ("dialled", "country", "number"),
    [
        ("0123456789", "FR", "+33123456789"),
        ("01 23 45 67 89", "FR", "+33123456789"),
        ("01.23-45/67 89", "FR", "+33123456789"),
        ("33123456789", "FR", "+33123456789"),
        ("0033123456789", "FR", "+33123456789"),
        ("00442079460018", "FR", "+442079460018"),
        ("+442079460018", "FR", "+442079460018"),
        ("%2B442079460018", "FR", "+442079460018"),
        ("%2b442079460018", "FR", "+442079460018"),
        ("tel:+44-20-7946-0018", "FR", "+442079460018"),
        ("TEL:+442079460018;ext=7", "FR", "+442079460018"),
        ("+44 (0)20 7946 0018", "US", "+442079460018"),
        ("011442079460018", "US", "+442079460018"),
        ("00442079460018", "US", "+442079460018"),
        ("2125551234", "US", "+12125551234"),
        ("12125551234", "US", "+12125551234"),
        ("(212) 555-1234", "CA", "+12125551234"),
        ("02079460018", "GB", "+442079460018"),
        ("2079460018", "GB", "+442079460018"),
        ("0612345678", "IT", "+390612345678"),
        ("0011442079460018", "AU", "+442079460018"),
        ("010442079460018", "JP", "+442079460018"),
        ("01115 2345 6789", "AR", "+5491123456789"),
        ("011 15-2345-6789", "AR", "+5491123456789"),
        ("0 15 11 96123-4567", "BR", "+5511961234567"),
        ("0549886377", "SM", "+3780549886377"),
        ("886377", "SM", "+3780549886377"),
    ],
)
def test_a_dialled_number_becomes_e164(dialled: str, country: str, number: str) -> None:
    value = normalise_dialled(dialled, country)
    assert type(value) is E164
    assert value == number


@pytest.mark.parametrize(
    ("dialled", "country"),
    [("112", "FR"), ("15", "FR"), ("3949", "FR"), ("118218", "FR"), ("911", "US"), ("9-1-1", "US"), ("988", "US"),
     ("411", "US"), ("999", "GB"), ("000", "AU"), ("110", "DE"), ("911", "FR"), ("112", "TK")],
)  # fmt: skip
def test_a_short_code_stays_a_short_code(dialled: str, country: str) -> None:
    value = normalise_dialled(dialled, country)
    assert type(value) is ShortCode
    assert value == dialled.replace("-", "")


@pytest.mark.parametrize(
    ("dialled", "country", "reason"),
    [
        ("", "FR", "not a number: ''"),
        ("alice", "FR", "not a number: 'alice'"),
        ("*97", "FR", "not a number: '[*]97'"),
        ("01234567", "FR", "'01234567' is no number of FR"),
        ("5551234", "US", "'5551234' is no number of US"),
        ("2349115678", "US", "not a North American number: '2349115678'"),
        ("1232345678", "US", "'1232345678' is no number of US"),
        ("2915551234", "US", "not a North American number: '2915551234'"),
        ("+12125551", "FR", "not a North American number: '2125551'"),
        ("+9990000000", "FR", "no country has the calling code that begins '9990000000'"),
        ("+1234567890123456", "FR", "more than 15 digits"),
        ("+3312", "FR", "not an E.164 number: '[+]3312'"),
        ("٠١٢٣٤٥٦٧٨٩", "FR", "not a number"),
        ("0123456789", "", "no country has the calling code"),
        ("0123456789", "ZZ", "no dial plan for country 'ZZ'"),
    ],
)
def test_what_no_number_can_be_meant_by_is_refused_with_the_reason(dialled: str, country: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        normalise_dialled(dialled, country)


def test_an_over_long_user_part_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match=f"longer than {DIALLED_CHARS_MAX} characters"):
        normalise_dialled("1" * (DIALLED_CHARS_MAX + 1), "US")


def test_without_a_country_only_international_forms_are_read() -> None:
    assert normalise_dialled("0033123456789", "") == E164("+33123456789")
    assert normalise_dialled("33123456789", "") == E164("+33123456789")
    assert normalise_dialled("112", "") == ShortCode("112")


@pytest.mark.parametrize(
    ("code", "country", "answer"),
    [("112", "FR", True), ("15", "FR", True), ("17", "FR", True), ("999", "GB", True), ("999", "FR", False),
     ("000", "AU", True), ("911", "US", True), ("911", "FR", True), ("112", "US", True), ("112", "", True),
     ("933", "US", False), ("411", "US", False), ("988", "US", False), ("+33123456789", "FR", False),
     ("", "FR", False)],
)  # fmt: skip
def test_emergency_codes_are_the_countrys_own_and_112_and_911_everywhere(code: str, country: str, answer: bool) -> None:
    assert is_emergency(code, country) is answer


@pytest.mark.parametrize("country", countries())
def test_national_and_international_forms_of_every_countrys_numbers_are_understood(country: str) -> None:
    kinds = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    examples = [example for kind in kinds if (example := phonenumbers.example_number_for_type(country, kind))]
    for example in examples:
        number = E164(phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164))
        assert normalise_dialled(format_national(number), country) == number
        assert normalise_dialled(format_international(number), "FR") == number
        assert normalise_dialled("00" + number.digits, "FR") == number
        assert normalise_dialled("011" + number.digits, "US") == number
        assert parse(str(number), "") == number


@given(st.text(max_size=80), st.sampled_from(["", "FR", "US", "AR", "BR", "JP", "ZZ"]))
def test_any_text_gives_a_number_or_a_value_error(text: str, country: str) -> None:
    try:
        value = normalise_dialled(text, country)
    except ValueError:
        return
    assert type(value) in (E164, ShortCode)
    assert (value[0] == "+") is isinstance(value, E164)


@given(st.text(alphabet="+0123456789 -()", max_size=24), st.sampled_from(countries()))
def test_a_normalised_number_is_normal_in_every_country(text: str, country: str) -> None:
    try:
        value = normalise_dialled(text, country)
    except ValueError:
        return
    if isinstance(value, E164):
        assert normalise_dialled(str(value), "FR") == value
        assert normalise_dialled("%2B" + value.digits, "") == value
    else:
        assert normalise_dialled(str(value), country) == value


def test_parse_wants_a_length_that_the_numbers_country_uses() -> None:
    assert normalise_dialled("+3312345678", "US") == E164("+3312345678")
    with pytest.raises(ValueError, match=r"\+3312345678 has a length no number of its country has"):
        parse("+3312345678", "US")


def test_parse_reads_full_width_digits_of_a_file() -> None:
    assert parse("＋３３１２３４５６７８９", "") == E164("+33123456789")
    assert parse(" 01 23 45 67 89 ", "FR") == E164("+33123456789")
