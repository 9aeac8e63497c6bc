"""What does not get into the database, and what is mended on the way."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from sip.cdr.checks import BadRecord, check, is_storable, storable
from tests.sip.cdr.samples import ANSWERED, NOW, record

NAN = float("nan")


def test_a_good_record_passes() -> None:
    check(ANSWERED, {1}, NOW)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"call_id": "xyz"}, "call_id is not 32 hex digits"),
        ({"call_id": 7}, "a value is of the wrong kind"),
        ({"tenant_id": 2}, "unknown tenant 2"),
        ({"direction": "sideways"}, "unknown direction 'sideways'"),
        ({"ended_by": "nobody"}, "unknown ended_by 'nobody'"),
        ({"duration_s": -1.0}, "duration of -1.0 s"),
        ({"duration_s": 604_801.0}, "duration of 604801.0 s"),
        ({"duration_s": NAN}, "duration of nan s"),
        ({"duration_s": "60"}, "a value is of the wrong kind"),
        ({"answered_at": None}, "duration of 60.5 s without an answer"),
        ({"started_at": NOW + 86_401}, "is not within the last year"),
        ({"started_at": NOW - 366 * 86_400 - 1}, "is not within the last year"),
        ({"ended_at": ANSWERED.started_at - 1}, "does not follow started_at"),
        ({"ended_at": NAN}, "does not follow started_at"),
        ({"pdd_s": -0.1}, "pdd of -0.1 s"),
        ({"attempts": ANSWERED.attempts * 101}, "101 attempts, allowed are 100"),
    ],
)
def test_a_record_that_breaks_a_rule_is_refused_with_the_rule(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadRecord, match=reason):
        check(record(**changes), {1}, NOW)


def test_an_unanswered_call_without_times_passes() -> None:
    item = record(answered_at=None, ringing_at=None, duration_s=0.0, pdd_s=None, sip_status=486, attempts=())
    check(item, {1}, NOW)


def test_a_long_text_is_cut_and_the_call_still_counts() -> None:
    item = record(user_agent="u" * 300)
    raw = json.dumps(item.to_json()).encode()
    assert not is_storable(item, raw)
    assert storable(item).user_agent == "u" * 255
    assert replace(storable(item), user_agent=item.user_agent) == item


def test_long_text_of_an_attempt_is_found_too() -> None:
    item = record(attempts=(replace(ANSWERED.attempts[0], sip_reason="r" * 256),))
    assert not is_storable(item, json.dumps(item.to_json()).encode())
    assert storable(item).attempts[0].sip_reason == "r" * 255


@pytest.mark.parametrize("text", ["nul\x00here", "lone\udc80here"])
def test_what_postgresql_cannot_store_is_replaced(text: str) -> None:
    item = record(user_agent=text)
    assert not is_storable(item, json.dumps(item.to_json()).encode())
    assert storable(item).user_agent in {"nul?here", "lone?here"}


def test_an_ordinary_record_needs_no_mending() -> None:
    assert is_storable(ANSWERED, json.dumps(ANSWERED.to_json()).encode())
    assert storable(ANSWERED) == ANSWERED
