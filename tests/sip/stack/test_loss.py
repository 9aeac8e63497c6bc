"""Whatever the wire does to a call, both sides agree in the end and forget it."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from sip.stack.events import (
    AckReceived,
    CancelReceived,
    Event,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
)
from tests.sip.stack.test_calls import acknowledge, answer_with
from tests.sip.wire import Wire, request

NUMBERS = st.sets(st.integers(1, 14), max_size=5)
"""Seven copies of an INVITE are sent at most: with five losses one of each message gets through."""
DELAYS = st.dictionaries(st.integers(1, 14), st.sampled_from([0.01, 0.3, 0.7, 2.5]), max_size=6)


def rough(drop: set[int], duplicate: set[int], delay: dict[int, float]) -> Wire:
    wire = Wire()
    wire.drop, wire.duplicate, wire.delay = drop, duplicate, delay
    return wire


@settings(deadline=None, max_examples=50)
@given(NUMBERS, NUMBERS, DELAYS)
def test_an_answered_call_is_told_once_and_leaves_nothing(
    drop: set[int], duplicate: set[int], delay: dict[int, float]
) -> None:
    wire = rough(drop, duplicate, delay)
    answer_with(wire, 180, 200)
    acknowledge(wire)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(200.0)
    assert len(wire.bob.events(RequestReceived)) == 1
    assert len(wire.bob.events(AckReceived)) == 1
    assert wire.alice.events(ResponseReceived)[-1].response.status == 200
    assert wire.alice.events(TransactionTimedOut) == []
    assert wire.bob.events(TransactionTimedOut) == []
    assert (wire.alice.endpoint.transactions, wire.bob.endpoint.transactions) == (0, 0)


@settings(deadline=None, max_examples=50)
@given(NUMBERS, NUMBERS, DELAYS)
def test_a_refused_call_is_told_once_to_each_side_and_leaves_nothing(
    drop: set[int], duplicate: set[int], delay: dict[int, float]
) -> None:
    wire = rough(drop, duplicate, delay)
    answer_with(wire, 486)
    wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(200.0)
    assert len(wire.bob.events(RequestReceived)) == 1
    assert [event.response.status for event in wire.alice.events(ResponseReceived)] == [486]
    assert wire.bob.events(AckReceived) == []
    assert (wire.alice.endpoint.transactions, wire.bob.endpoint.transactions) == (0, 0)


@settings(deadline=None, max_examples=50)
@given(NUMBERS, NUMBERS, DELAYS)
def test_a_cancelled_call_ends_with_487_and_leaves_nothing(
    drop: set[int], duplicate: set[int], delay: dict[int, float]
) -> None:
    wire = rough(drop, duplicate, delay)
    bob = wire.bob.endpoint

    def on_event(event: Event, now: float) -> None:
        if isinstance(event, RequestReceived):
            bob.respond(event.tx, bob.make_response(event.request, 180, to_tag="bob-tag"), now)
        elif isinstance(event, CancelReceived):
            bob.respond(event.tx, bob.make_response(event.tx.request, 487, to_tag="bob-tag"), now)

    wire.bob.on_event = on_event
    tx = wire.alice.endpoint.send_request(request(), wire.to_bob, 0.0)
    wire.advance(0.2)
    wire.alice.endpoint.cancel(tx, wire.now)
    wire.advance(200.0)
    assert len(wire.bob.events(CancelReceived)) == 1
    assert wire.alice.events(ResponseReceived)[-1].response.status == 487
    assert (wire.alice.endpoint.transactions, wire.bob.endpoint.transactions) == (0, 0)
