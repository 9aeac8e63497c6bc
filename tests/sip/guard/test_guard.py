"""The guard before the parser: who is heard, how often, and who is not heard for a while."""

from __future__ import annotations

import pytest

from sip.stack.addresses import source_of
from sip.stack.flow import Flow
from sip.stack.guard.bans import Ban
from sip.stack.guard.budgets import BUDGETS, Kind, Trust
from sip.stack.guard.guard import DROP, PASS, Guard
from sip.stack.guard.limits import (
    BAN_S,
    KNOWN_MAX,
    KNOWN_ORDER_S,
    KNOWN_S,
    PEAK_DROPS_MAX,
    PEAK_QUIET_S,
    SOURCES_MAX,
    UNKNOWN_BURST,
)
from sip.stack.guard.signals import Signal
from sip.stack.guard.sources import parse_source
from tests.fuzz import seeds

LOCAL = ("192.0.2.1", 5060)
INVITE = seeds.request("INVITE")
REGISTER = seeds.request("REGISTER")
OPTIONS = seeds.request("OPTIONS")
BYE = seeds.request("BYE")


def flow(address: str = "198.51.100.7", port: int = 5060) -> Flow:
    return Flow("UDP", LOCAL, (address, port))


def passed(guard: Guard, data: bytes, source: Flow, count: int, now: float = 0.0) -> int:
    return sum(guard.admit(data, source, now).passes for _ in range(count))


def burst_of(trust: Trust, kind: Kind) -> int:
    return int(BUDGETS[trust][kind][1])


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (INVITE, Kind.CALL),
        (REGISTER, Kind.REGISTER),
        (seeds.request("SUBSCRIBE"), Kind.REGISTER),
        (BYE, Kind.DIALOG),
        (seeds.request("ACK"), Kind.DIALOG),
        (OPTIONS, Kind.OTHER),
        (seeds.request("FROB"), Kind.OTHER),
        (b"\r\n\r\n", Kind.OTHER),
        (b"", Kind.OTHER),
        (b"invite sip:x@h SIP/2.0", Kind.OTHER),
        (seeds.response(200), Kind.RESPONSE),
    ],
)
def test_an_unknown_source_may_send_its_burst_of_each_kind_and_then_its_rate(data: bytes, kind: Kind) -> None:
    guard = Guard()
    per_s, burst = BUDGETS[Trust.UNKNOWN][kind]
    assert passed(guard, data, flow(), int(burst) + 50) == int(burst)
    assert passed(guard, data, flow(), 50, 0.5) == pytest.approx(min(50, per_s / 2), abs=1)


def test_one_kind_used_up_leaves_the_others_their_budget() -> None:
    guard = Guard()
    passed(guard, OPTIONS, flow(), 250)
    assert guard.admit(OPTIONS, flow(), 0.0) is DROP
    assert guard.admit(INVITE, flow(), 0.0) is PASS
    assert guard.admit(REGISTER, flow(), 0.0) is PASS
    assert guard.admit(BYE, flow(), 0.0) is PASS


def test_one_source_used_up_leaves_others_their_budget() -> None:
    guard = Guard()
    passed(guard, INVITE, flow("198.51.100.7"), 120)
    assert guard.admit(INVITE, flow("198.51.100.7", 9999), 0.0) is DROP
    assert guard.admit(INVITE, flow("198.51.100.8"), 0.0) is PASS


def test_addresses_of_one_ipv6_network_of_64_bits_are_one_source() -> None:
    guard = Guard()
    burst = burst_of(Trust.UNKNOWN, Kind.CALL)
    for number in range(burst):
        assert guard.admit(INVITE, flow(f"2001:db8:0:1::{number:x}"), 0.0) is PASS
    assert guard.admit(INVITE, flow("2001:db8:0:1::ffff"), 0.0) is DROP
    assert guard.admit(INVITE, flow("2001:db8:0:2::1"), 0.0) is PASS


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("no:address", "no:address"),
    ],
)
def test_what_is_one_source(address: str, source: str) -> None:
    assert source_of(address) == source


def test_operators_name_sources_as_they_like_and_nonsense_is_refused() -> None:
    assert parse_source(" 192.0.2.7 ") == "192.0.2.7"
    assert parse_source("2001:db8:1:2::/64") == parse_source("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    for text in ("192.0.2.0/24", "example.com", "", "2001:db8::/32x"):
        with pytest.raises(ValueError, match=r".*"):
            parse_source(text)


def test_a_peak_silences_a_source_whole_for_as_long_as_it_lasts() -> None:
    guard = Guard()
    burst = burst_of(Trust.UNKNOWN, Kind.CALL)
    passed(guard, INVITE, flow(), burst + PEAK_DROPS_MAX)
    assert guard.admit(BYE, flow(), 0.1) is DROP
    assert guard.counters.dropped_peak == 1
    assert guard.counters.dropped_over_budget == PEAK_DROPS_MAX
    assert guard.admit(BYE, flow(), PEAK_QUIET_S + 0.01) is PASS
    assert guard.bans.all(0.0) == []


def test_three_peaks_are_a_ban() -> None:
    guard = Guard()
    now = 0.0
    for _ in range(3):
        passed(guard, INVITE, flow(), 2_000, now)
        now += PEAK_QUIET_S + 0.01
    [ban] = guard.bans.all(now)
    assert (ban.source, ban.reason) == ("198.51.100.7", "flood")


def test_whoever_has_proved_a_password_has_a_larger_budget_and_is_answered_over_it() -> None:
    guard = Guard()
    guard.prove(flow(), 0.0)
    burst = burst_of(Trust.KNOWN, Kind.CALL)
    assert passed(guard, INVITE, flow(), burst) == burst
    verdict = guard.admit(INVITE, flow(), 0.0)
    assert not verdict.passes
    assert verdict.reply is not None
    assert verdict.reply[1].startswith(b"SIP/2.0 503 Service Unavailable\r\n")
    assert guard.admit(BYE, flow(), 0.0) is PASS


def test_forged_addresses_each_within_its_budget_share_one_and_known_sources_are_heard_meanwhile() -> None:
    guard = Guard()
    guard.prove(flow("203.0.113.1"), 0.0)
    through = sum(
        guard.admit(OPTIONS, flow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), 0.0).passes
        for number in range(int(UNKNOWN_BURST) + 5_000)
    )
    assert through == int(UNKNOWN_BURST)
    assert guard.counters.dropped_unknown == 5_000
    assert guard.admit(INVITE, flow("203.0.113.1"), 0.0) is PASS
    assert len(guard._younger) + len(guard._older) <= SOURCES_MAX


