"""RFC 3263 §4 for calls to carriers: a trunk by name, its servers one after the other, Retry-After, BYE to another."""

from __future__ import annotations

from typing import Any

import pytest

from sip.controller.outbound.limits import HOPS_TRIED_MAX, PENALTY_S, TRUNK_ADDRESSES_MAX, TRUNK_RESOLVE_S
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.names import Names
from tests.sip.controller.network import Network, only_record
from tests.sip.controller.phone import Phone

ONE, TWO, OTHER = "198.51.100.1", "198.51.100.2", "198.51.100.9"
NUMBER = "+442071838750"


def named_trunk(**changes: Any) -> tuple[Network, Names, Phone, Phone, Phone]:
    """Return alice, a carrier with two servers under one name, and another carrier behind it."""
    names = Names(carrier_example=(ONE, TWO))
    values: dict[str, Any] = {"port": None, "source_addresses": ()} | changes
    entries = (line(1, "alice"), trunk(1, "carrier.example", **values), trunk(2, OTHER))
    network = Network(directory(*entries), FakePolicy((1, 2)), locator=names)
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    network.run()
    names.asked.clear()
    return network, names, alice, network.phone(ONE), network.phone(TWO)


def call(network: Network, alice: Phone, seconds: float = 1.0) -> int:
    alice.statuses.clear()
    alice.call(NUMBER)
    network.advance(seconds)
    return alice.statuses[-1]


def test_a_call_goes_to_the_first_server_of_the_name() -> None:
    network, names, alice, first, second = named_trunk()
    first.on_invite = (180, 200)
    assert call(network, alice) == 200
    assert first.requests[0].uri == f"sip:{NUMBER}@carrier.example"
    assert (names.asked, second.requests) == (["sip:carrier.example;transport=udp"], [])


def test_a_server_that_says_503_is_followed_by_the_next_in_the_same_attempt() -> None:
    network, _, alice, first, second = named_trunk()
    first.on_invite, second.on_invite = (503,), (180, 200)
    assert call(network, alice) == 200
    alice.hang_up()
    network.advance(1.0)
    [attempt] = only_record(network).attempts
    assert (attempt.trunk_id, attempt.sip_status, attempt.peer) == (1, 200, f"{TWO}:5060")
    one, two = first.requests[0], second.requests[0]
    assert one.via.param("branch") != two.via.param("branch")
    assert one.call_id != two.call_id


@pytest.mark.parametrize("status", [500, 502, 504, 408])
def test_another_failure_goes_to_the_next_trunk_and_not_to_the_next_server(status: int) -> None:
    network, _, alice, first, second = named_trunk()
    other = network.phone(OTHER)
    first.on_invite, other.on_invite = (status,), (180, 200)
    assert call(network, alice) == 200
    assert second.requests == []


@pytest.mark.parametrize("status", [404, 484, 486, 600, 603])
def test_a_no_of_the_callee_goes_nowhere_else(status: int) -> None:
    network, _, alice, first, second = named_trunk()
    first.on_invite = (status,)
    assert call(network, alice) == status
    assert second.requests == []


def test_a_silent_server_is_passed_over_after_five_seconds_and_tried_last_for_a_while() -> None:
    network, _, alice, first, second = named_trunk()
    first.is_dead = True
    second.on_invite = (486,)
    assert call(network, alice, 4.9) == 100
    network.advance(0.2)
    assert alice.statuses[-1] == 486
    assert call(network, alice) == 486
    network.advance(PENALTY_S)
    first.is_dead = False
    first.on_invite = (486,)
    call(network, alice)
    assert [request.method for request in first.requests] == ["INVITE"]


def test_all_servers_silent_is_one_attempt_and_the_next_trunk_follows() -> None:
    network, _, alice, first, second = named_trunk()
    other = network.phone(OTHER)
    first.is_dead = second.is_dead = True
    other.on_invite = (180, 200)
    assert call(network, alice, 10.1) == 200
    alice.hang_up()
    network.advance(1.0)
    rows = [(row.attempt, row.trunk_id, row.sip_status) for row in only_record(network).attempts]
    assert rows == [(1, 1, 408), (2, 2, 200)]


