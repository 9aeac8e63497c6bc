"""RFC 3680: a line watches its own registration."""

from __future__ import annotations

import pytest

from sip.stack.bodies.xml import Element, parse
from sip.stack.message.subscription_state import SubscriptionState
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import Network
from tests.sip.controller.watching import Watch, subscribe, try_subscribe

FIRST, SECOND = "<sip:alice@192.0.2.10:5060>", "<sip:alice@192.0.2.10:5070>"


class Home:
    """Alice with one phone that registers for two contacts."""

    def __init__(self) -> None:
        self.network = Network(directory(line(1, "alice"), line(2, "bob"), line(3, "carol", tenant_id=8)))
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")

    def register(self, contact: str = FIRST, expires_s: int = 600, *rows: tuple[str, str]) -> None:
        """Register alice."""
        self.alice.register(expires_s, ("Contact", contact), *rows)
        self.network.run()

    def watch(self) -> Watch:
        """Let alice watch herself."""
        return subscribe(self.network, self.alice, "alice", "reg")


def registration(body: str) -> Element:
    root = parse(body.encode())
    assert root.name == ("urn:ietf:params:xml:ns:reginfo", "reginfo")
    [found] = root.children
    return found


def contacts(body: str) -> list[tuple[str, str, str]]:
    """Return URI, state and event of each contact."""
    return [
        (row.children[0].text, row.attribute("state"), row.attribute("event")) for row in registration(body).children
    ]


@pytest.fixture
def home() -> Home:
    return Home()


def test_a_line_without_contacts_is_init(home: Home) -> None:
    watch = home.watch()
    assert registration(watch.bodies[0]).attribute("state") == "init"
    assert registration(watch.bodies[0]).attribute("aor") == "sip:alice@trunkline.test"
    assert contacts(watch.bodies[0]) == []
    assert watch.notifies[0].get("Content-Type") == "application/reginfo+xml"


def test_the_first_document_has_every_contact_in_full(home: Home) -> None:
    home.register(FIRST + ';q=0.5;+sip.instance="<urn:uuid:1>"')
    home.network.advance(10.0)
    watch = home.watch()
    root = parse(watch.bodies[0].encode())
    assert (root.attribute("version"), root.attribute("state")) == ("0", "full")
    assert registration(watch.bodies[0]).attribute("state") == "active"
    [contact] = registration(watch.bodies[0]).children
    assert contact.attribute("expires") == "590"
    assert contact.attribute("q") == "0.5"
    assert contact.attribute("cseq") == "2"
    assert [(child.name[1], child.text) for child in contact.children] == [
        ("uri", "sip:alice@192.0.2.10:5060"),
        ("unknown-param", '"<urn:uuid:1>"'),
    ]


def test_a_contact_that_comes_is_told_alone(home: Home) -> None:
    home.register(FIRST)
    watch = home.watch()
    home.network.advance(6.0)
    home.register(SECOND)
    home.network.run()
    assert parse(watch.bodies[-1].encode()).attribute("state") == "partial"
    assert parse(watch.bodies[-1].encode()).attribute("version") == "1"
    assert contacts(watch.bodies[-1]) == [("sip:alice@192.0.2.10:5070", "active", "registered")]


def test_a_renewal_is_no_news(home: Home) -> None:
    home.register(FIRST)
    watch = home.watch()
    home.network.advance(60.0)
    home.register(FIRST)
    home.network.advance(60.0)
    assert len(watch.notifies) == 1


def test_a_contact_that_expires_is_told_with_its_reason(home: Home) -> None:
    home.register(FIRST, 100)
    home.register(SECOND, 600)
    watch = home.watch()
    ids = [row.attribute("id") for row in registration(watch.bodies[0]).children]
    home.network.advance(170.0)
    assert contacts(watch.bodies[-1]) == [("sip:alice@192.0.2.10:5060", "terminated", "expired")]
    assert registration(watch.bodies[-1]).attribute("state") == "active"
    assert registration(watch.bodies[-1]).children[0].attribute("id") == ids[0]


def test_the_last_contact_that_goes_terminates_the_registration(home: Home) -> None:
    home.register(FIRST)
    watch = home.watch()
    home.network.advance(6.0)
    home.register("*", 0)
    home.network.run()
    assert contacts(watch.bodies[-1]) == [("sip:alice@192.0.2.10:5060", "terminated", "unregistered")]
    assert registration(watch.bodies[-1]).attribute("state") == "terminated"
    watch.refresh(600)
    assert registration(watch.bodies[-1]).attribute("state") == "init"


def test_what_comes_and_goes_within_the_interval_is_told_as_it_is_at_its_end(home: Home) -> None:
    home.register(FIRST)
    watch = home.watch()
    home.register(SECOND)
    home.register(SECOND, 0)
    home.register(FIRST, 0)
    home.network.advance(6.0)
    assert len(watch.notifies) == 2
    assert contacts(watch.bodies[-1]) == [("sip:alice@192.0.2.10:5060", "terminated", "unregistered")]


def test_a_contact_that_was_gone_for_a_moment_is_active(home: Home) -> None:
    home.register(FIRST)
    watch = home.watch()
    home.register(FIRST, 0)
    home.register(FIRST)
    home.network.advance(6.0)
    assert [row for row in contacts(watch.bodies[-1]) if row[1] == "terminated"] == []
    watch.refresh(600)
    assert contacts(watch.bodies[-1]) == [("sip:alice@192.0.2.10:5060", "active", "registered")]


def test_nobody_watches_where_a_colleagues_phones_are(home: Home) -> None:
    assert try_subscribe(home.network, home.bob, "alice", "reg").status == 403
    assert try_subscribe(home.network, home.bob, "carol", "reg").status == 404


def test_what_another_process_registers_is_told_as_well(home: Home) -> None:
    home.register(FIRST)
    watch = home.watch()
    home.network.advance(6.0)
    locations = home.network.switch.locations
    [binding] = locations.bindings("alice", home.network.wall)
    row = {**binding.to_json(), "uri": "sip:alice@192.0.2.77"}
    locations.apply_remote("alice", [row], [binding.key], home.network.wall)
    home.network.run()
    assert sorted(contacts(watch.bodies[-1])) == [
        ("sip:alice@192.0.2.10:5060", "terminated", "unregistered"),
        ("sip:alice@192.0.2.77", "active", "registered"),
    ]


def test_a_line_that_is_blocked_hears_rejected(home: Home) -> None:
    watch = home.watch()
    home.network.switch.directory = directory(line(1, "alice", is_active=False), line(2, "bob"))
    home.network.advance(6.0)
    locations = home.network.switch.locations
    locations.apply_remote("alice", [], [], home.network.wall)
    home.network.advance(600.0)
    assert watch.states[-1] == SubscriptionState("terminated", None, "timeout")
