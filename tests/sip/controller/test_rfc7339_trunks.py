"""RFC 7339 towards trunks: what a carrier asks to be kept back is kept back, and tried elsewhere."""

from __future__ import annotations

from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.phone import Phone

CALLS = 20


def carriers(*hosts: str) -> tuple[Network, Phone, list[Phone]]:
    trunks = [trunk(number, host, calls_max=1000) for number, host in enumerate(hosts, 9)]
    policy = FakePolicy(tuple(entry.id for entry in trunks))
    network = Network(directory(line(1, "alice", calls_max=1000), *trunks), policy)
    alice = network.phone("192.0.2.10", "alice", "pw-alice")
    alice.register()
    network.run()
    phones = [network.phone(host) for host in hosts]
    for phone in phones:
        phone.on_invite = (486,)
    return network, alice, phones


def call(network: Network, alice: Phone, count: int = CALLS) -> list[int]:
    """Make calls and return their final statuses."""
    for _ in range(count):
        alice.call("+442071838750")
        network.advance(0.02)
    return [status for status in alice.statuses if status >= 200 and status != 407]


def invites(phone: Phone) -> int:
    return sum(request.method == "INVITE" for request in phone.requests)


def test_5_1_an_invite_to_a_trunk_offers_feedback_and_one_to_a_phone_does_not() -> None:
    network, alice, _ = carriers("203.0.113.9")
    alice.on_invite = (486,)
    call(network, alice, 1)
    alice.call("101")
    network.advance(1.0)
    [first, *_] = [item for item in network.sent if item.target == "203.0.113.9" and item.text == "INVITE"]
    assert b';rport;oc;oc-algo="loss"\r\n' in first.data
    assert ";oc" not in (alice.requests[0].get("Via") or "")


def test_5_5_the_share_a_carrier_asks_for_is_kept_back_once_it_has_asked() -> None:
    network, alice, [carrier] = carriers("203.0.113.9")
    carrier.endpoint.wish.change(50, 1.0)
    statuses = call(network, alice)
    assert invites(carrier) == 11  # The first is sent before anything is asked for.
    assert statuses.count(503) == CALLS - 11
    assert statuses.count(486) == 11


def test_5_10_what_is_kept_back_from_one_carrier_goes_to_the_next() -> None:
    network, alice, [first, second] = carriers("203.0.113.9", "203.0.113.10")
    first.endpoint.wish.change(100, 1.0)
    statuses = call(network, alice)
    assert (invites(first), invites(second)) == (1, CALLS - 1)
    assert statuses == [486] * CALLS


def test_5_10_1_an_emergency_call_goes_whatever_is_asked_for() -> None:
    network, alice, [carrier] = carriers("203.0.113.9")
    carrier.endpoint.wish.change(100, 1.0)
    call(network, alice, 1)
    network.policy.is_emergency = True
    call(network, alice, 5)
    assert invites(carrier) == 6


def test_5_7_when_the_carrier_asks_no_more_everything_goes() -> None:
    network, alice, [carrier] = carriers("203.0.113.9")
    carrier.endpoint.wish.change(100, 1.0)
    call(network, alice, 3)
    assert invites(carrier) == 1
    network.advance(2.0)
    carrier.endpoint.wish.change(0, 2.0)
    call(network, alice, 10)
    assert invites(carrier) == 11
