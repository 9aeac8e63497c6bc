"""OPTIONS to trunks (RFC 3261 §11): one that does not answer is passed over at once, until it does."""

from __future__ import annotations

from typing import Any

import pytest

from sip.controller.outbound.limits import PING_SILENCE_S, PINGS_FAILED_MAX
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, only_record
from tests.sip.controller.phone import Phone

ONE, TWO = "198.51.100.1", "198.51.100.2"
INTERVAL_S = 20
DOWN_S = PINGS_FAILED_MAX * (PING_SILENCE_S + INTERVAL_S)


def world(**changes: Any) -> tuple[Network, Phone, Phone, Phone]:
    values = {"ping_interval_s": INTERVAL_S} | changes
    entries = (line(1, "alice"), trunk(1, ONE, **values), trunk(2, TWO))
    network = Network(directory(*entries), FakePolicy((1, 2)))
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    first, second = network.phone(ONE), network.phone(TWO)
    first.on_invite = second.on_invite = (486,)
    network.run()
    return network, alice, first, second


def pings(phone: Phone) -> int:
    return sum(request.method == "OPTIONS" for request in phone.requests)


def test_a_trunk_is_asked_at_once_and_then_in_its_interval() -> None:
    network, _, first, second = world()
    assert pings(first) == 1
    network.advance(3 * INTERVAL_S + 1)
    assert (pings(first), pings(second)) == (4, 0)
    assert first.requests[0].uri == f"sip:{ONE}:5060;transport=udp"
    assert network.switch.trunks_down == ()


def test_one_answer_lost_takes_no_trunk_out_of_service() -> None:
    network, _, first, _ = world()
    network.advance(1.0)
    first.is_dead = True
    network.advance(INTERVAL_S + PING_SILENCE_S + 1)
    first.is_dead = False
    network.advance(10 * INTERVAL_S)
    assert network.switch.trunks_down == ()


def test_answers_lost_now_and_then_do_not_add_up() -> None:
    network, _, first, _ = world()
    network.advance(1.0)
    for _ in range(4):
        first.is_dead = True
        network.advance((PINGS_FAILED_MAX - 1) * (INTERVAL_S + PING_SILENCE_S))
        assert network.switch.trunks_down == ()
        first.is_dead = False
        network.advance(INTERVAL_S + PING_SILENCE_S)


def test_a_trunk_that_is_silent_is_passed_over_at_once_and_comes_back_with_its_first_answer() -> None:
    network, alice, first, second = world()
    network.advance(1.0)
    first.is_dead = True
    network.advance(DOWN_S)
    assert network.switch.trunks_down == (1,)
    alice.call("+442071838750")
    network.advance(0.1)
    assert alice.statuses[-1] == 486
    assert [(row.trunk_id, row.sip_status) for row in only_record(network).attempts] == [(1, 503), (2, 486)]
    first.is_dead = False
    network.advance(INTERVAL_S + PING_SILENCE_S + 1)
    assert not network.switch.trunks_down
    alice.call("+442071838750")
    network.advance(0.1)
    assert [request.method for request in first.requests].count("INVITE") == 1
    assert [request.method for request in second.requests].count("INVITE") == 1


@pytest.mark.parametrize(("status", "is_down"), [(200, False), (404, False), (501, False), (486, False), (503, True)])
def test_any_answer_but_no_service_is_a_sign_of_life(status: int, is_down: bool) -> None:
    network, _, first, _ = world()
    first.on_request = status
    network.advance(DOWN_S + 1)
    assert network.switch.trunks_down == ((1,) if is_down else ())


def test_an_emergency_call_tries_a_trunk_that_is_down_but_last() -> None:
    network, alice, first, second = world()
    first.on_request = 503
    network.advance(DOWN_S + 1)
    network.policy.is_emergency = True
    second.on_invite = (503,)
    alice.call("+442071838750")
    network.advance(0.5)
    assert [row.trunk_id for row in only_record(network).attempts] == [2, 1]
    assert [request.method for request in first.requests].count("INVITE") == 1


def test_an_emergency_call_that_a_trunk_in_service_takes_is_not_delayed_by_one_that_is_down() -> None:
    network, alice, first, second = world()
    first.is_dead = True
    network.advance(DOWN_S + 1)
    network.policy.is_emergency = True
    second.on_invite = (180, 200)
    alice.call("+442071838750")
    network.advance(0.1)
    assert alice.statuses[-1] == 200
    assert [request.method for request in first.requests].count("INVITE") == 0


def test_a_trunk_that_is_changed_or_switched_off_is_forgotten() -> None:
    network, _, first, _ = world()
    first.on_request = 503
    network.advance(DOWN_S + 1)
    network.switch.directory = directory(trunk(1, ONE, ping_interval_s=INTERVAL_S, calls_max=7))
    network.run()
    assert network.switch.trunks_down == ()
    network.switch.directory = directory(trunk(1, ONE, ping_interval_s=INTERVAL_S, is_active=False))
    network.run()
    asked = pings(first)
    network.advance(10 * INTERVAL_S)
    assert pings(first) == asked


def test_a_directory_that_changes_elsewhere_leaves_a_trunks_state_alone() -> None:
    network, _, first, _ = world()
    first.on_request = 503
    network.advance(DOWN_S + 1)
    entries = (line(1, "alice"), line(2, "bob"), trunk(1, ONE, ping_interval_s=INTERVAL_S))
    for _ in range(3):
        network.switch.directory = directory(*entries)
        network.run()
    assert network.switch.trunks_down == (1,)
    asked = pings(first)
    network.advance(INTERVAL_S)
    assert pings(first) == asked + 1
