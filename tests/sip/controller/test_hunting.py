"""Several phones, several carriers: who is tried, who wins, who is left alone."""

from __future__ import annotations

import pytest

from sip.controller.policy import Target
from sip.stack.digest import Challenge, make_ha1
from sip.stack.flow import Flow
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import SWITCH, Network, alice_and_bob, only_record
from tests.sip.controller.phone import Phone


def two_carriers(**changes: object) -> tuple[Network, Phone, Phone, Phone]:
    """Return alice and two carriers; ``changes`` are of the first trunk."""
    first = trunk(1, "198.51.100.1", **changes)
    network = Network(directory(line(1, "alice"), first, trunk(2, "198.51.100.2")), FakePolicy((1, 2)))
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    return network, alice, network.phone("198.51.100.1"), network.phone("198.51.100.2")


def two_phones_of_bob() -> tuple[Network, Phone, Phone, Phone]:
    """Return alice and two phones of bob's, both registered."""
    network, alice, desk = alice_and_bob()
    mobile = network.phone("192.0.2.21", "bob", "pw-bob")
    mobile.name = "mobile"
    mobile.register()
    network.run()
    return network, alice, desk, mobile


def test_all_phones_of_a_line_ring_and_the_first_to_answer_wins() -> None:
    network, alice, desk, mobile = two_phones_of_bob()
    alice.call("102")
    network.advance(1.0)
    assert len(desk.ringing) == len(mobile.ringing) == 1
    mobile.pick_up()
    network.advance(1.0)
    assert (desk.cancelled, mobile.cancelled) == (1, 0)
    assert alice.statuses[-1] == 200
    alice.hang_up()
    network.advance(1.0)
    assert [request.method for request in mobile.requests] == ["INVITE", "BYE"]
    assert [request.method for request in desk.requests] == ["INVITE"]
    [attempt] = only_record(network).attempts
    assert attempt.peer == "192.0.2.21:5060"


def test_a_second_phone_that_answers_too_late_is_acknowledged_and_hung_up() -> None:
    network, alice, desk, mobile = two_phones_of_bob()
    network.lose = lambda sent: sent.text == "CANCEL"
    alice.call("102")
    network.advance(1.0)
    mobile.pick_up()
    network.run()
    desk.pick_up()
    network.advance(1.0)
    assert alice.statuses.count(200) == 1
    assert (len(desk.acks), len(mobile.acks)) == (1, 1)
    assert [request.method for request in desk.requests] == ["INVITE", "BYE"]
    assert [request.method for request in mobile.requests] == ["INVITE"]


def test_each_ringing_phone_has_its_own_early_dialog_with_the_caller() -> None:
    network, alice, _, _ = two_phones_of_bob()
    alice.call("102")
    network.advance(1.0)
    tags = [response.to_tag for response in alice.responses if response.status == 180]
    assert len(tags) == len(set(tags)) == 2


def test_one_busy_phone_lets_the_other_ring() -> None:
    network, alice, desk, mobile = two_phones_of_bob()
    desk.on_invite = (486,)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180]
    mobile.pick_up()
    network.advance(1.0)
    assert alice.statuses[-1] == 200


def test_a_phone_that_declines_speaks_for_all() -> None:
    network, alice, desk, mobile = two_phones_of_bob()
    alice.call("102")
    network.advance(1.0)
    desk.respond(603)
    network.advance(1.0)
    assert mobile.cancelled == 1
    assert alice.statuses[-1] == 603


def test_busy_says_more_than_unavailable() -> None:
    network, alice, desk, mobile = two_phones_of_bob()
    desk.on_invite, mobile.on_invite = (480,), (486,)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 486


def test_a_line_nobody_answers_at_is_unavailable() -> None:
    network, alice, bob = alice_and_bob()
    network.policy.ring_timeout_s = 20.0
    alice.call("102")
    network.advance(19.9)
    assert alice.statuses[-1] == 180
    network.advance(0.2)
    assert alice.statuses[-1] == 480
    assert bob.cancelled == 1
    record = only_record(network)
    assert (record.q850_cause, record.ended_by, record.attempts[0].sip_status) == (19, "platform", 487)


def test_a_phone_that_is_gone_is_absent_after_timer_b() -> None:
    network, alice, bob = alice_and_bob()
    bob.is_dead = True
    alice.call("102")
    network.advance(33.0)
    assert alice.statuses[-1] == 480
    record = only_record(network)
    assert (record.q850_cause, record.attempts[0].sip_status, record.pdd_s) == (20, 408, None)


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_carrier_that_fails_is_followed_by_the_next(status: int) -> None:
    network, alice, first, second = two_carriers()
    first.on_invite, second.on_invite = (status,), (180, 200)
    alice.call("+442071838750")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180, 200]
    alice.hang_up()
    network.advance(1.0)
    record = only_record(network)
    rows = [(row.attempt, row.trunk_id, row.sip_status, row.is_last) for row in record.attempts]
    assert rows == [(1, 1, status, False), (2, 2, 200, True)]
    assert (record.b_trunk_id, record.direction, record.destination) == (2, "outbound", "+442071838750")


@pytest.mark.parametrize("status", [404, 410, 480, 484, 486, 600, 603])
def test_a_carrier_that_speaks_for_the_callee_is_not_followed(status: int) -> None:
    network, alice, first, second = two_carriers()
    first.on_invite = (status,)
    alice.call("+442071838750")
    network.advance(1.0)
    assert alice.statuses == [407, 100, status]
    assert second.requests == []
    assert len(only_record(network).attempts) == 1


