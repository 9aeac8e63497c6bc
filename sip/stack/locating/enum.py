"""Telephone numbers in the DNS (RFC 6116): which SIP URIs a number has, and whether it was ported (RFC 4769)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip.stack.locating.ere import Ere
from sip.stack.locating.limits import ENUM_STEPS_MAX, NAPTRS_MAX, REGEXP_CHARS_MAX, URI_CHARS_MAX
from sip.stack.locating.order import order_naptrs
from sip.stack.locating.records import Naptr, Question, fold_name
from sip.stack.locating.search import Known
from sip.stack.message.uri import Uri

PUBLIC_SUFFIX: Final = "e164.arpa"

_SIP_SERVICES: Final = frozenset({"sip", "pstn:sip"})
_TEL_SERVICES: Final = frozenset({"pstn:tel"})
_RN_CHARS: Final = frozenset("+0123456789abcdefABCDEF-.()")
"""RFC 4694 §4: global hex digits or digits with visual separators."""
_RN_CHARS_MAX: Final = 32


@dataclass(frozen=True, slots=True)
class NumberAnswer:
    """What the DNS says of a number."""

    uris: tuple[Uri, ...] = ()
    """Where it is reached by SIP, in order of preference."""
    routing_number: str = ""
    """``rn`` of a ported number (RFC 4694 §4)."""
    is_dipped: bool = False
    """``npdi``: the data base of ported numbers was asked; another need not ask again."""


def enum_name(number: str, suffix: str) -> str:
    """Return the name whose NAPTR records tell of an E.164 number (RFC 6116 §3.2)."""
    digits = [char for char in reversed(number) if char.isdigit()]
    return f"{'.'.join(digits)}.{fold_name(suffix)}"


def find_number(number: str, suffix: str, known: Known) -> tuple[NumberAnswer, list[Question]]:
    """Return what the DNS says of ``number`` (with its plus), and the questions still open.

    A rule that is malformed, of another service or too costly is passed over (RFC 6116 §5.2).
    """
    uris: list[Uri] = []
    ported = NumberAnswer()
    name = enum_name(number, suffix)
    for _ in range(ENUM_STEPS_MAX):
        answer = known(("NAPTR", name))
        if answer is None:
            return NumberAnswer(), [("NAPTR", name)]
        name = ""
        for rule in order_naptrs(answer.naptrs)[:NAPTRS_MAX]:
            if not rule.flags and rule.replacement:
                name = name or fold_name(rule.replacement)
            elif rule.flags.lower() == "u":
                ported = _take(rule, number, uris, ported)
        if uris or ported.is_dipped or not name:
            break
    return NumberAnswer(tuple(uris), ported.routing_number, ported.is_dipped), []


def _take(rule: Naptr, number: str, uris: list[Uri], ported: NumberAnswer) -> NumberAnswer:
    """Add what one terminal rule says."""
    services = _services(rule.service)
    if services.isdisjoint(_SIP_SERVICES) and services.isdisjoint(_TEL_SERVICES):
        return ported
    try:
        uri = Uri.parse(apply_rule(rule.regexp, number))
    except ValueError:
        return ported
    if uri.scheme in ("sip", "sips") and not services.isdisjoint(_SIP_SERVICES):
        uris.append(uri)
    return ported if ported.is_dipped else _ported(uri)


def _services(service: str) -> frozenset[str]:
    """Return the Enumservices of a rule, lower case (RFC 6116 §3.4.3, §3.6)."""
    words = service.lower().split("+")
    return frozenset(words[1:]) if words[0] == "e2u" else frozenset()


def apply_rule(regexp: str, number: str) -> str:
    """Return the URI that a rule's regexp field makes of a number: delimiter, ERE, delimiter, substitution, flags.

    Source: RFC 3402 §3.2.

    Raises:
        ValueError: the field is malformed, does not match or costs too much.
    """
    if len(regexp) > REGEXP_CHARS_MAX or len(regexp) < 4 or regexp[0].isdigit() or regexp[0] in "\\i":
        raise ValueError("regexp field: no delimiter")
    parts = _split(regexp)
    if len(parts) != 3 or parts[2] not in ("", "i", "I"):
        raise ValueError("regexp field: not ERE, substitution and flags")
    groups = Ere(parts[0], bool(parts[2])).match(number)
    if groups is None:
        raise ValueError("regexp field: no match")
    return _substitute(parts[1], groups)


def _split(field: str) -> list[str]:
    """Cut a regexp field at its delimiter; a delimiter after a backslash is a character of its part."""
    delimiter = field[0]
    parts = [""]
    position = 1
    while position < len(field):
        char = field[position]
        if char == "\\" and field[position + 1 : position + 2] == delimiter:
            parts[-1] += delimiter
            position += 2
            continue
        if char == "\\":
            parts[-1] += field[position : position + 2]
            position += 2
            continue
        if char == delimiter:
            parts.append("")
        else:
            parts[-1] += char
        position += 1
    return parts


def _substitute(template: str, groups: list[str]) -> str:
    text = ""
    position = 0
    while position < len(template):
        char = template[position]
        if char == "\\":
            position += 1
            char = template[position : position + 1]
            if char.isdigit():
                number = int(char)
                if not 1 <= number < len(groups):
                    raise ValueError(f"regexp field: no group {number}")
                char = groups[number]
        text += char
        position += 1
    if len(text) > URI_CHARS_MAX:
        raise ValueError("regexp field: URI too long")
    return text


def _ported(uri: Uri) -> NumberAnswer:
    """Return ``npdi`` and ``rn``, of a tel URI or of a number in a user part (RFC 4694, RFC 3261 §19.1.6)."""
    params = dict(uri.params)
    if uri.scheme != "tel":
        params = {}
        for part in uri.user.split(";")[1:]:
            name, equals, value = part.partition("=")
            params[name.lower()] = value if equals else None
    if "npdi" not in params:
        return NumberAnswer()
    routing_number = params.get("rn") or ""
    if len(routing_number) > _RN_CHARS_MAX or not _RN_CHARS.issuperset(routing_number):
        routing_number = ""
    return NumberAnswer((), routing_number, True)
