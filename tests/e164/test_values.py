"""The two kinds of number as values."""

import json
import pickle

import pytest

from e164 import E164, ShortCode


def test_an_e164_number_is_its_own_text() -> None:
    number = E164("+33123456789")
    assert number == "+33123456789"
    assert number.digits == "33123456789"
    assert repr(number) == "E164('+33123456789')"
    assert json.dumps({"called": number}) == '{"called": "+33123456789"}'


def test_a_number_stays_a_number_through_pickle() -> None:
    copied = pickle.loads(pickle.dumps(E164("+33123456789")))
    assert type(copied) is E164
    assert copied == E164("+33123456789")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "+",
        "33123456789",
        "+0123456789",
        "+12345",
        "+1234567890123456",
        "+3312 345678",
        "+٣٣١٢٣٤٥٦٧",
        "+33123456789\n",
    ],
)
def test_anything_but_plus_and_six_to_fifteen_digits_is_no_e164_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an E\.164 number"):
        E164(text)


def test_fifteen_digits_are_the_longest_number_and_six_the_shortest() -> None:
    assert E164("+123456789012345").digits == "123456789012345"
    assert E164("+491234").digits == "491234"


def test_a_short_code_is_not_an_e164_number() -> None:
    code = ShortCode("112")
    assert code == "112"
    assert not isinstance(code, E164)
    assert repr(code) == "ShortCode('112')"


@pytest.mark.parametrize("text", ["", "1", "123456789", "+112", "1a2", "112\n"])
def test_a_short_code_has_two_to_eight_digits(text: str) -> None:
    with pytest.raises(ValueError, match="not a short code"):
        ShortCode(text)