def test_forged_addresses_do_not_push_out_a_source_that_goes_on_sending() -> None:
    guard = Guard()
    burst = burst_of(Trust.UNKNOWN, Kind.CALL)
    passed(guard, INVITE, flow(), burst)
    for number in range(3 * SOURCES_MAX):
        guard.admit(b"x", flow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), 0.0)
        if number % 1000 == 0:
            assert guard.admit(INVITE, flow(), 0.0) is DROP


def test_a_ban_holds_its_time_and_the_next_is_longer() -> None:
    guard = Guard()
    now = 0.0
    for ban_s in (*BAN_S, BAN_S[-1]):
        for number in range(10):
            guard.note(flow(), Signal.UNKNOWN_NAME, f"user{number}", now)
        assert guard.admit(OPTIONS, flow(), now) is DROP
        assert guard.admit(OPTIONS, flow(), now + ban_s - 0.1) is DROP
        now += ban_s
        assert guard.admit(OPTIONS, flow(), now) is PASS
    assert guard.counters.banned == len(BAN_S) + 1


def test_bans_are_told_once() -> None:
    guard = Guard()
    for number in range(10):
        guard.note(flow(), Signal.UNKNOWN_NAME, f"user{number}", 0.0)
    assert [ban.source for ban in guard.bans_to_tell()] == ["198.51.100.7"]
    assert guard.bans_to_tell() == []


def test_a_trunk_and_whoever_is_allowed_is_never_banned() -> None:
    guard = Guard()
    guard.use_trunks(["198.51.100.7"])
    for number in range(1_000):
        guard.note(flow(), Signal.UNKNOWN_NAME, f"user{number}", 0.0)
        guard.note(flow(), Signal.TOOL, "", 0.0)
    guard.take_ban(Ban("198.51.100.7", 1e9, "by hand", by_operator=True), 0.0)
    assert guard.admit(INVITE, flow(), 0.0) is PASS
    assert guard.bans.all(0.0) == []


def test_a_ban_ends_when_its_source_becomes_a_trunk_and_a_former_trunk_can_be_banned() -> None:
    guard = Guard()
    guard.take_ban(Ban("198.51.100.7", 1e9, "x"), 0.0)
    guard.use_trunks(["198.51.100.7"])
    assert guard.admit(INVITE, flow(), 0.0) is PASS
    guard.use_trunks([])
    guard.take_ban(Ban("198.51.100.7", 1e9, "x"), 0.0)
    assert guard.admit(INVITE, flow(), 0.0) is DROP


def test_another_nodes_ban_does_not_reach_a_source_that_has_proved_itself_here_but_an_operators_does() -> None:
    guard = Guard()
    guard.prove(flow(), 0.0)
    guard.take_ban(Ban("198.51.100.7", 1e9, "unknown user"), 1.0)
    assert guard.admit(INVITE, flow(), 1.0) is PASS
    guard.take_ban(Ban("198.51.100.7", 1e9, "by hand", by_operator=True), 1.0)
    assert guard.admit(INVITE, flow(), 1.0) is DROP


def test_a_proof_is_worth_something_only_for_a_while() -> None:
    guard = Guard()
    guard.prove(flow(), 0.0)
    guard.take_ban(Ban("198.51.100.7", 1e9, "unknown user"), KNOWN_S + 1.0)
    assert guard.admit(INVITE, flow(), KNOWN_S + 1.0) is DROP


def test_known_sources_are_remembered_up_to_a_bound_and_trunks_always() -> None:
    guard = Guard()
    guard.use_trunks(["203.0.113.9"])
    for number in range(KNOWN_MAX + 100):
        guard.prove(flow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), 0.0)
    assert len(guard._known) == KNOWN_MAX
    assert guard.knows(flow("203.0.113.9"), 0.0)


def test_who_proves_himself_again_is_kept_before_who_does_not() -> None:
    guard = Guard()
    for number in range(KNOWN_MAX):
        guard.prove(flow(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"), 0.0)
    guard.prove(flow("10.0.0.0"), KNOWN_ORDER_S + 1.0)
    guard.prove(flow("198.51.100.7"), KNOWN_ORDER_S + 2.0)
    assert guard.knows(flow("10.0.0.0"), KNOWN_ORDER_S + 2.0)
    assert not guard.knows(flow("10.0.0.1"), KNOWN_ORDER_S + 2.0)
