"""RFC 6116: a number's rules in the DNS, hostile ones among them, and RFC 4769: what they say of porting."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.stack.locating.enum import apply_rule, enum_name, find_number
from sip.stack.locating.ere import Ere
from sip.stack.locating.limits import REGEXP_STEPS_MAX
from sip.stack.locating.records import Answer, Naptr, Question

NUMBER = "+442079460148"
NAME = "8.4.1.0.6.4.9.7.0.2.4.4.e164.arpa"


def rule(regexp: str, service: str = "E2U+sip", flags: str = "u", order: int = 100, preference: int = 10) -> Naptr:
    return Naptr(order, preference, flags, service, regexp, "")


def find(*rules: Naptr, number: str = NUMBER) -> tuple[list[str], str, bool]:
    answer, missing = find_number(number, "e164.arpa", {("NAPTR", NAME): Answer(naptrs=rules)}.get)
    assert missing == []
    return [str(uri) for uri in answer.uris], answer.routing_number, answer.is_dipped


def test_a_number_becomes_a_name() -> None:
    assert enum_name(NUMBER, "e164.arpa") == NAME
    assert enum_name("+1", "Private.Example.") == "1.private.example"


def test_the_name_is_asked_for_once() -> None:
    answer, missing = find_number(NUMBER, "e164.arpa", lambda question: None)
    assert (answer.uris, missing) == ((), [("NAPTR", NAME)])


def test_rules_are_taken_by_order_and_preference() -> None:
    found, _, _ = find(
        rule("!^.*$!sip:c@example.com!", order=200),
        rule("!^.*$!sip:b@example.com!", preference=20),
        rule("!^.*$!sip:a@example.com!"),
    )
    assert found == ["sip:a@example.com", "sip:b@example.com", "sip:c@example.com"]


@pytest.mark.parametrize(
    ("regexp", "uri"),
    [
        ("!^.*$!sip:info@example.com!", "sip:info@example.com"),
        (r"!^\+44(.*)$!sip:0\1@gw.example.com!", "sip:02079460148@gw.example.com"),
        (r"/^(\+[0-9]+)$/sip:\1@example.com;user=phone/", "sip:+442079460148@example.com;user=phone"),
        (r"!^(\+)(44)(20)?(.{8})$!sip:\2-\3-\4@x.example!", "sip:44-20-79460148@x.example"),
        (r"!^\+(33|44|49)([0-9]{5,12})$!sip:\2@\1.example!", "sip:2079460148@44.example"),
        (r"!^[^0-9](44)!sip:\1@x.example!i", "sip:44@x.example"),
        (r"!.*!sip:a\!b@x.example!", "sip:a!b@x.example"),
    ],
)
def test_a_rule_makes_a_uri(regexp: str, uri: str) -> None:
    assert apply_rule(regexp, NUMBER) == uri
    assert find(rule(regexp))[0] == [uri]


@pytest.mark.parametrize(
    "regexp",
    [
        "",
        "!",
        "!^.*$!sip:a@x.example",
        "!^.*$!sip:a@x.example!x",
        "!^.*$!sip:a@x.example!i!",
        "1^.*$1sip:a@x.example1",
        r"!^.*$!sip:\1@x.example!",
        r"!^(.*)$!sip:\0@x.example!",
        "!^\\+33!sip:a@x.example!",
        "!^(!sip:a@x.example!",
        "!^)!sip:a@x.example!",
        "!^[0-9!sip:a@x.example!",
        "!*!sip:a@x.example!",
        "!a**!sip:a@x.example!",
        "!a{2,1}!sip:a@x.example!",
        "!a{999}!sip:a@x.example!",
        "![[:digit:]]*!sip:a@x.example!",
        r"!\d*!sip:a@x.example!",
        "!^.*$!mailto:a@x.example!",
        "!^.*$!sip:!",
        "!^.*$!no uri!",
        "!" + "(" * 20 + ")" * 20 + "!sip:a@x.example!",
        "!" + "." * 300 + "!sip:a@x.example!",
    ],
)
def test_a_bad_rule_is_passed_over_and_the_next_is_taken(regexp: str) -> None:
    good = rule("!^.*$!sip:good@x.example!", order=999)
    assert find(rule(regexp), good)[0] == ["sip:good@x.example"]


@pytest.mark.parametrize(
    "pattern", ["^(.*)*(.*)*(.*)*x$", "^((((.*)*)*)*)*x", "^(.?.?.?.?){9}(.?.?){9}(.*.*.*)*x$", "(([0-9+]+)+)+x"]
)
def test_a_rule_that_would_run_for_ever_stops_at_its_bound(pattern: str) -> None:
    ere = Ere(pattern)
    with pytest.raises(ValueError, match="too many steps"):
        ere.match("+123456789012345")
    assert ere._steps == REGEXP_STEPS_MAX + 1
    assert find(rule(f"!{pattern}!sip:a@x.example!"))[0] == []


@given(st.lists(st.sampled_from(["1", ".", "^", "$", "(1|2)", "(12)?", "[13]", "[^2]", "2+", "1*", "(.)", "1{1,2}"])))
def test_the_matcher_agrees_with_pythons_own(parts: list[str]) -> None:
    pattern = "".join(parts[:8])
    for subject in ("", "1", "12", "2113", "+1212"):
        try:
            ours = Ere(pattern).match(subject)
        except ValueError:
            continue
        theirs = re.search(pattern.replace("$", r"\Z"), subject)
        assert ours == (None if theirs is None else [theirs.group(), *(text or "" for text in theirs.groups())])


@pytest.mark.parametrize("service", ["E2U+email:mailto", "E2U+voice:tel", "SIP+D2U", "sip", "E2U", "E2U+sips-x"])
def test_other_services_are_not_ours(service: str) -> None:
    assert find(rule("!^.*$!sip:a@x.example!", service)) == ([], "", False)


@pytest.mark.parametrize("service", ["E2U+sip", "e2u+SIP", "E2U+voice:tel+sip", "E2U+pstn:sip"])
def test_sip_is_found_in_any_case_and_in_compounds(service: str) -> None:
    assert find(rule("!^.*$!sip:a@x.example!", service))[0] == ["sip:a@x.example"]


def test_a_ported_number_tells_its_routing_number() -> None:
    regexp = r"!^(.*)$!tel:\1;npdi;rn=+442079460000!"
    assert find(rule(regexp, "E2U+pstn:tel")) == ([], "+442079460000", True)


def test_a_number_that_was_asked_for_and_is_not_ported_says_so_too() -> None:
    assert find(rule(r"!^(.*)$!tel:\1;npdi!", "E2U+pstn:tel")) == ([], "", True)


def test_a_routing_number_with_other_characters_is_not_kept() -> None:
    assert find(rule(r"!^(.*)$!tel:\1;npdi;rn=%0d%0aVia!", "E2U+pstn:tel")) == ([], "", True)


def test_a_sip_uri_of_a_gateway_carries_the_routing_number_in_its_user_part() -> None:
    regexp = r"!^(.*)$!sip:\1;npdi;rn=+4420@gw.example;user=phone!"
    uris, routing_number, dipped = find(rule(regexp, "E2U+pstn:sip"))
    assert (len(uris), routing_number, dipped) == (1, "+4420", True)


def test_a_rule_without_flag_leads_on_to_another_name() -> None:
    zone: dict[Question, Answer] = {
        ("NAPTR", NAME): Answer(naptrs=(Naptr(1, 1, "", "", "", "elsewhere.example"),)),
        ("NAPTR", "elsewhere.example"): Answer(naptrs=(rule("!^.*$!sip:a@x.example!"),)),
    }
    answer, missing = find_number(NUMBER, "e164.arpa", zone.get)
    assert ([str(uri) for uri in answer.uris], missing) == (["sip:a@x.example"], [])


def test_rules_that_lead_in_a_circle_end() -> None:
    zone: dict[Question, Answer] = {("NAPTR", NAME): Answer(naptrs=(Naptr(1, 1, "", "", "", NAME),))}
    asked: list[Question] = []

    def known(question: Question) -> Answer | None:
        asked.append(question)
        return zone.get(question)

    answer, missing = find_number(NUMBER, "e164.arpa", known)
    assert (answer.uris, missing, len(asked)) == ((), [], 5)