def test_a_silent_carrier_is_passed_over_after_five_seconds() -> None:
    network, alice, first, second = two_carriers()
    first.is_dead = True
    second.on_invite = (180, 200)
    alice.call("+442071838750")
    network.advance(4.9)
    assert second.requests == []
    network.advance(0.2)
    assert alice.statuses[-1] == 200
    alice.hang_up()
    network.advance(1.0)
    assert [row.sip_status for row in only_record(network).attempts] == [408, 200]


def test_a_carrier_where_it_rings_is_not_followed_when_nobody_answers() -> None:
    network, alice, _, second = two_carriers()
    alice.call("+442071838750")
    network.advance(1.0)
    network.policy.targets = None
    network.advance(60.0)
    assert alice.statuses == [407, 100, 180, 480]
    assert second.requests == []
    assert only_record(network).q850_cause == 19


def test_when_all_carriers_are_silent_the_caller_hears_504() -> None:
    network, alice, first, second = two_carriers()
    first.is_dead = second.is_dead = True
    alice.call("+442071838750")
    network.advance(11.0)
    assert alice.statuses[-1] == 504
    record = only_record(network)
    assert (record.q850_cause, [row.sip_status for row in record.attempts]) == (102, [408, 408])


def test_a_carrier_that_answers_after_it_was_passed_over_is_hung_up() -> None:
    network, alice, first, second = two_carriers()
    first.on_invite, second.on_invite = (), (180,)
    alice.call("+442071838750")
    network.lose = lambda sent: sent.source == "198.51.100.1"
    network.advance(6.0)
    network.lose = lambda sent: sent.text == "CANCEL"
    first.respond(200)
    network.advance(0.5)
    assert [request.method for request in first.requests] == ["INVITE", "BYE"]
    assert alice.statuses == [407, 100, 180]


def test_a_carriers_challenge_is_answered_once_with_the_trunks_credentials() -> None:
    ha1 = make_ha1("MD5", "us", "carrier", "pw")
    network, alice, first, _ = two_carriers(username="us", realm="carrier", ha1_md5=ha1)
    first.challenge = Challenge("carrier", "abc")
    first.on_invite = (180, 200)
    alice.call("+442071838750")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180, 200]
    assert 'username="us"' in (first.ringing[0].request.get("Proxy-Authorization") or "")
    assert [request.cseq.number for request in first.requests] == [1, 2]
    alice.hang_up()
    network.advance(1.0)
    assert [request.method for request in first.requests] == ["INVITE", "INVITE", "BYE"]


def test_a_challenge_we_cannot_answer_goes_to_the_next_carrier_and_never_to_the_caller() -> None:
    network, alice, first, second = two_carriers()
    first.challenge = second.challenge = Challenge("carrier", "abc")
    alice.call("+442071838750")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 503]
    assert b'realm="carrier"' not in network.bytes_to("alice")


def test_a_redirection_is_not_followed() -> None:
    network, alice, bob = alice_and_bob()
    bob.on_invite = (302,)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 480]
    assert b"Contact" not in alice.responses[-1].body


def test_a_full_carrier_is_skipped() -> None:
    network, alice, first, second = two_carriers(calls_max=0)
    second.on_invite = (180, 200)
    alice.call("+442071838750")
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    assert first.requests == []


def test_when_the_only_carrier_is_full_the_caller_hears_503() -> None:
    network, alice, first, _ = two_carriers(calls_max=0)
    network.policy.trunks = (1,)
    alice.call("+442071838750")
    network.advance(1.0)
    assert alice.statuses[-1] == 503
    record = only_record(network)
    assert (record.refusal_code, record.q850_cause) == ("limit.trunk_calls", 34)
    assert first.requests == []


def test_a_line_that_is_not_registered_lets_the_next_target_have_the_call() -> None:
    network, alice, first, _ = two_carriers()
    first.on_invite = (180, 200)
    network.policy.targets = (Target("line", 1, "101", "101"), Target("trunk", 1, "+44", "101"))
    alice.call("whatever")
    network.advance(1.0)
    assert alice.statuses[-1] == 200
    alice.hang_up()
    network.advance(1.0)
    assert [row.sip_status for row in only_record(network).attempts] == [480, 200]


def test_a_trunk_calls_a_line_without_digest() -> None:
    network = Network(directory(line(1, "alice"), trunk(1, "198.51.100.1")))
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    carrier = network.phone("198.51.100.1")
    alice.register()
    network.run()
    alice.on_invite = (180, 200)
    carrier.call("101", b"v=0", ("P-Asserted-Identity", "<sip:+331234@carrier.example>"))
    network.advance(1.0)
    assert carrier.statuses == [100, 180, 200]
    carrier.hang_up()
    network.advance(1.0)
    record = only_record(network)
    assert (record.a_trunk_id, record.a_line_id, record.b_line_id, record.caller) == (1, None, 1, "+331234")


def test_a_phone_that_rang_and_is_cut_off_is_a_failure() -> None:
    network, alice, bob = alice_and_bob()
    alice.call("102")
    network.run()
    network.endpoint.transport_failed(Flow("UDP", SWITCH, bob.flow.local), network.now)
    network.advance(0.1)
    assert alice.statuses[-1] == 503
    assert only_record(network).attempts[0].sip_status == 503


def test_a_phone_that_cannot_be_reached_at_all_is_absent() -> None:
    network, alice, bob = alice_and_bob()
    bob.is_dead = True
    alice.call("102")
    network.run()
    network.endpoint.transport_failed(Flow("UDP", SWITCH, bob.flow.local), network.now)
    network.advance(0.1)
    assert alice.statuses == [407, 100, 480]
    record = only_record(network)
    assert (record.q850_cause, record.attempts[0].sip_status) == (20, 503)
