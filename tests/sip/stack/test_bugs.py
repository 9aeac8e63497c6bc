"""The log of caught bugs: all are counted, each kind is written once in a while."""

from __future__ import annotations

import logging

import pytest

from sip.stack.bugs import BugLog
from sip.stack.limits import BUG_FRAMES_MAX, BUG_KINDS_MAX, BUG_REPEAT_S, BUG_TEXT_CHARS_MAX

log = logging.getLogger("tests.bugs")


def bug(text: str = "oops") -> Exception:
    try:
        raise KeyError(text)
    except KeyError as error:
        return error


def another_bug() -> Exception:
    try:
        raise KeyError("oops")
    except KeyError as error:
        return error


def deep(depth: int) -> None:
    if depth == 0:
        raise ValueError("bottom")
    deep(depth - 1)


def test_a_bug_is_one_line_that_says_what_ended_and_the_way_to_it(caplog: pytest.LogCaptureFixture) -> None:
    BugLog(log).note(bug("first\nsecond"), "call 77", 0.0)
    [record] = caplog.records
    line = record.getMessage()
    assert line.startswith("a bug ended call 77: KeyError: \"'first\\\\nsecond'\"; test_bugs.py:")
    assert "\n" not in line
    assert record.levelno == logging.ERROR


def test_the_same_bug_again_is_counted_and_not_written(caplog: pytest.LogCaptureFixture) -> None:
    bugs = BugLog(log)
    for number in range(1000):
        bugs.note(bug(), f"call {number}", number / 1000)
    assert bugs.total == 1000
    assert len(caplog.records) == 1
    bugs.note(bug(), "call 1000", BUG_REPEAT_S)
    assert len(caplog.records) == 2
    assert "(999 more like it since it was logged last)" in caplog.records[1].getMessage()


def test_another_place_is_another_bug(caplog: pytest.LogCaptureFixture) -> None:
    bugs = BugLog(log)
    bugs.note(bug(), "call 1", 0.0)
    bugs.note(another_bug(), "call 2", 0.0)
    assert len(caplog.records) == 2


def test_long_texts_and_long_ways_are_cut(caplog: pytest.LogCaptureFixture) -> None:
    try:
        deep(50)
    except ValueError as error:
        BugLog(log).note(error, "call 1", 0.0)
    BugLog(log).note(bug("x" * 10_000), "call 1", 0.0)
    assert caplog.records[0].getMessage().count(" < ") == BUG_FRAMES_MAX - 1
    assert len(caplog.records[1].getMessage()) < BUG_TEXT_CHARS_MAX + 200


def test_kinds_are_remembered_up_to_a_bound(caplog: pytest.LogCaptureFixture) -> None:
    bugs = BugLog(log)
    for number in range(BUG_KINDS_MAX + 10):
        kind = type(f"Bug{number}", (Exception,), {})
        bugs.note(kind("x"), "call 1", float(number) / 1000)
    assert len(bugs._silent_until) == BUG_KINDS_MAX
    assert len(caplog.records) == BUG_KINDS_MAX + 10
