"""REGISTER: who may, for how long, and what a restart leaves of it."""

from __future__ import annotations

import pytest

from sip.controller.location import LocationTable
from sip.controller.ports import NoLocationStore
from sip.stack.listeners import Listener, Listeners
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import EPOCH, Network, alice_and_bob
from tests.sip.controller.phone import Phone

CONTACT = "<sip:alice@192.0.2.10:5060>"


def alice_alone(**changes: object) -> tuple[Network, Phone]:
    """Return a network with alice, not yet registered."""
    network = Network(directory(line(1, "alice", **changes)))
    return network, network.phone("192.0.2.10", "alice", "pw-alice")


def statuses(phone: Phone) -> list[int]:
    return [response.status for response in phone.responses]


def test_a_phone_registers_and_is_told_its_time() -> None:
    network, alice = alice_alone()
    alice.register(600)
    network.run()
    assert statuses(alice) == [401, 200]
    assert alice.responses[-1].get_all("Contact") == [f"{CONTACT};expires=600"]
    [binding] = network.switch.locations.bindings("alice", network.wall)
    assert (binding.uri, binding.expires_at) == ("sip:alice@192.0.2.10:5060", EPOCH + 600)


def test_a_wrong_password_is_forbidden_and_binds_nothing() -> None:
    network, alice = alice_alone()
    alice.password = "wrong"
    alice.register()
    network.run()
    assert statuses(alice) == [401, 403]
    assert len(network.switch.locations) == 0


def test_a_blocked_line_may_not_register() -> None:
    network, alice = alice_alone(is_active=False)
    alice.register()
    network.run()
    assert statuses(alice) == [401, 403]


def test_nobody_registers_in_anothers_name() -> None:
    network, alice, _ = alice_and_bob()
    alice.register(600, ("To", "<sip:bob@trunkline.test>"))
    network.run()
    assert statuses(alice)[-1] == 403


def test_a_time_too_short_is_answered_423_with_the_least_one() -> None:
    network, alice = alice_alone()
    alice.register(10)
    network.run()
    assert statuses(alice) == [401, 423]
    assert alice.responses[-1].get("Min-Expires") == "30"
    assert len(network.switch.locations) == 0


@pytest.mark.parametrize(
    ("wish", "granted"), [(";expires=100", 100), (";expires=99999", 3600), (";expires=junk", 3600)]
)
def test_a_contacts_own_time_counts_up_to_the_longest(wish: str, granted: int) -> None:
    network, alice = alice_alone()
    alice.register(600, ("Contact", CONTACT + wish))
    network.run()
    assert alice.responses[-1].get("Contact") == f"{CONTACT};expires={granted}"


def test_a_register_without_contact_only_asks() -> None:
    network, alice = alice_alone()
    alice.register(600)
    network.advance(100.0)
    alice.fetch()
    network.run()
    assert statuses(alice)[-1] == 200
    assert alice.responses[-1].get_all("Contact") == [f"{CONTACT};expires=500"]


def test_a_star_with_expires_0_forgets_every_contact() -> None:
    network, alice = alice_alone()
    alice.register(600, ("Contact", CONTACT), ("Contact", "<sip:alice@192.0.2.11:5060>"))
    network.run()
    assert len(network.switch.locations.bindings("alice", network.wall)) == 2
    alice.register(0, ("Contact", "*"))
    network.run()
    assert statuses(alice)[-1] == 200
    assert alice.responses[-1].get("Contact") is None
    assert network.store.kept == {}


def test_a_star_with_another_time_is_refused() -> None:
    network, alice = alice_alone()
    alice.register(600, ("Contact", "*"))
    network.run()
    assert statuses(alice) == [401, 400]


def test_a_request_overtaken_on_its_way_changes_nothing() -> None:
    network, alice = alice_alone()
    alice.register(600, ("Call-ID", "same"), ("CSeq", "10 REGISTER"))
    network.run()
    alice.register(0, ("Call-ID", "same"), ("CSeq", "9 REGISTER"))
    network.run()
    # The phone repeats with credentials under number 10: not higher than the binding's 11.
    assert statuses(alice)[-1] == 500
    assert len(network.switch.locations.bindings("alice", network.wall)) == 1


