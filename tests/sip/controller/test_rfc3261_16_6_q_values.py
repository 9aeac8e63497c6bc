"""RFC 3261 §16.6: contacts of one q-value ring together, those of a lower one after them."""

from __future__ import annotations

import pytest

from sip.controller.calls.forks import ring_s, rounds_of
from sip.controller.location import Binding
from sip.stack.flow import Flow
from tests.sip.controller.network import Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import answer, registrar


def binding(uri: str, q: str = "", instance: str = "", reg_id: int = 0) -> Binding:
    return Binding(uri, Flow("UDP", ("10.0.0.1", 5060), ("h", 1)), instance, q, "c", 1, 9.0, "", (), reg_id)


def test_rounds_fall_by_q_and_a_contact_without_one_is_wanted_most() -> None:
    found = rounds_of([binding("low", "0.1"), binding("a"), binding("mid", "0.5"), binding("b", "1.0")])
    assert [[[one.uri for one in phone] for phone in turn] for turn in found] == [[["a"], ["b"]], [["mid"]], [["low"]]]


def test_a_phone_with_several_flows_is_in_one_round_only_its_best_and_latest_flow_first() -> None:
    flows = [binding("x", "0.9", "<i>", 1), binding("y", "0.3", "<i>", 2), binding("z", "0.9", "<i>", 3)]
    found = rounds_of([*flows, binding("other", "0.3")])
    assert [[[one.uri for one in phone] for phone in turn] for turn in found] == [[["z", "x", "y"]], [["other"]]]


@pytest.mark.parametrize(("rounds", "expected"), [(1, 60.0), (2, 30.0), (3, 20.0), (10, 10.0)])
def test_the_rounds_share_the_time_the_line_rings(rounds: int, expected: float) -> None:
    assert ring_s(60.0, rounds) == expected


def line_with(*values: str) -> tuple[Network, Phone, list[Phone]]:
    """Return alice's phones with these q-values, and bob who has called her."""
    network, _ = registrar()
    phones = []
    for number, q in enumerate(values):
        phone = network.phone("192.0.2.10", "alice", "pw-alice", 5070 + number)
        answer(network, phone, ("Contact", f"<sip:alice@192.0.2.10:{5070 + number}>;q={q}"))
        phones.append(phone)
    return network, network.phone("192.0.2.20", "bob", "pw-bob"), phones


def ringing(phones: list[Phone]) -> list[int]:
    return [len(phone.ringing) for phone in phones]


def test_only_the_first_round_rings_at_first() -> None:
    network, bob, phones = line_with("0.2", "0.7", "0.7")
    bob.call("101")
    network.advance(1.0)
    assert ringing(phones) == [0, 1, 1]


def test_the_next_round_rings_when_all_of_the_first_have_refused() -> None:
    network, bob, phones = line_with("0.2", "0.7", "0.7")
    phones[1].on_invite = (486,)
    bob.call("101")
    network.advance(1.0)
    assert ringing(phones) == [0, 1, 1]
    phones[2].respond(480)
    network.advance(1.0)
    assert ringing(phones) == [1, 1, 1]
    phones[0].pick_up()
    network.advance(1.0)
    assert bob.statuses[-1] == 200
    assert len(network.policy.up) == 1


def test_who_does_not_answer_is_cancelled_before_the_next_round_rings() -> None:
    network, bob, phones = line_with("0.2", "0.7")
    bob.call("101")
    network.advance(29.0)
    assert (ringing(phones), phones[1].cancelled) == ([0, 1], 0)
    network.advance(2.0)
    assert (ringing(phones), phones[1].cancelled) == ([1, 1], 1)
    network.advance(31.0)
    assert (phones[0].cancelled, bob.statuses[-1]) == (1, 480)


def test_a_late_answer_of_the_first_round_is_hung_up() -> None:
    network, bob, phones = line_with("0.2", "0.7")
    network.lose = lambda sent: sent.text == "CANCEL"
    bob.call("101")
    network.advance(31.0)
    phones[1].pick_up()
    network.advance(1.0)
    assert phones[1].requests[-1].method == "BYE"
    assert 200 not in bob.statuses


def test_a_no_of_the_callee_for_all_his_phones_ends_it() -> None:
    network, bob, phones = line_with("0.2", "0.7")
    phones[1].on_invite = (603,)
    bob.call("101")
    network.advance(1.0)
    assert (ringing(phones), bob.statuses[-1]) == ([0, 1], 603)


def test_a_caller_who_gives_up_starts_no_further_round() -> None:
    network, bob, phones = line_with("0.2", "0.7")
    bob.call("101")
    network.advance(1.0)
    bob.cancel()
    network.advance(60.0)
    assert (ringing(phones), phones[1].cancelled, bob.statuses[-1]) == ([0, 1], 1, 487)


def test_the_best_answer_of_all_rounds_is_the_callers() -> None:
    network, bob, phones = line_with("0.2", "0.7")
    phones[1].on_invite = (486,)
    phones[0].on_invite = (404,)
    bob.call("101")
    network.advance(1.0)
    assert bob.statuses[-1] == 486
    [record] = network.policy.records
    assert len(record.attempts) == 1
