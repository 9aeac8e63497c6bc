"""Every row of the four transition tables, walked one by one on a bare machine."""

from __future__ import annotations

import pytest

from sip.stack.config import TimerValues
from sip.stack.events import Event
from sip.stack.flow import Flow
from sip.stack.message import Response
from sip.stack.transaction import invite_client, invite_server, non_invite_client, non_invite_server
from sip.stack.transaction.base import Layer, Transaction
from sip.stack.transaction.invite_client import InviteClient
from sip.stack.transaction.invite_server import InviteServer
from sip.stack.transaction.machine import Action, Input, State, Table
from sip.stack.transaction.non_invite_client import NonInviteClient
from sip.stack.transaction.non_invite_server import NonInviteServer
from sip.stack.transaction.responses import make_response
from tests.sip.wire import ALICE, BOB, request

UDP = Flow("UDP", ALICE, BOB)
TCP = Flow("TCP", ALICE, BOB, 1)

MACHINES: dict[str, tuple[type[Transaction], Table, str]] = {
    "invite client": (InviteClient, invite_client.TRANSITIONS, "INVITE"),
    "invite server": (InviteServer, invite_server.TRANSITIONS, "INVITE"),
    "non-invite client": (NonInviteClient, non_invite_client.TRANSITIONS, "OPTIONS"),
    "non-invite server": (NonInviteServer, non_invite_server.TRANSITIONS, "OPTIONS"),
}

ROWS = [(name, state, given) for name, (_, table, _) in MACHINES.items() for state, given in table]

STARTS = {
    Action.START_A: Input.TIMER_A,
    Action.START_B: Input.TIMER_B,
    Action.START_D: Input.TIMER_D,
    Action.START_E: Input.TIMER_E,
    Action.START_E_SLOW: Input.TIMER_E,
    Action.START_F: Input.TIMER_F,
    Action.START_G: Input.TIMER_G,
    Action.START_H: Input.TIMER_H,
    Action.START_I: Input.TIMER_I,
    Action.START_J: Input.TIMER_J,
    Action.START_K: Input.TIMER_K,
    Action.START_L: Input.TIMER_L,
    Action.START_M: Input.TIMER_M,
    Action.START_2XX: Input.TIMER_2XX,
    Action.START_TRYING: Input.TIMER_TRYING,
    Action.SEND_CANCEL: Input.TIMER_CANCEL,
}
SENDS = {Action.SEND, Action.SEND_TRYING, Action.SEND_ACK, Action.SEND_CANCEL}
TELLS = {
    Action.DELIVER: ("RequestReceived", "ResponseReceived"),
    Action.DELIVER_ACK: ("AckReceived",),
    Action.INFORM_TIMEOUT: ("TransactionTimedOut",),
    Action.INFORM_FAILURE: ("TransportFailed",),
}
UNRELIABLE_ONLY = {Action.START_A, Action.START_E, Action.START_G}
NOTHING_WHEN_RELIABLE = {Action.START_D, Action.START_I, Action.START_J, Action.START_K}


def make(name: str, state: State, flow: Flow) -> tuple[Transaction, Layer]:
    """Return a machine put into ``state``, with all it would have by then."""
    kind, _, method = MACHINES[name]
    layer = Layer(TimerValues())
    made = request(method)
    made.prepend("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa1")
    tx = kind(layer, ("z9hG4bKa1", method), made, flow)
    tx.state = state
    tx.data = b"data"
    response = make_response(made, 200, to_tag="bob-tag")
    if isinstance(tx, InviteClient | NonInviteClient):
        tx.response = response
    if isinstance(tx, InviteServer | NonInviteServer):
        tx.response = response
    if isinstance(tx, InviteServer):
        tx.ack = request("ACK")
    return tx, layer


def timers_of(tx: Transaction) -> set[Input]:
    return {timer.input for timer in tx._timers}


def kinds(layer: Layer) -> list[str]:
    events: list[Event] = list(layer.events)
    return [type(event).__name__ for event in events]


def check_sent_and_told(actions: tuple[Action, ...], layer: Layer) -> None:
    assert len(layer.to_send) == sum(action in SENDS for action in actions)
    told = [action for action in actions if action in TELLS]
    assert len(kinds(layer)) == len(told)
    for event, action in zip(kinds(layer), told, strict=True):
        assert event in TELLS[action]


@pytest.mark.parametrize(("name", "state", "given"), ROWS)
def test_each_row_over_udp_changes_state_sends_tells_and_sets_its_timers(name: str, state: State, given: Input) -> None:
    tx, layer = make(name, state, UDP)
    target, actions = MACHINES[name][1][state, given]
    tx.handle(given, 100.0)
    assert tx.state is target
    check_sent_and_told(actions, layer)
    assert timers_of(tx) == {STARTS[action] for action in actions if action in STARTS}


@pytest.mark.parametrize(("name", "state", "given"), ROWS)
def test_each_row_over_tcp_sets_no_repetition_and_ends_at_once_where_udp_waits(
    name: str, state: State, given: Input
) -> None:
    tx, layer = make(name, state, TCP)
    target, actions = MACHINES[name][1][state, given]
    tx.handle(given, 100.0)
    ends = any(action in NOTHING_WHEN_RELIABLE for action in actions)
    assert tx.state is (State.TERMINATED if ends else target)
    check_sent_and_told(actions, layer)
    kept = {STARTS[action] for action in actions if action in STARTS and action not in UNRELIABLE_ONLY}
    assert timers_of(tx) == (set() if ends else kept)


@pytest.mark.parametrize("name", list(MACHINES))
def test_an_input_without_a_row_does_nothing(name: str) -> None:
    table = MACHINES[name][1]
    for state in State:
        for given in Input:
            if (state, given) in table:
                continue
            tx, layer = make(name, state, UDP)
            tx.handle(given, 100.0)
            assert (tx.state, layer.to_send, kinds(layer), timers_of(tx)) == (state, [], [], set())


@pytest.mark.parametrize("name", list(MACHINES))
def test_every_state_of_a_table_is_reached_and_left(name: str) -> None:
    table = MACHINES[name][1]
    left = {state for state, _ in table}
    reached = {target for target, _ in table.values()}
    assert reached - left == {State.TERMINATED}
    assert left - reached == {State.NEW}


@pytest.mark.parametrize("name", list(MACHINES))
def test_every_timer_that_is_started_has_a_row_where_it_fires(name: str) -> None:
    table = MACHINES[name][1]
    started = {STARTS[action] for _, actions in table.values() for action in actions if action in STARTS}
    fired = {given for _, given in table if given.name.startswith("TIMER_")}
    assert started == fired


def test_a_remembered_cancel_goes_out_with_the_first_provisional_response() -> None:
    tx, layer = make("invite client", State.CALLING, UDP)
    assert isinstance(tx, InviteClient)
    tx.handle(Input.CANCEL, 1.0)
    assert layer.to_send == []
    tx.receive(Response(180, "Ringing", tx.request.headers), 2.0)
    assert [data[:6] for _, data in layer.to_send] == [b"CANCEL"]
    tx.handle(Input.CANCEL, 3.0)
    assert len(layer.to_send) == 1


def test_a_machine_refuses_an_action_that_is_not_its_own() -> None:
    tx, _ = make("non-invite server", State.TRYING, UDP)
    with pytest.raises(AssertionError, match="no machine does SEND_ACK"):
        tx._act(Action.SEND_ACK, 0.0)
