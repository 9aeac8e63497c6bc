"""The list of bans of one node."""

from __future__ import annotations

from sip.stack.guard.bans import Ban, BanList
from sip.stack.guard.limits import BAN_TEXT_CHARS_MAX, BANS_MAX


def test_a_ban_ends_by_itself() -> None:
    bans = BanList()
    assert bans.add(Ban("a", 10.0, "x"), 0.0)
    assert bans.find("a", 9.9) is not None
    assert bans.find("a", 10.0) is None
    assert len(bans) == 0
    assert bans.find("b", 0.0) is None


def test_a_ban_that_is_over_already_is_none() -> None:
    bans = BanList()
    assert not bans.add(Ban("a", 10.0, "x"), 10.0)
    assert len(bans) == 0


def test_a_shorter_ban_does_not_shorten_a_longer_one_but_an_operator_may() -> None:
    bans = BanList()
    bans.add(Ban("a", 100.0, "long"), 0.0)
    assert bans.add(Ban("a", 10.0, "short"), 0.0)
    assert bans.all(0.0) == [Ban("a", 100.0, "long")]
    bans.add(Ban("a", 10.0, "by hand", by_operator=True), 0.0)
    assert bans.all(0.0) == [Ban("a", 10.0, "by hand", True)]


def test_a_ban_is_lifted() -> None:
    bans = BanList()
    bans.add(Ban("a", 10.0, "x"), 0.0)
    assert bans.remove("a")
    assert not bans.remove("a")
    assert bans.find("a", 0.0) is None


def test_allowed_sources_are_not_banned_and_those_that_are_go_free() -> None:
    bans = BanList()
    bans.add(Ban("a", 10.0, "x"), 0.0)
    bans.allow(["a", "b"])
    assert bans.all(0.0) == []
    assert not bans.add(Ban("b", 10.0, "x", by_operator=True), 0.0)
    assert bans.allows("a")
    assert not bans.allows("c")


def test_a_full_list_drops_first_what_is_over_and_then_what_ends_first() -> None:
    bans = BanList()
    for number in range(BANS_MAX):
        bans.add(Ban(f"s{number}", 100.0 + number, "x"), 0.0)
    bans.add(Ban("new", 50_000.0, "x"), 0.0)
    assert len(bans) == BANS_MAX
    assert bans.find("s0", 0.0) is None
    bans.add(Ban("newer", 50_000.0, "x"), 105.5)
    assert len(bans) == BANS_MAX - 5 + 1 - 0
    assert bans.find("s5", 105.0) is None


def test_a_reason_is_kept_short_and_printable() -> None:
    bans = BanList()
    bans.add(Ban("a", 10.0, "x\r\ny\0" * 100), 0.0)
    [ban] = bans.all(0.0)
    assert ban.reason == ("xy" * 100)[:BAN_TEXT_CHARS_MAX]
