"""The small parts: timers, causes, the state table, bindings."""

from __future__ import annotations

import pytest

from sip.controller import q850
from sip.controller.addressing import follow, place_of
from sip.controller.calls.states import TRANSITIONS, Action, Input, State
from sip.controller.location import Binding, LocationTable
from sip.controller.ports import NoLocationStore
from sip.controller.switch import _ACTIONS
from sip.controller.timers import TimerQueue
from sip.stack.flow import Flow
from sip.stack.message.grammar import is_address

FLOW = Flow("UDP", ("10.0.0.1", 5060), ("192.0.2.10", 31000))


def test_timers_run_in_order_and_only_when_due() -> None:
    queue, ran = TimerQueue(), list[str]()
    queue.add(2.0, lambda: ran.append("late"))
    queue.add(1.0, lambda: ran.append("early"))
    queue.run(0.9)
    assert (ran, queue.next_at()) == ([], 1.0)
    queue.run(2.0)
    assert (ran, queue.next_at()) == (["early", "late"], None)


def test_a_cancelled_timer_never_runs_and_may_be_cancelled_again() -> None:
    queue, ran = TimerQueue(), list[str]()
    timer = queue.add(1.0, lambda: ran.append("x"))
    timer.cancel()
    timer.cancel()
    queue.run(5.0)
    assert (ran, len(queue)) == ([], 0)


def test_a_timer_that_was_due_may_be_cancelled_afterwards() -> None:
    queue = TimerQueue()
    timer = queue.add(1.0, lambda: None)
    queue.add(9.0, lambda: None)
    queue.run(1.0)
    timer.cancel()
    assert len(queue) == 1


def test_cancelled_timers_do_not_pile_up() -> None:
    queue = TimerQueue()
    for number in range(5_000):
        queue.add(100.0 + number, lambda: None).cancel()
    assert len(queue._heap) < 600


def test_every_arrow_has_an_action_and_every_action_is_done() -> None:
    assert {action for _, action in TRANSITIONS.values()} == set(Action)
    assert set(_ACTIONS) == set(Action)


def test_every_state_but_the_last_can_be_left() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.ENDED}
    assert {given for _, given in TRANSITIONS} == set(Input)


@pytest.mark.parametrize(
    ("status", "cause"),
    [(486, 17), (404, 1), (408, 102), (480, 18), (503, 41), (484, 28), (410, 22),
     (603, 21), (699, 21), (599, 41), (499, 127)],
)  # fmt: skip
def test_a_status_has_its_cause(status: int, cause: int) -> None:
    assert q850.cause_of_status(status) == cause


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        (['Q.850;cause=16;text="Normal, call clearing"'], 16),
        (['SIP ;cause=200 ;text="x", q.850 ; cause = 31'], 31),
        (["SIP;cause=600", "Q.850;cause=17"], 17),
        (["Q.850;cause=many"], None),
        (["Q.850;cause=300"], None),
        (["Q.850"], None),
        ([], None),
    ],
)
def test_a_reason_header_is_read(rows: list[str], cause: int | None) -> None:
    assert q850.parse_reason(rows) == cause


def test_a_reason_header_is_written() -> None:
    assert q850.reason_header(17) == ("Reason", 'Q.850;cause=17;text="User busy"')
    assert q850.reason_header(99) == ("Reason", "Q.850;cause=99")


def test_a_party_is_followed_to_an_address_but_not_to_a_name_or_through_nat() -> None:
    assert follow("192.0.2.99", 5070, FLOW, False).remote == ("192.0.2.99", 5070)
    assert follow("192.0.2.99", None, FLOW, False).remote == ("192.0.2.99", 5060)
    assert follow("192.0.2.99", 5070, FLOW, True) is FLOW
    assert follow("phone.example", None, FLOW, False) is FLOW
    stream = Flow("TCP", FLOW.local, FLOW.remote, 4)
    assert follow("192.0.2.99", 5070, stream, False) is stream
    assert place_of("sip:x@192.0.2.99:5070;transport=udp") == ("192.0.2.99", 5070)
    assert is_address("2001:db8::1") and not is_address("1.2.3")


def binding(expires_at: float, uri: str = "sip:a@192.0.2.10") -> Binding:
    return Binding(uri, FLOW, "", "0.5", "call", 1, expires_at, "phone")


def test_a_binding_comes_back_from_json_as_it_was_but_for_its_connection() -> None:
    stream = Binding("sip:a@b", Flow("TCP", FLOW.local, FLOW.remote, 7), "urn:x", "", "c", 3, 9.0, "ua")
    back = Binding.from_json(stream.to_json())
    assert back.flow == Flow("TCP", FLOW.local, FLOW.remote, 0)
    assert (back.uri, back.instance, back.cseq, back.expires_at) == ("sip:a@b", "urn:x", 3, 9.0)
    assert Binding.from_json(binding(5.0).to_json()) == binding(5.0)


def test_what_registered_since_the_start_wins_over_the_store() -> None:
    table = LocationTable(NoLocationStore())
    table.replace("a", (binding(100.0, "sip:new"),), 0.0)
    assert table.load({"a": [binding(100.0, "sip:old").to_json()], "b": [binding(5.0).to_json()]}, 10.0) == 0
    assert [found.uri for found in table.bindings("a", 10.0)] == ["sip:new"]
    assert table.dump(10.0).keys() == {"a"}
    assert table.dump(200.0) == {}