def test_a_server_where_it_rings_is_not_followed_when_nobody_answers() -> None:
    network, _, alice, _, second = named_trunk()
    assert call(network, alice, 61.0) == 480
    assert second.requests == []


def test_a_late_answer_of_the_dns_is_waited_for_and_a_call_given_up_meanwhile_ends() -> None:
    network, names, alice, first, _ = named_trunk()
    names.waiting = []
    assert call(network, alice) == 100
    alice.cancel()
    network.advance(1.0)
    assert alice.statuses[-1] == 487
    names.answer()
    network.advance(1.0)
    assert first.requests == []
    [attempt] = only_record(network).attempts
    assert (attempt.sip_status, attempt.peer, attempt.trunk_id) == (487, "", 1)
    assert len(network.core.trunk_calls) == 0


def test_a_late_answer_of_the_dns_carries_the_call_on() -> None:
    network, names, alice, first, _ = named_trunk()
    names.waiting = []
    first.on_invite = (180, 200)
    call(network, alice)
    names.answer()
    network.advance(1.0)
    assert alice.statuses[-1] == 200


def test_a_name_that_is_never_answered_gives_way_to_the_next_trunk() -> None:
    network, names, alice, _, _ = named_trunk()
    names.waiting = []
    other = network.phone(OTHER)
    other.on_invite = (180, 200)
    assert call(network, alice, 5.1) == 200


@pytest.mark.parametrize("is_late", [False, True])
def test_a_name_that_leads_nowhere_gives_way_to_the_next_trunk(is_late: bool) -> None:
    network, names, alice, _, _ = named_trunk()
    names.hosts.clear()
    names.waiting = [] if is_late else None
    other = network.phone(OTHER)
    other.on_invite = (180, 200)
    call(network, alice)
    if is_late:
        names.answer()
        network.advance(1.0)
    assert alice.statuses[-1] == 200
    alice.hang_up()
    network.advance(1.0)
    assert [row.sip_status for row in only_record(network).attempts] == [503, 200]


def test_addresses_that_are_no_hosts_are_never_sent_to() -> None:
    network, names, alice, _, _ = named_trunk()
    names.hosts["carrier.example"] = ("224.0.0.1", "0.0.0.0", "255.255.255.255")
    network.policy.trunks = (1,)
    assert call(network, alice) == 503
    assert network.texts("switch", "('224.0.0.1', 5060)") == []


def test_a_name_with_many_servers_costs_a_bounded_number_of_tries() -> None:
    network, names, alice, _, _ = named_trunk()
    names.hosts["carrier.example"] = [f"203.0.113.{last}" for last in range(1, 40)]
    for last in range(1, 40):
        network.phone(f"203.0.113.{last}").on_invite = (503,)
    network.policy.trunks = (1,)
    assert call(network, alice) == 503
    assert len([sent for sent in network.sent if sent.text == "INVITE" and sent.source == "switch"]) == HOPS_TRIED_MAX


def test_retry_after_of_a_trunk_sends_the_next_calls_elsewhere_until_it_is_over() -> None:
    network, _, alice, first, second = named_trunk()
    other = network.phone(OTHER)
    other.on_invite = (486,)
    for server in (first, second):
        server.on_invite, server.reply_headers = (503,), (("Retry-After", "20"),)
    assert call(network, alice) == 486
    assert call(network, alice) == 486
    assert (len(first.requests), len(second.requests), len(other.requests)) == (1, 1, 2)
    network.advance(20.0)
    first.on_invite = (486,)
    call(network, alice)
    assert (len(first.requests), len(other.requests)) == (2, 2)


def test_a_503_without_retry_after_is_forgotten() -> None:
    network, names, alice, first, _ = named_trunk()
    names.hosts["carrier.example"] = (ONE,)
    network.policy.trunks = (1,)
    first.on_invite = (503,)
    call(network, alice)
    call(network, alice)
    assert len(first.requests) == 2


