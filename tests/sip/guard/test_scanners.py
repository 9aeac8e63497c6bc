"""Scanners are banned within a second and ten requests; an office with a broken phone is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sip.stack.flow import Flow
from sip.stack.guard.guard import Guard
from sip.stack.guard.limits import NAMES_MAX, POINTS_MAX, SUSPECTS_MAX
from sip.stack.guard.signals import POINTS, Signal, Suspects, names_tool

FLOW = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
SOURCE = "198.51.100.7"

Script = Callable[[Guard, int, float], None]


def enumerates_users(guard: Guard, number: int, now: float) -> None:
    guard.note(FLOW, Signal.UNKNOWN_NAME, f"{100 + number}", now)


def enumerates_and_names_its_tool(guard: Guard, number: int, now: float) -> None:
    guard.note(FLOW, Signal.TOOL, "", now)
    guard.note(FLOW, Signal.UNKNOWN_NAME, f"{100 + number}", now)


def pings_and_names_its_tool(guard: Guard, number: int, now: float) -> None:
    guard.note(FLOW, Signal.TOOL, "", now)


def guesses_one_password(guard: Guard, number: int, now: float) -> None:
    """Every attempt takes two requests: one is challenged, one fails."""
    guard.note(FLOW, Signal.CHALLENGED if number % 2 == 0 else Signal.WRONG_PASSWORD, "alice", now)


def tries_one_password_on_many_lines(guard: Guard, number: int, now: float) -> None:
    signal = Signal.CHALLENGED if number % 2 == 0 else Signal.WRONG_PASSWORD
    guard.note(FLOW, signal, f"line{number // 2}", now)


def guesses_users_with_passwords(guard: Guard, number: int, now: float) -> None:
    guard.note(FLOW, Signal.UNKNOWN_NAME, f"u{number // 2}", now)


def dials_many_numbers(guard: Guard, number: int, now: float) -> None:
    guard.note(FLOW, Signal.DIALLED_AS_UNKNOWN, f"00972{number}", now)


SCANNERS = [
    enumerates_users,
    enumerates_and_names_its_tool,
    pings_and_names_its_tool,
    guesses_one_password,
    tries_one_password_on_many_lines,
    guesses_users_with_passwords,
    dials_many_numbers,
]


@pytest.mark.parametrize("scanner", SCANNERS)
@pytest.mark.parametrize("seconds", [0.001, 1.0])
def test_a_scanner_is_banned_within_one_second_and_ten_requests(scanner: Script, seconds: float) -> None:
    guard = Guard()
    for number in range(10):
        scanner(guard, number, number * seconds / 10)
    assert [ban.source for ban in guard.bans.all(seconds)] == [SOURCE]


def test_a_phone_with_a_wrong_password_that_tries_every_five_seconds_is_never_banned() -> None:
    guard = Guard()
    for number in range(2_000):
        guard.note(FLOW, Signal.CHALLENGED, "alice", number * 5.0)
        guard.note(FLOW, Signal.WRONG_PASSWORD, "alice", number * 5.0 + 0.05)
    assert guard.bans.all(10_000.0) == []
    assert guard.points(SOURCE) < POINTS_MAX / 2


def test_a_phone_with_a_wrong_name_that_tries_every_five_seconds_is_never_banned() -> None:
    guard = Guard()
    for number in range(2_000):
        guard.note(FLOW, Signal.UNKNOWN_NAME, "allice", number * 5.0)
        guard.note(FLOW, Signal.UNKNOWN_NAME, "allice", number * 5.0 + 0.05)
    assert guard.bans.all(10_000.0) == []


def test_an_office_behind_one_address_outlives_one_phone_that_fails_every_second() -> None:
    guard = Guard()
    for second in range(3_600):
        guard.prove(FLOW, second)
        if second % 60 < 50:
            guard.prove(FLOW, second + 0.5)  # Fifty phones renew their registrations once a minute.
        guard.note(FLOW, Signal.CHALLENGED, "broken", second + 0.6)
        guard.note(FLOW, Signal.WRONG_PASSWORD, "broken", second + 0.7)
    assert guard.bans.all(3_600.0) == []


def test_an_office_of_250_phones_after_a_power_cut_is_not_banned_before_the_first_has_answered() -> None:
    guard = Guard()
    for number in range(250):
        guard.note(FLOW, Signal.CHALLENGED, f"line{number}", number / 1000)
    assert guard.bans.all(1.0) == []


def test_a_pbx_that_begins_with_twenty_calls_at_once_is_not_banned_before_the_first_is_proved() -> None:
    guard = Guard()
    for number in range(20):
        guard.note(FLOW, Signal.DIALLED_AS_KNOWN, f"0161496{number:04}", 0.0)
    assert guard.bans.all(1.0) == []
    for _ in range(20):
        guard.prove(FLOW, 0.1)
    assert guard.points(SOURCE) == 0.0


def test_a_registered_office_is_banned_when_it_scans_on_and_on() -> None:
    guard = Guard()
    guard.prove(FLOW, 0.0)
    for number in range(50):
        enumerates_users(guard, number, 1.0 + number / 1000)
    assert guard.bans.all(2.0) == []
    for number in range(50, 100):
        enumerates_users(guard, number, 1.0 + number / 1000)
    assert [ban.source for ban in guard.bans.all(2.0)] == [SOURCE]


def test_no_single_signal_is_a_ban() -> None:
    assert all(max(points) < POINTS_MAX for points in POINTS.values())
    assert set(POINTS) == set(Signal)


@pytest.mark.parametrize(
    ("agent", "is_tool"),
    [
        ("friendly-scanner", True),
        ("SIPVicious 0.3", True),
        ("sipcli/v1.8", True),
        ("VaxSIPUserAgent/3.1", True),
        ("Yealink SIP-T46S 66.86.0.15", False),
        ("baresip v1.0.0 (x86_64/linux)", False),
        ("", False),
    ],
)
def test_known_tools_are_known_by_their_agent(agent: str, is_tool: bool) -> None:
    assert names_tool(agent) is is_tool


def test_names_and_suspects_are_remembered_up_to_a_bound() -> None:
    suspects = Suspects()
    for number in range(SUSPECTS_MAX + 100):
        suspects.add(f"source{number}", Signal.MALFORMED, "", 0.0)
    assert len(suspects) == SUSPECTS_MAX
    assert suspects.points("source0") == 0.0
    for number in range(NAMES_MAX + 100):
        suspect = suspects.add("one", Signal.CHALLENGED, f"n{number}", 0.0)
    assert suspect is not None
    assert len(suspect.names) == NAMES_MAX


def test_a_proof_alone_makes_nobody_suspect() -> None:
    suspects = Suspects()
    assert suspects.add("one", Signal.PROVED, "", 0.0) is None
    assert len(suspects) == 0


def test_malformed_messages_of_a_known_source_count_for_nothing() -> None:
    guard = Guard()
    guard.prove(FLOW, 0.0)
    for _ in range(10_000):
        guard.note(FLOW, Signal.MALFORMED, "", 1.0)
    assert guard.bans.all(1.0) == []
    stranger = Flow("UDP", FLOW.local, ("198.51.100.8", 5060))
    for _ in range(30):
        guard.note(stranger, Signal.MALFORMED, "", 1.0)
    assert [ban.source for ban in guard.bans.all(1.0)] == ["198.51.100.8"]
