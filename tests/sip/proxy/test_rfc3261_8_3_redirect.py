"""RFC 3261 §8.3: the redirect server says where somebody is and takes no part."""

from __future__ import annotations

from tests.sip.controller.phone import Phone
from tests.sip.proxy.world import three_phones, two_phones


def ask(alice: Phone, uri: str = "sip:bob@trunkline.test", method: str = "INVITE", *rows: tuple[str, str]) -> None:
    """Have alice ask for a user."""
    alice._send(alice._request(method, uri, "bob", [alice.contact, *rows], b""))


def test_a_caller_is_told_all_contacts_and_nobody_is_called() -> None:
    world, alice, desk, mobile = three_phones("redirect")
    desk.register(600, ("Contact", "<sip:bob@192.0.2.20:5060>;q=0.2"))
    world.run()
    world.advance(100.0)
    ask(alice)
    world.advance(1.0)
    assert alice.statuses == [407, 302]
    assert alice.responses[-1].values("Contact") == [
        "<sip:bob@192.0.2.21:5060>;expires=500;q=0.5",
        "<sip:bob@192.0.2.20:5060>;expires=500;q=0.2",
    ]
    assert desk.requests == mobile.requests == []
    world.advance(40.0)
    assert world.endpoint.transactions == 0


def test_who_is_not_here_and_who_does_not_exist_are_told_apart_within_the_tenant_only() -> None:
    world, alice, bob = two_phones("redirect")
    bob.register(0)
    world.run()
    for user in ("bob@trunkline.test", "carol@trunkline.test", "none@trunkline.test", "x@elsewhere.test"):
        ask(alice, f"sip:{user}")
        world.advance(1.0)
    assert [status for status in alice.statuses if status != 407] == [480, 404, 404, 404]


def test_who_does_not_prove_himself_learns_nothing() -> None:
    world, alice, _ = two_phones("redirect")
    alice.password = ""
    ask(alice)
    world.advance(1.0)
    assert alice.statuses == [407]
    assert alice.responses[-1].get("Contact") is None


def test_other_methods_and_dialogs_of_others_are_refused() -> None:
    world, alice, bob = two_phones("redirect")
    ask(alice, method="MESSAGE")
    world.advance(1.0)
    assert alice.responses[-1].status == 302
    ask(alice, method="INFO")
    world.advance(1.0)
    assert alice.responses[-1].status == 405
    ask(alice, "sip:bob@trunkline.test", "BYE", ("To", "<sip:bob@trunkline.test>;tag=1"))
    world.advance(1.0)
    assert alice.responses[-1].status == 481
    ask(alice, "sip:bob@trunkline.test", "INVITE", ("Require", "magic"))
    world.advance(1.0)
    assert (alice.statuses[-1], alice.responses[-1].get("Unsupported")) == (420, "magic")
    assert bob.requests == []


def test_cancel_of_an_invite_that_was_redirected_changes_nothing() -> None:
    world, alice, _ = two_phones("redirect")
    ask(alice)
    world.advance(1.0)
    alice.cancel()
    world.advance(1.0)
    assert alice.statuses == [407, 302]
