"""RFC 3903 and 3856: a device publishes, colleagues watch; the registration speaks where nobody publishes."""

from __future__ import annotations

import pytest

from sip.controller.events import limits
from sip.stack.bodies.xml import Element, parse
from sip.stack.message.message import Response
from sip.stack.message.subscription_state import SubscriptionState
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import Network
from tests.sip.controller.watching import Watch, ask, lose_the_first, subscribe, try_subscribe

PIDF = ("Content-Type", "application/pidf+xml")
PRESENCE = ("Event", "presence")


def document(basic: str = "open", note: str = "", id_: str = "t1") -> bytes:
    """Return what a phone publishes."""
    text = f"<note>{note}</note>" if note else ""
    return (
        '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@trunkline.test">'
        f'<tuple id="{id_}"><status><basic>{basic}</basic></status>{text}</tuple></presence>'
    ).encode()


class Office:
    """Alice watches, bob publishes, carol is another tenant's."""

    def __init__(self) -> None:
        self.network = Network(directory(line(1, "alice"), line(2, "bob"), line(3, "carol", tenant_id=8)))
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.core = self.network.core

    def publish(self, *rows: tuple[str, str], body: bytes = b"", user: str = "bob", etag: str = "") -> Response:
        """Let bob publish."""
        kept = [PRESENCE] if not any(name == "Event" for name, _ in rows) else []
        kept += [PIDF] if body and not any(name == "Content-Type" for name, _ in rows) else []
        kept += [("SIP-If-Match", etag)] if etag else []
        return ask(self.network, self.bob, "PUBLISH", user, *kept, *rows, body=body)

    def watch(self) -> Watch:
        """Let alice watch bob."""
        return subscribe(self.network, self.alice, "bob", "presence")


def statuses(body: str) -> list[tuple[str, str]]:
    """Return id and basic status of each tuple."""
    return [(child.attribute("id"), child.children[0].children[0].text) for child in tuples(body)]


def tuples(body: str) -> list[Element]:
    return [child for child in parse(body.encode()).children if child.name[1] == "tuple"]


@pytest.fixture
def office() -> Office:
    return Office()


# RFC 3856: without a publication


def test_a_line_that_is_not_registered_is_closed(office: Office) -> None:
    watch = office.watch()
    assert statuses(watch.bodies[0]) == [("registration", "closed")]
    assert watch.notifies[0].get("Content-Type") == "application/pidf+xml"
    assert parse(watch.notifies[0].body).attribute("entity") == "sip:bob@trunkline.test"


def test_watchers_hear_when_a_line_registers_and_when_it_goes(office: Office) -> None:
    watch = office.watch()
    office.network.advance(6.0)
    office.bob.register(100)
    office.network.advance(1.0)
    assert statuses(watch.bodies[-1]) == [("registration", "open")]
    office.network.advance(50.0)
    office.bob.register(100)
    office.network.advance(10.0)
    assert len(watch.notifies) == 2, "a renewal is no news"
    office.network.advance(200.0)
    assert statuses(watch.bodies[-1]) == [("registration", "closed")]
    assert len(watch.notifies) == 3


def test_a_colleague_is_found_by_extension_too(office: Office) -> None:
    assert try_subscribe(office.network, office.alice, "102", "presence").status == 200
    assert try_subscribe(office.network, office.alice, "103", "presence").status == 404


# §6: the steps


def test_a_publication_is_answered_with_a_tag_and_told_to_watchers(office: Office) -> None:
    watch = office.watch()
    office.network.advance(6.0)
    response = office.publish(("Expires", "600"), body=document("open", "at my desk"))
    assert (response.status, response.get("Expires")) == (200, "600")
    assert response.get("SIP-ETag")
    [tuple_] = tuples(watch.bodies[-1])
    assert [child.text for child in tuple_.children[1:]] == ["at my desk"]


def test_who_publishes_closed_is_closed_although_registered(office: Office) -> None:
    office.bob.register()
    office.network.run()
    office.publish(body=document("closed"))
    assert statuses(office.watch().bodies[0]) == [("p1-t1", "closed")]


def test_only_the_line_itself_may_publish_about_it(office: Office) -> None:
    assert office.publish(body=document(), user="alice").status == 403
    assert office.publish(body=document(), user="carol").status == 404
    assert office.publish(body=document(), user="nobody").status == 404
    assert office.publish(body=document(), user="102").status == 200


def test_without_password_nobody_publishes(office: Office) -> None:
    office.bob.password = ""
    assert office.publish(body=document()).status == 401
    office.bob.password = "wrong"
    assert office.publish(body=document()).status == 403
    assert len(office.core.publications) == 0


def test_an_event_that_cannot_be_published_is_489(office: Office) -> None:
    response = office.publish(("Event", "dialog"), body=document())
    assert (response.status, response.get("Allow-Events")) == (489, "message-summary, presence")


def test_a_body_is_wanted_at_first(office: Office) -> None:
    assert office.publish().status == 400


