"""RFC 4235: lamps. Alice watches bob while bob calls and is called."""

from __future__ import annotations

from collections import Counter

import pytest

from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.policy import Target
from sip.stack.bodies.xml import Element, parse
from tests.sip.controller.business import directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.watching import Watch, lose_the_first, subscribe, try_subscribe


class Desk:
    """Alice watches bob; carol calls him; dave is another tenant's."""

    def __init__(self) -> None:
        entries: list[LineEntry | TrunkEntry] = [
            line(1, "alice"),
            line(2, "bob"),
            line(3, "carol"),
            line(4, "dave", tenant_id=8),
            trunk(1, "192.0.2.99"),
        ]
        self.network = Network(directory(*entries))
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.carol = self.network.phone("192.0.2.30", "carol", "pw-carol")
        for phone in (self.alice, self.bob, self.carol):
            phone.register()
        self.network.run()
        self.core = self.network.core

    def watch(self, user: str = "102") -> Watch:
        """Let alice watch."""
        return subscribe(self.network, self.alice, user, "dialog")


def root(body: str) -> Element:
    return parse(body.encode())


def told(watch: Watch) -> list[list[tuple[str, str, str]]]:
    """Return, of each NOTIFY, direction, state and event of its dialogs."""
    found = []
    for body in watch.bodies:
        dialogs = root(body).children
        states = [dialog.children[0] for dialog in dialogs]
        found.append(
            [
                (dialog.attribute("direction"), state.text, state.attribute("event"))
                for dialog, state in zip(dialogs, states, strict=True)
            ]
        )
    return found


def party(dialog: Element, role: str) -> str:
    [found] = [child for child in dialog.children if child.name[1] == role]
    return found.children[0].text


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_idle_line_has_a_full_document_without_dialogs(desk: Desk) -> None:
    watch = desk.watch()
    document = root(watch.bodies[0])
    assert document.name == ("urn:ietf:params:xml:ns:dialog-info", "dialog-info")
    assert (document.attribute("version"), document.attribute("state")) == ("0", "full")
    assert document.attribute("entity") == "sip:bob@trunkline.test"
    assert document.children == []
    assert watch.notifies[0].get("Content-Type") == "application/dialog-info+xml"


def test_a_called_line_rings_talks_and_is_free_again(desk: Desk) -> None:
    watch = desk.watch()
    desk.network.advance(2.0)
    desk.carol.call("102")
    desk.network.advance(2.0)
    desk.bob.pick_up()
    desk.network.advance(2.0)
    desk.carol.hang_up()
    desk.network.advance(2.0)
    assert [body for body in told(watch) if body] == [
        [("recipient", "trying", "")],
        [("recipient", "early", "")],
        [("recipient", "confirmed", "")],
        [("recipient", "terminated", "remote-bye")],
    ]
    assert [root(body).attribute("version") for body in watch.bodies] == [str(n) for n in range(len(watch.bodies))]
    assert {root(body).attribute("state") for body in watch.bodies[1:]} == {"partial"}
    assert len({root(body).children[0].attribute("id") for body in watch.bodies[1:]}) == 1


def test_the_parties_and_the_dialog_of_a_call_are_named(desk: Desk) -> None:
    watch = desk.watch()
    desk.bob.on_invite = (180, 200)
    desk.carol.call("102")
    desk.network.advance(3.0)
    [dialog] = root(watch.bodies[-1]).children
    assert party(dialog, "local") == "sip:bob@trunkline.test"
    assert party(dialog, "remote") == "sip:103@trunkline.test"
    assert desk.bob.dialog is not None
    theirs = (dialog.attribute("call-id"), dialog.attribute("local-tag"), dialog.attribute("remote-tag"))
    assert theirs == desk.bob.dialog.key


def test_a_line_that_calls_out_is_the_initiator(desk: Desk) -> None:
    watch = desk.watch()
    desk.carol.on_invite = (180, 200)
    desk.bob.call("103")
    desk.network.advance(3.0)
    [dialog] = root(watch.bodies[-1]).children
    assert (dialog.attribute("direction"), party(dialog, "remote")) == ("initiator", "sip:103@trunkline.test")
    assert desk.bob.dialog is not None
    theirs = (dialog.attribute("call-id"), dialog.attribute("local-tag"), dialog.attribute("remote-tag"))
    assert theirs == desk.bob.dialog.key
    desk.bob.hang_up()
    desk.network.advance(3.0)
    assert told(watch)[-1] == [("initiator", "terminated", "local-bye")]


def test_a_call_given_up_is_cancelled(desk: Desk) -> None:
    watch = desk.watch()
    desk.carol.call("102")
    desk.network.advance(2.0)
    desk.carol.cancel()
    desk.network.advance(2.0)
    assert told(watch)[-1] == [("recipient", "terminated", "cancelled")]


def test_a_call_refused_is_rejected_with_its_status(desk: Desk) -> None:
    watch = desk.watch()
    desk.carol.call("102")
    desk.network.advance(2.0)
    desk.bob.respond(486)
    desk.network.advance(2.0)
    assert told(watch)[-1] == [("recipient", "terminated", "rejected")]
    assert root(watch.bodies[-1]).children[0].children[0].attribute("code") == "486"


