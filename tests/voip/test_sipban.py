"""``manage.py sipban``: bans are listed, laid and lifted through Redis; and the guard as the settings want it."""

from __future__ import annotations

import time
from io import StringIO

import pytest
import redis
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from sip.bans import guard_states, lay_ban, lift_ban, list_bans
from sip.io.redis_bans import CHANNEL, PREFIX, STATE_PREFIX
from sip.stack.flow import Flow
from voip.node.guarding import emergency_numbers, make_guard


def sipban(*words: str, **options: object) -> str:
    out = StringIO()
    call_command("sipban", *words, stdout=out, **options)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _own_redis(redis_url: str, settings: Settings) -> None:
    settings.REDIS_URL = redis_url


def test_a_ban_is_laid_listed_told_and_lifted(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client, client.pubsub(ignore_subscribe_messages=True) as listener:
        listener.subscribe(CHANNEL)
        listener.get_message(timeout=1.0)
        assert (
            sipban("add", "198.51.100.7", seconds=60.0, reason="rings at night") == "198.51.100.7 is banned for 60 s\n"
        )
        told = listener.get_message(timeout=1.0)
        assert told is not None
        assert b'"by_operator": true' in told["data"]
        assert 50 < client.ttl(f"{PREFIX}198.51.100.7") <= 60
        assert "198.51.100.7" in sipban("list")
        assert "rings at night" in sipban("list")
        assert sipban("remove", "198.51.100.7") == "198.51.100.7: the ban is lifted\n"
        told = listener.get_message(timeout=1.0)
        assert told is not None
        assert told["data"] == b"-198.51.100.7"
    assert sipban("list") == ""
    assert sipban("remove", "198.51.100.7") == "198.51.100.7: there is no ban\n"


def test_an_ipv6_address_bans_its_network() -> None:
    assert lay_ban("2001:db8:1:2::9", 60.0, "x", "alice").source == "2001:db8:1:2::/64"
    assert lift_ban("2001:db8:1:2:ffff::1")


def test_the_longest_ban_comes_first() -> None:
    for number, seconds in ((1, 10.0), (2, 30.0), (3, 20.0)):
        lay_ban(f"198.51.100.{number}", seconds, "x", "alice")
    assert [ban.source[-1] for ban in list_bans()] == ["2", "3", "1"]


@pytest.mark.parametrize("words", [("add",), ("remove",), ("add", "nobody"), ("remove", "192.0.2.0/24"), ("add", "")])
def test_what_is_no_address_is_refused(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match=r"^sipban"):
        sipban(*words)
    assert list_bans() == []


def test_a_ban_of_no_time_is_refused() -> None:
    with pytest.raises(CommandError, match="longer than"):
        sipban("add", "192.0.2.1", seconds=0.0)


def test_without_redis_one_line_says_so(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(CommandError, match="Redis does not answer"):
        sipban("list")


def test_the_state_of_each_node_is_shown(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"{STATE_PREFIX}node1", '{"bans": 2, "shed_percent": 20}', ex=5)
    assert guard_states() == {"node1": {"bans": 2, "shed_percent": 20}}
    assert sipban("status") == "node1: bans 2, shed_percent 20\n"


def test_the_guard_can_be_left_out_and_never_bans_whom_the_settings_name(settings: Settings) -> None:
    settings.SIP_GUARD = False
    assert make_guard() is None
    settings.SIP_GUARD = True
    settings.SIP_NEVER_BAN = ["198.51.100.7"]
    guard = make_guard()
    assert guard is not None
    guard.use_trunks([])
    assert guard.bans.allows("198.51.100.7")
    settings.SIP_NEVER_BAN = ["example.com"]
    with pytest.raises(ValueError, match="example"):
        make_guard()


def test_emergency_numbers_are_those_of_the_lines_countries() -> None:
    assert emergency_numbers([]) == {"112", "911"}
    assert {"999", "112"} <= emergency_numbers(["GB"])
    assert "17" in emergency_numbers(["FR"])
    assert "17" not in emergency_numbers(["GB"])


def test_an_element_that_proves_nobody_gives_everybody_a_larger_budget(settings: Settings) -> None:
    def passed() -> int:
        guard = make_guard()
        assert guard is not None
        flow = Flow("UDP", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
        return sum(guard.admit(b"INVITE sip:x", flow, at / 1000).passes for at in range(1_000))

    switched = passed()
    settings.SIP_ROLE = "proxy"
    assert (switched < 200, passed()) == (True, 1_000)
    assert time.monotonic() > 0
