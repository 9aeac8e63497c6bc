"""The guard of a node as the settings want it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from itertools import product

from django.conf import settings

from e164 import is_emergency
from sip.proxy import roles
from sip.stack.guard.guard import Guard
from sip.stack.guard.sources import parse_source
from voip.node.limits import PROXY_GUARD_SCALE


def make_guard() -> Guard | None:
    """Return the guard, ``None`` when ``SIP_GUARD`` is off.

    Raises:
        ValueError: ``SIP_NEVER_BAN`` holds something that is no address.
    """
    if not settings.SIP_GUARD:
        return None
    scale = float(settings.SIP_GUARD_SCALE)
    if settings.SIP_ROLE != roles.B2BUA:
        scale *= PROXY_GUARD_SCALE
    return Guard(scale=scale, never_banned=[parse_source(text) for text in settings.SIP_NEVER_BAN])


def emergency_numbers(countries: Iterable[str]) -> frozenset[str]:
    """Return every number that is an emergency call somewhere among these countries."""
    return frozenset().union(*[_numbers_of(country) for country in frozenset(countries) | {""}])


@cache
def _numbers_of(country: str) -> frozenset[str]:
    """Try all numbers of two to four digits: what is one is only known as a pattern."""
    codes = ("".join(digits) for length in (2, 3, 4) for digits in product("0123456789", repeat=length))
    return frozenset(code for code in codes if is_emergency(code, country))
