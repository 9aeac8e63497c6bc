"""OPTIONS to registered contacts: whom, how often, and what silence leads to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sip.controller.registration.config import RegistrarConfig
from sip.stack.listeners import single_zone
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import SWITCH, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.registering import answer, bindings, registrar

ALL = RegistrarConfig(pings="all", ping_interval_s=60.0)


def pings(network: Network, target: str = "alice") -> list[float]:
    """Return when pings were first sent to somebody: what a transaction repeats has the branch of its first."""
    seen: dict[bytes, float] = {}
    for sent in network.sent:
        if sent.text == "OPTIONS" and sent.target == target and sent.source == "switch":
            seen.setdefault(sent.data.split(b"\r\n")[1], sent.at)
    return list(seen.values())


def test_nobody_is_pinged_unless_the_operator_wants_it() -> None:
    network, alice = registrar()
    answer(network, alice)
    network.advance(500.0)
    assert pings(network) == []


def test_a_contact_is_pinged_once_an_interval_the_first_time_somewhere_within_it() -> None:
    network, alice = registrar(ALL)
    answer(network, alice)
    network.advance(240.0)
    assert pings(network) == pytest.approx([30.0, 90.0, 150.0, 210.0])
    request = alice.requests[0]
    assert (request.method, request.uri) == ("OPTIONS", "sip:alice@192.0.2.10:5060")
    assert len(bindings(network)) == 1


@pytest.mark.parametrize("status", [200, 404, 486, 501])
def test_any_answer_is_a_sign_of_life(status: int) -> None:
    network, alice = registrar(ALL)
    answer(network, alice, expires_s=3600)
    alice.on_request = status
    network.advance(1_000.0)
    assert len(bindings(network)) == 1


def test_a_contact_that_leaves_three_pings_unanswered_is_taken_out_and_told_as_deactivated() -> None:
    network, alice = registrar(ALL)
    heard: list[tuple[int, int, str]] = []
    answer(network, alice, expires_s=3600)
    network.switch.locations.subscribe(
        lambda name, before, after, wall, reason: heard.append((len(before), len(after), reason))
    )
    network.advance(40.0)
    alice.is_dead = True
    network.advance(170.0 + 31.0)
    assert (len(bindings(network)), heard) == (1, [])
    network.advance(2.0)
    assert (bindings(network), heard) == ((), [(1, 0, "deactivated")])
    network.advance(600.0)
    assert len(pings(network)) == 4


def test_a_phone_that_never_answers_options_is_left_alone() -> None:
    network, alice = registrar(ALL)
    answer(network, alice, expires_s=3600)
    alice.is_dead = True
    network.advance(1_000.0)
    assert (len(bindings(network)), len(pings(network))) == (1, 17)


def test_a_sign_of_life_between_starts_the_count_anew() -> None:
    network, alice = registrar(ALL)
    answer(network, alice, ("Call-ID", "same"), expires_s=3600)
    network.advance(40.0)
    alice.is_dead = True
    network.advance(180.0)
    alice.is_dead = False
    answer(network, alice, ("Call-ID", "same"), ("CSeq", "9 REGISTER"), expires_s=3600)
    alice.is_dead = True
    network.advance(141.0)
    assert len(bindings(network)) == 1


def test_with_nat_only_phones_behind_one_are_pinged_where_they_were_heard() -> None:
    network, alice = registrar(replace(ALL, pings="nat"))
    home = network.phone("203.0.113.9", "bob", "pw-bob", 31_000)
    home.endpoint.config = type(home.endpoint.config)(home.token, single_zone({"UDP": ("192.168.1.5", 5060)}))
    answer(network, alice)
    answer(network, home, ("Contact", "<sip:bob@192.168.1.5:5060>"))
    network.advance(70.0)
    assert (pings(network), len(pings(network, "bob"))) == ([], 1)
    assert home.requests[0].uri == "sip:bob@192.168.1.5:5060"


def test_who_left_is_not_pinged_any_more() -> None:
    network, alice = registrar(ALL)
    answer(network, alice)
    network.advance(40.0)
    answer(network, alice, expires_s=0)
    network.advance(300.0)
    assert len(pings(network)) == 1


def test_who_is_behind_a_proxy_is_the_proxys_to_keep() -> None:
    network, alice = registrar(ALL)
    answer(network, alice, ("Supported", "path"), ("Path", "<sip:p.example;lr>"))
    network.advance(300.0)
    assert pings(network) == []


def test_contacts_that_outlived_a_restart_are_pinged() -> None:
    network, alice = registrar(ALL)
    answer(network, alice)
    network.restart()
    network.advance(40.0)
    assert len(pings(network)) == 1


def test_a_connection_that_closed_is_gone_at_once() -> None:
    network, _ = registrar(ALL)
    phone = network.phone("203.0.113.9", "alice", "pw-alice", 40_001, transport="TCP")
    answer(network, phone, ("Contact", "<sip:alice@x.invalid;transport=tcp>"))
    network.advance(40.0)
    assert len(pings(network)) == 1
    network.disconnect(phone)
    network.advance(100.0)
    assert (bindings(network), len(pings(network))) == ((), 1)


def crowd(count: int, **changes: Any) -> tuple[Network, list[Phone]]:
    """Return a switch with this many registered phones."""
    lines = [line(number, f"u{number}") for number in range(1, count + 1)]
    network = Network(directory(*lines), settings={"registrar": replace(ALL, **changes)})
    phones = [network.phone(f"192.0.2.{number}", f"u{number}", f"pw-u{number}") for number in range(1, count + 1)]
    for phone in phones:
        phone.register()
    network.run()
    return network, phones


def test_pings_are_sent_no_faster_than_the_bound_and_nobody_is_left_out() -> None:
    network, phones = crowd(60, pings_per_s_max=20)
    network.advance(30.55)
    assert sum(len(pings(network, phone.name)) for phone in phones) == 12
    network.advance(2.65)
    assert [len(pings(network, phone.name)) for phone in phones] == [1] * 60


def test_workers_that_share_a_socket_share_the_contacts() -> None:
    counts = []
    for index in range(3):
        network, phones = crowd(30, ping_share=(index, 3))
        network.advance(40.0)
        counts.append([len(pings(network, phone.name)) for phone in phones])
    assert [sum(column) for column in zip(*counts, strict=True)] == [1] * 30
    assert all(0 < sum(row) < 30 for row in counts)


def test_contacts_of_other_sockets_than_ours_are_for_their_own_node_to_ping() -> None:
    network, alice = registrar(ALL)
    answer(network, alice)
    [binding] = bindings(network)
    row = {**binding.to_json(), "local": ["10.0.0.2", 5060], "uri": "sip:alice@192.0.2.99"}
    here = {**binding.to_json(), "uri": "sip:alice@192.0.2.98"}
    network.switch.locations.apply_remote("alice", [row, here], [], network.wall, owner="node-2")
    network.advance(70.0)
    assert len(pings(network)) == 1
    assert SWITCH != ("10.0.0.2", 5060)
    assert [request.uri for request in alice.requests] == ["sip:alice@192.0.2.10:5060"]


def test_a_crowd_that_comes_and_goes_leaves_nothing_behind() -> None:
    network, phones = crowd(40)
    for phone in phones:
        phone.register(0)
    network.run()
    pinger = network.core.pinger
    assert pinger is not None
    assert len(pinger) == 0
    network.advance(61.0)
    assert pinger._heap == []
