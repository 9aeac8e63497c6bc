"""One switch as the border of two networks: nothing of one is seen in the other."""

from __future__ import annotations

from sip.stack.listeners import Listener, Listeners
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.phone import OFFER, Phone

INSIDE = ("10.0.0.1", 5060)
OUTSIDE = ("172.16.0.1", 5080)
PUBLIC = ("203.0.113.9", 5060)
BORDER = Listeners([Listener("UDP", INSIDE, INSIDE, "internal"), Listener("UDP", OUTSIDE, PUBLIC, "carrier")])
INNER_ADDRESSES = (b"10.0.0.1", b"10.0.0.10", b"a-side", b"alice@")
OUTER_ADDRESSES = (b"172.16.0.1", b"203.0.113.9", b"198.51.100.7")


def border(zone: str = "carrier") -> tuple[Network, Phone, Phone]:
    """Return alice in the internal zone and a carrier that is reached through ``zone``."""
    carrier = trunk(1, "198.51.100.7", zone=zone)
    network = Network(directory(line(1, "alice"), carrier), FakePolicy((1,)), BORDER)
    alice = network.phone("10.0.0.10", "alice", "pw-alice", switch=INSIDE)
    alice.register()
    network.run()
    return network, alice, network.phone("198.51.100.7", switch=OUTSIDE)


def head_bytes(network: Network, target: str) -> bytes:
    """Return all heads that went from the switch to somebody; bodies pass as they are."""
    heads = [sent.data.partition(b"\r\n\r\n")[0] for sent in network.sent if sent.target == target]
    return b"\n".join(heads)


def test_a_call_out_names_each_side_only_its_own_addresses() -> None:
    network, alice, carrier = border()
    carrier.on_invite = (180, 200)
    alice.call("+441632960000")
    network.advance(2.0)
    carrier.hang_up()
    network.advance(1.0)
    invite = carrier.ringing[0].request
    assert invite.via.sent_by == "203.0.113.9:5060"
    assert invite.get("Contact") == "<sip:203.0.113.9:5060>"
    assert alice.dialog is not None and alice.dialog.remote_target == "sip:10.0.0.1:5060"
    assert [sent.text for sent in network.sent if sent.target == "alice"][-1] == "BYE"
    assert [word for word in INNER_ADDRESSES if word in head_bytes(network, "198.51.100.7")] == []
    assert [word for word in OUTER_ADDRESSES if word in head_bytes(network, "alice")] == []


def test_a_call_in_reaches_the_line_through_the_zone_it_registered_in() -> None:
    network, alice, carrier = border()
    alice.on_invite = (180, 200)
    carrier.call("101", OFFER, ("P-Asserted-Identity", "<sip:+442079460000@carrier.example>"))
    network.advance(2.0)
    invite = alice.ringing[0].request
    assert (invite.via.sent_by, invite.get("Contact")) == ("10.0.0.1:5060", "<sip:10.0.0.1:5060>")
    assert carrier.dialog is not None and carrier.dialog.remote_target == "sip:203.0.113.9:5060"
    assert [word for word in OUTER_ADDRESSES if word in head_bytes(network, "alice")] == []


def test_after_a_restart_each_side_is_still_spoken_to_from_its_own_zone() -> None:
    network, alice, carrier = border()
    carrier.on_invite = (180, 200)
    alice.call("+441632960000")
    network.advance(2.0)
    assert network.restart() == 1
    network.sent.clear()
    alice.hang_up()
    network.advance(1.0)
    [bye] = [sent for sent in network.sent if sent.text == "BYE" and sent.target == "198.51.100.7"]
    assert b"Via: SIP/2.0/UDP 203.0.113.9:5060;" in bye.data
    assert [word for word in INNER_ADDRESSES if word in head_bytes(network, "198.51.100.7")] == []


def test_a_trunk_in_a_zone_the_node_has_not_is_down() -> None:
    network, alice, carrier = border("internet")
    alice.call("+441632960000")
    network.advance(2.0)
    assert alice.statuses[-1] == 503
    assert carrier.requests == []