def test_over_the_bound_the_oldest_contact_goes() -> None:
    network, alice = alice_alone(contacts_max=2)
    for number in (1, 2, 3):
        alice.register(600, ("Contact", f"<sip:alice@192.0.2.10:{5060 + number}>"))
        network.run()
    found = [binding.uri for binding in network.switch.locations.bindings("alice", network.wall)]
    assert found == ["sip:alice@192.0.2.10:5062", "sip:alice@192.0.2.10:5063"]


def test_a_phone_that_comes_back_elsewhere_replaces_itself() -> None:
    network, alice = alice_alone()
    for port in (5061, 5062):
        alice.register(600, ("Contact", f'<sip:alice@192.0.2.10:{port}>;+sip.instance="<urn:uuid:1>"'))
        network.run()
    [binding] = network.switch.locations.bindings("alice", network.wall)
    assert binding.uri == "sip:alice@192.0.2.10:5062"


def test_a_contact_is_over_when_its_time_is() -> None:
    network, alice, bob = alice_and_bob()
    network.advance(601.0)
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses[-1] == 480
    assert bob.requests == []
    assert len(network.switch.locations) == 0


def test_bindings_survive_a_restart() -> None:
    network, alice, bob = alice_and_bob()
    network.restart()
    alice.call("102")
    network.advance(1.0)
    assert alice.statuses == [407, 100, 180]
    assert len(bob.ringing) == 1


def test_a_nonce_of_before_the_restart_is_still_good() -> None:
    network, alice = alice_alone()
    alice.register(600, ("Call-ID", "same"))
    network.run()
    network.restart()
    assert alice._last is not None
    again = type(alice._last)(alice._last.method, alice._last.uri, alice._last.headers)
    again.set("CSeq", "5 REGISTER")
    alice.send(again)
    network.run()
    assert statuses(alice) == [401, 200, 200]


def test_a_replayed_answer_is_challenged_as_stale() -> None:
    network, alice = alice_alone()
    alice.register(600, ("Call-ID", "same"))
    network.run()
    assert alice._last is not None
    again = type(alice._last)(alice._last.method, alice._last.uri, alice._last.headers)
    again.set("CSeq", "5 REGISTER")
    alice.password = ""
    alice.send(again)
    network.run()
    assert statuses(alice) == [401, 200, 401]
    assert "stale=true" in (alice.responses[-1].get("WWW-Authenticate") or "")


def test_an_old_nonce_is_challenged_as_stale() -> None:
    network, alice = alice_alone()
    network.lose = lambda sent: sent.source == "alice" and b"Authorization" in sent.data
    alice.register()
    network.run()
    assert alice._last is not None
    network.advance(301.0)
    network.lose = lambda sent: False
    alice.password = ""
    alice.send(alice._last)
    network.run()
    assert "stale=true" in (alice.responses[-1].get("WWW-Authenticate") or "")


def test_a_phone_behind_nat_is_reached_where_it_came_from() -> None:
    network, alice, _ = alice_and_bob()
    home = network.phone("203.0.113.9", "bob", "pw-bob", 31000)
    private = Listener("UDP", home.flow.local, ("192.168.1.5", 5060))
    home.endpoint.config = type(home.endpoint.config)(home.token, Listeners([private]))
    home.register(600, ("Contact", "<sip:bob@192.168.1.5:5060>"))
    network.run()
    alice.call("102")
    network.advance(1.0)
    assert len(home.ringing) == 1
    assert home.ringing[0].request.uri == "sip:bob@192.168.1.5:5060"


def test_a_contact_on_another_port_of_the_same_host_is_believed() -> None:
    network, alice = alice_alone()
    other = network.phone("192.0.2.10", "other", "", 5099)
    alice.register(600, ("Contact", "<sip:alice@192.0.2.10:5099>"))
    network.run()
    alice.call("101")
    network.advance(1.0)
    assert len(other.ringing) == 1
    assert alice.ringing == []


def test_unreadable_stored_bindings_are_ignored() -> None:
    table = LocationTable(NoLocationStore())
    assert table.load({"x": [{"uri": "sip:x"}], "y": [{}]}, 0.0) == 0