def test_an_emergency_call_tries_even_who_wants_to_be_left_alone() -> None:
    network, _, alice, first, second = named_trunk()
    network.policy.trunks = (1,)
    for server in (first, second):
        server.on_invite, server.reply_headers = (503,), (("Retry-After", "20"),)
    assert call(network, alice) == 503
    network.policy.is_emergency = True
    first.on_invite, first.reply_headers = (180, 200), ()
    assert call(network, alice) == 200


def test_a_call_from_an_address_of_the_name_is_the_trunks() -> None:
    network, _, alice, first, _ = named_trunk()
    alice.register()
    network.run()
    alice.on_invite = (180, 200)
    first.call("101", b"v=0", ("P-Asserted-Identity", "<sip:+331@carrier.example>"))
    network.advance(1.0)
    assert first.statuses == [100, 180, 200]
    first.hang_up()
    network.advance(1.0)
    assert only_record(network).a_trunk_id == 1


def test_a_trunk_with_configured_sources_takes_no_calls_from_where_its_name_leads() -> None:
    network, _, _, first, _ = named_trunk(source_addresses=("203.0.113.1",))
    first.call("101")
    network.advance(1.0)
    assert first.statuses == [407]


def test_the_addresses_of_a_name_follow_the_dns_and_stay_while_it_is_silent() -> None:
    network, names, _, first, _ = named_trunk()
    names.hosts["carrier.example"] = ()
    network.advance(TRUNK_RESOLVE_S + 1)
    assert network.core.trunks.addresses(1) == (ONE, TWO)
    names.hosts["carrier.example"] = ("203.0.113.7",)
    network.advance(TRUNK_RESOLVE_S)
    assert network.core.trunks.addresses(1) == ("203.0.113.7",)
    first.call("101")
    network.advance(1.0)
    assert first.statuses == [407]


@pytest.mark.parametrize("sources", [(), ("203.0.113.1",)])
def test_what_comes_from_where_a_name_leads_has_a_carriers_budget(sources: tuple[str, ...]) -> None:
    network, _, _, _, _ = named_trunk(source_addresses=sources)
    assert {ONE, TWO, OTHER, *sources} <= network.core.guard._trunks
    network.switch.directory = directory(line(1, "alice"))
    network.run()
    assert network.core.guard._trunks == frozenset()


def test_the_addresses_of_a_name_are_bounded() -> None:
    names = Names(carrier_example=[f"10.0.{number // 250}.{number % 250}" for number in range(500)])
    network = Network(directory(trunk(1, "carrier.example", source_addresses=())), locator=names)
    network.run()
    assert len(network.core.trunks.addresses(1)) == TRUNK_ADDRESSES_MAX


def test_a_trunk_that_is_gone_from_the_directory_is_not_resolved_any_more() -> None:
    network, names, _, _, _ = named_trunk()
    network.switch.directory = directory(line(1, "alice"))
    network.run()
    network.advance(5 * TRUNK_RESOLVE_S)
    assert names.asked == []
    assert network.core.trunks.watched == {}


def test_a_bye_that_is_not_answered_goes_to_the_other_servers_of_a_named_next_hop() -> None:
    network, _, alice, first, second = named_trunk()
    first.on_invite = (180, 200)
    first.reply_headers = (("Record-Route", "<sip:carrier.example;lr>"),)
    assert call(network, alice) == 200
    first.is_dead = True
    alice.hang_up()
    network.advance(33.0)
    assert [request.method for request in second.requests] == []
    network.advance(33.0)
    assert [request.method for request in second.requests] == ["BYE"]
    assert network.core.dialogs == {}


def test_a_bye_to_an_address_is_not_sent_elsewhere() -> None:
    network, names, alice, first, second = named_trunk()
    first.on_invite = (180, 200)
    assert call(network, alice) == 200
    names.asked.clear()
    first.is_dead = True
    alice.hang_up()
    network.advance(70.0)
    assert second.requests == []
    assert network.core.dialogs == {}