def test_a_call_that_goes_on_elsewhere_leaves_the_first_line(desk: Desk) -> None:
    desk.network.policy.targets = (Target("line", 2, "", "104", ring_timeout_s=5.0), Target("line", 3, "", "104"))
    bob, carol = desk.watch("102"), desk.watch("103")
    desk.alice.call("555")
    desk.network.advance(10.0)
    assert told(bob)[-1] == [("recipient", "terminated", "cancelled")]
    assert told(carol)[-1] == [("recipient", "early", "")]


def test_who_subscribes_in_the_middle_of_a_call_is_told_of_it(desk: Desk) -> None:
    desk.bob.on_invite = (180, 200)
    desk.carol.call("102")
    desk.network.advance(3.0)
    assert told(desk.watch()) == [[("recipient", "confirmed", "")]]


def test_a_refresh_tells_everything_there_is(desk: Desk) -> None:
    watch = desk.watch()
    desk.bob.on_invite = (180, 200)
    desk.carol.call("102")
    desk.network.advance(3.0)
    watch.refresh(600)
    assert root(watch.bodies[-1]).attribute("state") == "full"
    assert told(watch)[-1] == [("recipient", "confirmed", "")]


def test_a_call_shorter_than_the_interval_is_never_half_told(desk: Desk) -> None:
    watch = desk.watch()
    desk.carol.call("102")
    desk.network.run()
    desk.carol.cancel()
    desk.network.advance(5.0)
    assert told(watch) == [[], []]


def test_after_a_notify_that_was_refused_the_next_is_full(desk: Desk) -> None:
    watch = desk.watch()
    desk.network.advance(2.0)
    desk.alice.on_request = 500
    desk.carol.call("102")
    desk.network.advance(0.1)
    desk.alice.on_request = 200
    desk.network.advance(40.0)
    desk.bob.pick_up()
    desk.network.advance(2.0)
    assert [root(body).attribute("state") for body in watch.bodies] == ["full", "partial", "full", "partial"]
    assert told(watch)[2:] == [[("recipient", "early", "")], [("recipient", "confirmed", "")]]


def test_notifications_that_are_lost_leave_the_lamp_right(desk: Desk) -> None:
    watch = desk.watch()
    desk.network.lose = lose_the_first(5, "NOTIFY")
    desk.bob.on_invite = (180, 200)
    desk.carol.call("102")
    desk.network.advance(20.0)
    desk.carol.hang_up()
    desk.network.advance(20.0)
    assert told(watch)[-1] == [("recipient", "terminated", "remote-bye")]


# Who may watch, and what it costs


def test_another_tenants_calls_are_not_watched(desk: Desk) -> None:
    assert try_subscribe(desk.network, desk.alice, "dave", "dialog").status == 404
    assert try_subscribe(desk.network, desk.alice, "104", "dialog").status == 404


def test_calls_of_lines_nobody_watches_send_nothing_and_leave_nothing(desk: Desk) -> None:
    watch = desk.watch("101")
    desk.bob.on_invite = (180, 200)
    desk.carol.call("102")
    desk.network.advance(3.0)
    desk.carol.hang_up()
    desk.network.advance(40.0)
    assert len(watch.notifies) == 1
    package = desk.core.events.packages["dialog"]
    assert package.follower._calls == {}  # type: ignore[attr-defined]


def test_without_a_watcher_calls_are_not_even_looked_at(desk: Desk) -> None:
    assert desk.core.call_watch is None
    watch = desk.watch()
    assert desk.core.call_watch is not None
    watch.refresh(0)
    assert desk.core.call_watch is None


def test_nothing_is_left_of_a_hundred_watched_calls(desk: Desk) -> None:
    watch = desk.watch()
    desk.bob.on_invite = (180, 200)
    for _ in range(100):
        desk.carol.call("102")
        desk.network.advance(2.0)
        desk.carol.hang_up()
        desk.network.advance(2.0)
    package = desk.core.events.packages["dialog"]
    assert package.follower._calls == {}  # type: ignore[attr-defined]
    assert package.lines == {"bob": {}}  # type: ignore[attr-defined]
    [subscription] = desk.core.events.all()
    assert (subscription.told, subscription.ended) == ({}, {})
    states = Counter(state for document in told(watch) for _, state, _ in document)
    assert states["terminated"] == 100


def test_unwatching_in_the_middle_of_a_call_forgets_it(desk: Desk) -> None:
    watch = desk.watch()
    desk.bob.on_invite = (180, 200)
    desk.carol.call("102")
    desk.network.advance(3.0)
    watch.refresh(0)
    package = desk.core.events.packages["dialog"]
    assert (package.follower._calls, package.lines) == ({}, {})  # type: ignore[attr-defined]
    desk.carol.hang_up()
    desk.network.advance(3.0)
    assert len(desk.network.journal.records) == 1
