"""RFC 4475: what a registrar says once it knows who asks."""

from __future__ import annotations

import pytest

from sip.stack.message.message import Response
from tests.sip.controller.network import Network, alice_and_bob
from tests.sip.controller.phone import Phone


def register(network: Network, alice: Phone, contact: str, to: str = "", *rows: tuple[str, str]) -> Response:
    """Have alice register a contact; return the final answer."""
    request = alice._request("REGISTER", "sip:trunkline.test", "alice", [("Contact", contact), *rows], b"")
    if to:
        request.set("To", to)
    alice._send(request)
    network.advance(1.0)
    return alice.responses[-1]


ESCAPED = "sip:user@192.0.2.10?Route=%3Csip:sip.example.com%3E"


def test_3_3_14_regescrt_a_contact_keeps_its_headers_and_is_called_without_them() -> None:
    network, alice, bob = alice_and_bob()
    alice.register(0)
    network.run()
    assert register(network, alice, f"<{ESCAPED}>").status == 200
    alice.fetch()
    network.run()
    [contact] = alice.responses[-1].contacts
    assert str(contact.uri) == ESCAPED
    bob.call("101")
    network.advance(1.0)
    [invite] = alice.requests
    assert (invite.uri, invite.get("Route")) == ("sip:user@192.0.2.10", None)


@pytest.mark.parametrize(
    ("contact", "to", "status"),
    [
        (f"{ESCAPED};expires=60", "", 400),
        ("<name:John_Smith>", "", 403),
        ("<sip:alice@192.0.2.10>", "isbn:2983792873", 400),
        ("<sip:%00@192.0.2.10>", "", 200),
        ("sip:+19725552222@192.0.2.10;unknownparam", "", 200),
        ("<sip:+19725552222@192.0.2.10;unknownparam>", "", 200),
    ],
    ids=["3.1.2.13 regbadct", "3.3.4 contact", "3.3.4 unksm2", "3.1.1.4 escnull", "3.3.12 cparam01", "3.3.13 cparam02"],
)
def test_a_registration_is_taken_or_refused(contact: str, to: str, status: int) -> None:
    network, alice, _ = alice_and_bob()
    before = network.switch.locations.bindings("alice", network.wall)
    assert register(network, alice, contact, to).status == status
    after = network.switch.locations.bindings("alice", network.wall)
    assert (len(after) - len(before)) == (1 if status == 200 else 0)


def test_3_3_12_a_parameter_without_brackets_is_the_headers_and_with_them_the_uris() -> None:
    network, alice, _ = alice_and_bob()
    bare = register(network, alice, "sip:x@192.0.2.10;unknownparam").contacts[-1]
    assert str(bare.uri) == "sip:x@192.0.2.10"
    enclosed = register(network, alice, "<sip:y@192.0.2.10;unknownparam>").contacts[-1]
    assert str(enclosed.uri) == "sip:y@192.0.2.10;unknownparam"
