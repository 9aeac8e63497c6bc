"""What a call that is up keeps in memory, and what it lets go of."""

from sip.stack.message.message import Request
from tests.sip.controller.network import alice_and_bob, talking


def test_a_call_that_was_acknowledged_keeps_neither_invite_nor_answer_nor_offer() -> None:
    network, _alice, _bob = talking()
    [call] = network.switch._core.calls.values()
    assert (call.request, call.answer, call.tx) == (None, None, None)
    assert call.winner is not None
    assert isinstance(call.winner.request, Request)
    assert call.winner.request.body == b""
    assert call.winner.request.from_tag != ""


def test_a_call_whose_ack_has_not_come_keeps_what_repeats_its_answer() -> None:
    network, alice, bob = alice_and_bob()
    alice.acknowledges, bob.on_invite = False, (180, 200)
    alice.call("102")
    network.advance(2.0)
    [call] = network.switch._core.calls.values()
    assert call.tx is not None
    assert call.winner is not None
    assert call.winner.request.body != b""
