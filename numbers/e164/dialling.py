"""From what was dialled or written to a number as a value."""

from __future__ import annotations

import unicodedata

from e164 import nanp
from e164.plans import DialPlan, calling_code_of, plan_for
from e164.values import E164, E164_DIGITS_MAX, SHORT_DIGITS_MAX, ShortCode

DIALLED_CHARS_MAX = 64
"""Twice the longest number with prefix and separators; a longer user part is no number."""
EMERGENCY_EVERYWHERE = frozenset({"112", "911"})
"""3GPP TS 22.101 §10.1.1: handled as emergency calls wherever the phone is, whatever the local number."""

_SEPARATORS = dict.fromkeys(map(ord, " \t-.()/‐‑–\u00a0\u2009\u202f"))


def normalise_dialled(dialled: str, country: str) -> E164 | ShortCode:
    """Return what a caller in ``country`` means by the digits dialled: the call path's function, a few µs.

    Read in this order: ``+`` (also ``%2B`` and ``tel:``), the country's emergency and short codes, its
    international prefix, its national numbers with or without trunk prefix, the country code without ``+``, and ``00``.
    With ``country`` empty only the international forms are read. A foreign number is checked for length and country
    code, not against its own plan, which changes more often than we do; numbers of +1 follow the NANP's format.

    Raises:
        ValueError: no number can be meant by that; the text says why.
    """
    if len(dialled) > DIALLED_CHARS_MAX:
        raise ValueError(f"longer than {DIALLED_CHARS_MAX} characters")
    digits, is_international = (dialled, False) if dialled.isascii() and dialled.isdigit() else _cleaned(dialled)
    if is_international:
        return _from_international(digits)
    if not country:
        if digits in EMERGENCY_EVERYWHERE:
            return ShortCode(digits)
        return _from_international(digits.removeprefix("00"))
    return _from_national_network(digits, plan_for(country))


def parse(text: str, country: str) -> E164 | ShortCode:
    """Return the number a person or a file wrote; stricter than ``normalise_dialled``, and not for the call path.

    The length must be one the number's own country uses, and full-width digits are read too.

    Raises:
        ValueError: it is not a number; the text says why.
    """
    value = normalise_dialled(unicodedata.normalize("NFKC", text).strip(), country)
    if isinstance(value, E164):
        import phonenumbers

        if not phonenumbers.is_possible_number(phonenumbers.parse(value)):
            raise ValueError(f"{value} has a length no number of its country has")
    return value


def is_emergency(code: str, country: str) -> bool:
    """Tell whether a call to ``code`` from ``country`` is an emergency call: always connected, never charged."""
    if len(code) > SHORT_DIGITS_MAX:
        return False
    if code in EMERGENCY_EVERYWHERE:
        return True
    return bool(country) and plan_for(country).emergency.fullmatch(code) is not None


def _cleaned(text: str) -> tuple[str, bool]:
    """Return the digits in ``text``, and whether a ``+`` stood before them."""
    bare = text.partition(";")[0].strip()
    if bare[:4].lower() == "tel:":
        bare = bare[4:]
    bare = bare.replace("%2B", "+").replace("%2b", "+")
    is_international = bare.startswith("+")
    if is_international:
        # "+44 (0)20 …": the trunk prefix is written for callers at home and is no part of the number.
        bare = bare[1:].replace("(0)", "")
    digits = bare.translate(_SEPARATORS)
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a number: {text!r}")
    return digits, is_international


def _from_national_network(digits: str, plan: DialPlan) -> E164 | ShortCode:
    if len(digits) <= SHORT_DIGITS_MAX and _is_short(digits, plan):
        return ShortCode(digits)
    prefix = plan.international.match(digits)
    if prefix is not None:
        return _from_international(digits[prefix.end() :])
    national = plan.national_number(digits)
    if national is None and digits.startswith(plan.calling_code):
        national = plan.national_number(digits[len(plan.calling_code) :])
    if national is not None:
        return _from_international(plan.calling_code + national)
    if digits.startswith("00"):
        return _from_international(digits[2:])
    raise ValueError(f"{digits!r} is no number of {plan.country}")


def _is_short(digits: str, plan: DialPlan) -> bool:
    if digits in EMERGENCY_EVERYWHERE or plan.emergency.fullmatch(digits):
        return True
    return plan.short.fullmatch(digits) is not None and plan.national.fullmatch(digits) is None


def _from_international(digits: str) -> E164:
    if len(digits) > E164_DIGITS_MAX:
        raise ValueError(f"more than {E164_DIGITS_MAX} digits")
    code = calling_code_of(digits)
    if code is None:
        raise ValueError(f"no country has the calling code that begins {digits!r}")
    if code == nanp.CALLING_CODE and not nanp.is_valid(digits[1:]):
        raise ValueError(f"not a North American number: {digits[1:]!r}")
    return E164("+" + digits)
