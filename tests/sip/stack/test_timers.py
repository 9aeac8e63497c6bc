"""Loss on the wire, and the exact instants at which the timers of RFC 3261 §17 make up for it."""

from __future__ import annotations

import pytest

from sip.stack.config import TimerValues
from sip.stack.dialog import Dialog
from sip.stack.events import AckReceived, RequestReceived, ResponseReceived, TransactionTimedOut
from tests.sip.stack.test_calls import acknowledge, answer_with, statuses
from tests.sip.wire import Wire, request


def test_an_invite_nobody_hears_is_sent_seven_times_and_times_out_at_32_s() -> None:
    wire = Wire()
    wire.is_dead = True
    tx = wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(40.0)
    assert wire.times("INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert wire.alice.times(TransactionTimedOut) == [32.0]
    assert wire.alice.events(TransactionTimedOut)[0].tx is tx
    assert wire.alice.endpoint.transactions == 0


def test_an_invite_over_tcp_is_sent_once_and_times_out_at_32_s() -> None:
    wire = Wire("TCP")
    wire.is_dead = True
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(40.0)
    assert wire.times("INVITE") == [0.0]
    assert wire.alice.times(TransactionTimedOut) == [32.0]


def test_a_provisional_response_ends_the_repetition_of_the_invite() -> None:
    wire = Wire()
    answer_with(wire, 180)
    wire.drop = {1, 2}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(100.0)
    assert wire.times("INVITE") == [0.0, 0.5, 1.5]
    assert wire.times("180 INVITE") == [1.5]
    assert wire.alice.events(TransactionTimedOut) == []


def test_an_invite_the_user_is_slow_to_answer_gets_its_100_after_200_ms() -> None:
    wire = Wire()
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(10.0)
    assert wire.times("100 INVITE") == [0.2]
    assert wire.times("INVITE") == [0.0]
    assert statuses(wire.alice) == [100]


def test_a_lost_100_is_repeated_when_the_invite_is() -> None:
    wire = Wire()
    wire.drop = {2}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(10.0)
    assert wire.times("100 INVITE") == [0.2, 0.5]
    assert len(wire.bob.events(RequestReceived)) == 1


def test_a_lost_486_is_repeated_at_half_a_second_then_1_5_and_3_5() -> None:
    wire = Wire()
    answer_with(wire, 100, 486)
    wire.drop = {3, 4, 5}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(60.0)
    assert wire.times("486 INVITE") == [0.0, 0.5, 1.5, 3.5]
    assert wire.times("ACK") == [3.5]
    assert statuses(wire.alice) == [100, 486]
    assert wire.bob.events(AckReceived) == []


def test_a_486_without_ack_is_repeated_every_4_s_in_the_end_and_given_up_at_32_s() -> None:
    wire = Wire()
    answer_with(wire, 486)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.drop = set(range(2, 100))
    wire.advance(31.9)
    assert wire.times("486 INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    wire.advance(1.0)
    assert wire.bob.times(TransactionTimedOut) == [32.0]


def test_a_486_over_tcp_is_sent_once() -> None:
    wire = Wire("TCP")
    answer_with(wire, 486)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.0)
    assert wire.texts() == ["INVITE", "486 INVITE", "ACK"]
    assert wire.alice.endpoint.transactions == 0
    assert wire.bob.endpoint.transactions == 0


def test_a_lost_ack_of_a_486_is_sent_again_for_its_repetition() -> None:
    wire = Wire()
    answer_with(wire, 486)
    wire.drop = {3}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(60.0)
    assert wire.texts() == ["INVITE", "486 INVITE", "ACK", "486 INVITE", "ACK"]
    assert statuses(wire.alice) == [486]
    assert wire.sent[2].data == wire.sent[4].data


def test_alice_acknowledges_late_486s_for_32_s_and_bob_absorbs_acks_for_5() -> None:
    wire = Wire()
    answer_with(wire, 486)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(4.9)
    assert wire.bob.endpoint.transactions == 1
    wire.advance(0.2)
    assert wire.bob.endpoint.transactions == 0
    wire.advance(26.8)
    assert wire.alice.endpoint.transactions == 1
    wire.advance(0.2)
    assert wire.alice.endpoint.transactions == 0


@pytest.mark.parametrize("transport", ["UDP", "TCP"])
def test_a_200_without_ack_is_repeated_over_any_transport_and_given_up_at_32_s(transport: str) -> None:
    wire = Wire(transport)
    answer_with(wire, 200)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(40.0)
    assert wire.times("200 INVITE") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert wire.bob.times(TransactionTimedOut) == [32.0]
    assert wire.bob.endpoint.transactions == 0


def test_a_lost_ack_of_a_200_is_sent_again_by_the_user_who_sees_the_200_twice() -> None:
    wire = Wire()
    answer_with(wire, 200)
    acknowledge(wire)
    wire.drop = {3}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(60.0)
    assert wire.texts() == ["INVITE", "200 INVITE", "ACK", "200 INVITE", "ACK"]
    assert wire.bob.times(AckReceived) == [0.5]
    assert statuses(wire.alice) == [200, 200]


def test_a_repeated_ack_of_a_200_is_told_once() -> None:
    wire = Wire()
    answer_with(wire, 200)
    acknowledge(wire)
    wire.duplicate = {3}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(1.0)
    assert len(wire.bob.events(AckReceived)) == 1


def test_a_lost_200_is_repeated_and_the_repeated_invite_absorbed() -> None:
    wire = Wire()
    answer_with(wire, 200)
    acknowledge(wire)
    wire.drop = {2}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(60.0)
    assert sorted(set(wire.times("200 INVITE"))) == [0.0, 0.5]
    assert len(wire.bob.events(RequestReceived)) == 1
    assert len(wire.bob.events(AckReceived)) == 1


def test_a_request_nobody_answers_is_sent_at_timer_e_and_times_out_at_32_s() -> None:
    wire = Wire()
    wire.is_dead = True
    wire.alice.endpoint.send_request(request("OPTIONS"), wire.to_bob, 0.0)
    wire.advance(40.0)
    assert wire.times("OPTIONS") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert wire.alice.times(TransactionTimedOut) == [32.0]


def test_a_slow_user_lets_the_stack_send_100_when_timer_e_is_at_t2() -> None:
    wire = Wire()
    wire.alice.endpoint.send_request(request("OPTIONS"), wire.to_bob, 0.0)
    wire.advance(40.0)
    assert wire.times("100 OPTIONS")[0] == 3.5
    assert wire.times("OPTIONS") == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert wire.alice.times(TransactionTimedOut) == [32.0]


def test_a_lost_answer_to_bye_is_repeated_for_32_s_and_then_forgotten() -> None:
    wire = Wire()
    answer_with(wire, 200)
    wire.drop = {2}
    wire.alice.endpoint.send_request(request("BYE"), wire.to_bob, 0.0)
    wire.advance(5.4)
    assert wire.texts() == ["BYE", "200 BYE", "BYE", "200 BYE"]
    assert wire.times("200 BYE") == [0.0, 0.5]
    assert wire.alice.endpoint.transactions == 1
    wire.advance(0.2)
    assert wire.alice.endpoint.transactions == 0
    wire.advance(26.3)
    assert wire.bob.endpoint.transactions == 1
    wire.advance(0.2)
    assert wire.bob.endpoint.transactions == 0


def test_a_late_408_to_a_non_invite_is_never_sent() -> None:
    wire = Wire()
    answer_with(wire, 408)
    wire.alice.endpoint.send_request(request("OPTIONS"), wire.to_bob, 0.0)
    wire.advance(0.1)
    assert wire.texts() == ["OPTIONS"]
    assert wire.bob.endpoint.transactions == 0


def test_a_cancelled_invite_that_never_ends_is_given_up_32_s_after_the_cancel() -> None:
    wire = Wire()
    answer_with(wire, 180)
    tx = wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(3.0)
    wire.alice.endpoint.cancel(tx, wire.now)
    wire.advance(31.9)
    assert wire.alice.events(TransactionTimedOut) == []
    wire.advance(0.2)
    assert wire.alice.times(TransactionTimedOut) == [35.0]


def test_other_base_values_move_every_instant() -> None:
    wire = Wire(timers=TimerValues(t1_s=0.25, t2_s=1.0))
    wire.is_dead = True
    wire.alice.endpoint.send_request(request("OPTIONS"), wire.to_bob, 0.0)
    wire.advance(20.0)
    assert wire.times("OPTIONS")[:6] == [0.0, 0.25, 0.75, 1.75, 2.75, 3.75]
    assert wire.alice.times(TransactionTimedOut) == [16.0]


def test_a_bye_that_overtakes_the_ack_is_delivered_first() -> None:
    wire = Wire()
    answer_with(wire, 200)
    dialogs = acknowledge(wire)
    wire.delay = {3: 0.3}
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.1)
    wire.alice.endpoint.send_request(dialogs[0].request("BYE"), wire.to_bob, wire.now)
    wire.advance(1.0)
    assert [event.request.method for event in wire.bob.events(RequestReceived)] == ["INVITE", "BYE"]
    assert wire.bob.times(AckReceived) == [0.3]
    assert isinstance(dialogs[0], Dialog)


def test_thousands_of_calls_fire_in_order_of_their_instants() -> None:
    wire = Wire()
    wire.is_dead = True
    for number in range(500):
        wire.alice.endpoint.send_request(request(Call_ID=f"call-{number}"), wire.to_bob, number / 1000)
    wire.advance(32.6)
    times = [at for at, event in wire.alice.seen if isinstance(event, TransactionTimedOut)]
    assert times == [number / 1000 + 32.0 for number in range(500)]
    assert wire.alice.events(ResponseReceived) == []