@pytest.mark.parametrize(
    ("rows", "body", "status", "header"),
    [
        ((("Content-Type", "text/plain"),), document(), 415, ("Accept", "application/pidf+xml")),
        ((("Content-Encoding", "gzip"),), document(), 415, ("Accept-Encoding", "identity")),
        ((), b" " * (limits.PUBLISH_BYTES_MAX + 1), 413, ("Accept", "")),
        ((), b"<!DOCTYPE a><a/>", 400, ("Accept", "")),
        ((), b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><presence>&x;</presence>', 400, ("Accept", "")),
        ((), b"<a>" * 100 + b"</a>" * 100, 400, ("Accept", "")),
        ((), document().replace(b'"1.0"?', b'"1.0" encoding="utf-7"?'), 400, ("Accept", "")),
        ((), document("perhaps"), 400, ("Accept", "")),
        ((("Expires", "59"),), document(), 423, ("Min-Expires", "60")),
        ((("SIP-If-Match", "a"), ("SIP-If-Match", "b")), document(), 400, ("Accept", "")),
        ((("SIP-If-Match", "a, b"),), document(), 400, ("Accept", "")),
        ((("SIP-If-Match", "unknown"),), document(), 412, ("Accept", "")),
    ],
)
def test_a_bad_publication_changes_nothing(
    office: Office, rows: tuple[tuple[str, str], ...], body: bytes, status: int, header: tuple[str, str]
) -> None:
    watch = office.watch()
    response = office.publish(*rows, body=body)
    assert response.status == status
    assert (response.get(header[0]) or "") == header[1]
    assert len(office.core.publications) == 0
    office.network.advance(10.0)
    assert len(watch.notifies) == 1


def test_a_refresh_gets_a_new_tag_keeps_the_state_and_is_no_news(office: Office) -> None:
    first = office.publish(("Expires", "100"), body=document("open", "here"))
    watch = office.watch()
    office.network.advance(90.0)
    second = office.publish(("Expires", "100"), etag=first.get("SIP-ETag") or "")
    assert second.status == 200
    assert second.get("SIP-ETag") != first.get("SIP-ETag")
    office.network.advance(90.0)
    assert len(watch.notifies) == 1
    assert office.publish(etag=first.get("SIP-ETag") or "").status == 412


def test_a_modification_takes_the_place_of_what_was_published(office: Office) -> None:
    first = office.publish(body=document("open"))
    watch = office.watch()
    office.network.advance(6.0)
    office.publish(body=document("closed"), etag=first.get("SIP-ETag") or "")
    assert [statuses(body) for body in watch.bodies] == [[("p1-t1", "open")], [("p1-t1", "closed")]]


def test_expires_0_takes_it_back(office: Office) -> None:
    first = office.publish(body=document("open"))
    watch = office.watch()
    office.network.advance(6.0)
    response = office.publish(("Expires", "0"), etag=first.get("SIP-ETag") or "")
    assert (response.status, response.get("Expires")) == (200, "0")
    assert statuses(watch.bodies[-1]) == [("registration", "closed")]
    assert len(office.core.publications) == 0


def test_a_first_publication_with_expires_0_stores_nothing(office: Office) -> None:
    assert office.publish(("Expires", "0"), body=document()).status == 200
    assert len(office.core.publications) == 0


def test_a_publication_that_is_not_refreshed_is_forgotten(office: Office) -> None:
    office.publish(("Expires", "100"), body=document("open"))
    watch = office.watch()
    office.network.advance(101.0)
    assert statuses(watch.bodies[-1]) == [("registration", "closed")]
    assert len(office.core.publications) == 0


def test_the_publications_of_several_devices_stand_side_by_side(office: Office) -> None:
    office.publish(body=document("open"))
    office.publish(body=document("closed"))
    assert statuses(office.watch().bodies[0]) == [("p1-t1", "open"), ("p2-t1", "closed")]


def test_over_the_bound_the_oldest_publication_goes(office: Office) -> None:
    first = office.publish(body=document())
    for _ in range(limits.RESOURCE_PUBLICATIONS_MAX):
        office.publish(body=document())
    assert len(office.core.publications) == limits.RESOURCE_PUBLICATIONS_MAX
    assert office.publish(etag=first.get("SIP-ETag") or "").status == 412


def test_a_repeated_publish_is_stored_once(office: Office) -> None:
    office.network.lose = lose_the_first(2, "200 PUBLISH")
    response = office.publish(body=document())
    office.network.advance(5.0)
    assert office.bob.responses[-1].status == 200
    assert len(office.core.publications) == 1
    assert response.status == 401


def test_after_a_crash_a_refresh_is_412_so_that_the_device_publishes_anew(office: Office) -> None:
    first = office.publish(body=document())
    office.network.restart()
    assert office.publish(etag=first.get("SIP-ETag") or "").status == 412


# Under five per cent of loss, repetition and another order


def test_every_watcher_ends_up_with_the_last_state_though_much_is_lost(office: Office) -> None:
    watch = office.watch()
    counter = [0]

    def lose(_: object) -> bool:
        counter[0] += 1
        return counter[0] % 4 == 0

    office.network.lose = lose
    etag = ""
    for number in range(20):
        office.publish(body=document("open", f"state {number}"), etag=etag)
        office.network.advance(10.0)
        assert office.bob.responses[-1].status == 200
        etag = office.bob.responses[-1].get("SIP-ETag") or ""
    office.network.advance(40.0)
    assert "state 19" in watch.bodies[-1]
    assert watch.states[-1].state == "active"


def test_a_watcher_of_a_line_that_is_deleted_is_told_noresource(office: Office) -> None:
    watch = office.watch()
    office.network.switch.directory = directory(line(1, "alice"), line(2, "bob", is_active=False))
    office.core.mailboxes.set("bob", None)
    office.network.advance(590.0)
    watch.refresh(600)
    assert watch.phone.responses[-1].status == 404
    office.network.advance(20.0)
    assert watch.states[-1] == SubscriptionState("terminated", None, "timeout")
