"""RFC 6665: subscriptions of a package of the tests, under loss, refusal and silence, on the hand-moved clock."""

from __future__ import annotations

import pytest

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import limits, notifying
from sip.controller.events.package import Terms
from sip.controller.events.states import TRANSITIONS, Action, Input, State
from sip.controller.events.subscription import Subscription
from sip.stack.errors import RemoteProtocolError
from sip.stack.message.subscription_state import SubscriptionState
from tests.sip.controller.business import directory, line
from tests.sip.controller.network import Network
from tests.sip.controller.watching import Watch, ask, lose_the_first, state_of, subscribe, try_subscribe


class Colour:
    """A package: every line of a tenant has a colour."""

    def __init__(self) -> None:
        self.terms = Terms("colour", "text/colour", 5.0, 1800, 3600)
        self.colours: dict[str, str] = {}
        self.heard: list[str] = []

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Find a colleague; ``secret`` may not be watched."""
        found = core.directory.line_by_username(user)
        if found is None or found.tenant_id != watcher.tenant_id:
            raise RemoteProtocolError("Not Found", 404)
        if user == "secret":
            raise RemoteProtocolError("Forbidden", 403)
        return user

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Name the colour, and whether it is told anew."""
        kind = "full" if subscription.needs_full else "news"
        return f"{kind} {self.colours.get(subscription.resource, 'grey')}".encode()

    def watched(self, core: Core, resource: str) -> None:
        """Note it."""
        self.heard.append(f"+{resource}")

    def unwatched(self, core: Core, resource: str) -> None:
        """Note it."""
        self.heard.append(f"-{resource}")


class World:
    """Alice and bob of one tenant, carol of another, and the package."""

    def __init__(self) -> None:
        lines = [line(1, "alice"), line(2, "bob"), line(3, "carol", tenant_id=8), line(4, "secret")]
        self.network = Network(directory(*lines))
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.package = Colour()
        self.core = self.network.core
        self.core.events.add(self.package)

    def paint(self, colour: str, who: str = "bob") -> None:
        """Change a colour."""
        self.core.now = self.network.now
        self.package.colours[who] = colour
        notifying.resource_changed(self.core, "colour", who)
        self.network.run()

    def watch(self, expires_s: int = 600) -> Watch:
        """Let alice watch bob."""
        return subscribe(self.network, self.alice, "bob", "colour", expires_s)


@pytest.fixture
def world() -> World:
    return World()


# §4.2.1.1: what is refused


def test_an_unknown_package_is_489_with_those_there_are_and_no_challenge(world: World) -> None:
    response = try_subscribe(world.network, world.alice, "bob", "weather")
    assert response.status == 489
    assert "colour" in (response.get("Allow-Events") or "").split(", ")
    assert 401 not in [answer.status for answer in world.alice.responses]


def test_a_subscribe_without_event_is_489(world: World) -> None:
    assert ask(world.network, world.alice, "SUBSCRIBE", "bob").status == 489


def test_two_events_are_400(world: World) -> None:
    rows = [("Event", "colour"), ("Event", "colour")]
    assert ask(world.network, world.alice, "SUBSCRIBE", "bob", *rows).status == 400


def test_without_password_nobody_subscribes(world: World) -> None:
    world.alice.password = ""
    assert try_subscribe(world.network, world.alice, "bob", "colour").status == 401
    assert len(world.core.events) == 0


def test_a_wrong_password_is_403_and_no_notify_goes_out(world: World) -> None:
    world.alice.password = "wrong"
    assert try_subscribe(world.network, world.alice, "bob", "colour").status == 403
    assert "NOTIFY" not in world.network.texts("switch")


def test_another_tenants_user_answers_like_a_missing_one(world: World) -> None:
    foreign = try_subscribe(world.network, world.alice, "carol", "colour")
    missing = try_subscribe(world.network, world.alice, "nobody", "colour")
    assert (foreign.status, foreign.reason) == (missing.status, missing.reason) == (404, "Not Found")


def test_who_may_not_watch_is_403(world: World) -> None:
    assert try_subscribe(world.network, world.alice, "secret", "colour").status == 403


def test_a_blocked_line_may_not_watch(world: World) -> None:
    world.network.switch.directory = directory(line(1, "alice", is_active=False), line(2, "bob"))
    assert try_subscribe(world.network, world.alice, "bob", "colour").status == 403


def test_a_time_too_short_is_423_with_the_least_one(world: World) -> None:
    response = try_subscribe(world.network, world.alice, "bob", "colour", ("Expires", "59"))
    assert (response.status, response.get("Min-Expires")) == (423, "60")
    assert len(world.core.events) == 0


@pytest.mark.parametrize(
    ("accept", "status"),
    [("text/colour", 200), ("text/*", 200), ("*/*", 200), ("application/pidf+xml, text/colour;q=0.5", 200),
     ("application/pidf+xml", 406), ("", 406)],
)  # fmt: skip
def test_what_the_subscriber_cannot_read_is_406(world: World, accept: str, status: int) -> None:
    assert try_subscribe(world.network, world.alice, "bob", "colour", ("Accept", accept)).status == status


def test_two_contacts_are_400(world: World) -> None:
    response = try_subscribe(world.network, world.alice, "bob", "colour", ("Contact", "<sip:a@192.0.2.10>"))
    assert response.status == 400


def test_a_required_extension_is_420(world: World) -> None:
    response = try_subscribe(world.network, world.alice, "bob", "colour", ("Require", "eventlist"))
    assert (response.status, response.get("Unsupported")) == (420, "eventlist")


# §4.2.1.2: the first NOTIFY


def test_a_subscriber_is_told_the_state_at_once_in_the_dialog_of_the_200(world: World) -> None:
    world.package.colours["bob"] = "red"
    watch = world.watch()
    assert watch.response.get("Expires") == "600"
    [notify] = watch.notifies
    assert notify.body == b"full red"
    assert (notify.get("Event"), notify.get("Content-Type")) == ("colour", "text/colour")
    assert state_of(notify) == SubscriptionState("active", 600)
    assert notify.from_tag == watch.response.to_tag
    assert notify.uri == "sip:alice@192.0.2.10:5060"
    texts = world.network.texts("switch", "alice")
    assert texts[-2:] == ["200 SUBSCRIBE", "NOTIFY"]


def test_a_wish_too_long_is_shortened_and_none_gets_the_packages_time(world: World) -> None:
    assert try_subscribe(world.network, world.alice, "bob", "colour", ("Expires", "99999")).get("Expires") == "3600"
    assert try_subscribe(world.network, world.alice, "bob", "colour").get("Expires") == "1800"


def test_the_event_id_comes_back(world: World) -> None:
    watch = subscribe(world.network, world.alice, "bob", "colour;id=7")
    assert watch.notifies[0].get("Event") == "colour;id=7"


# §4.4.3: fetching


def test_expires_0_fetches_the_state_once_and_leaves_nothing(world: World) -> None:
    world.package.colours["bob"] = "red"
    watch = world.watch(0)
    assert watch.response.get("Expires") == "0"
    assert watch.states == [SubscriptionState("terminated", None, "timeout")]
    assert watch.bodies == ["full red"]
    assert len(world.core.events) == 0
    world.paint("blue")
    assert len(watch.notifies) == 1


# §4.2.1.4: refreshing, unsubscribing, expiry


def test_a_refresh_sets_the_life_anew_and_tells_everything_again(world: World) -> None:
    watch = world.watch(100)
    world.network.advance(90.0)
    response = watch.refresh(100)
    assert (response.status, response.get("Expires")) == (200, "100")
    assert watch.bodies == ["full grey", "full grey"]
    world.network.advance(90.0)
    world.paint("red")
    assert watch.bodies[-1] == "news red"
    assert watch.states[-1] == SubscriptionState("active", 10)


def test_without_refresh_it_ends_with_reason_timeout_and_hears_no_more(world: World) -> None:
    watch = world.watch(100)
    world.network.advance(101.0)
    assert watch.states[-1] == SubscriptionState("terminated", None, "timeout")
    assert watch.bodies[-1] == ""
    world.paint("red")
    assert len(watch.notifies) == 2
    assert watch.refresh(100).status == 481


def test_expires_0_unsubscribes_with_a_last_notify(world: World) -> None:
    watch = world.watch()
    assert watch.refresh(0).status == 200
    assert watch.states[-1] == SubscriptionState("terminated", None, "timeout")
    assert len(world.core.events) == 0
    assert watch.refresh(0).status == 481


def test_a_refresh_too_short_is_423_and_leaves_the_subscription(world: World) -> None:
    watch = world.watch()
    assert watch.refresh(10).status == 423
    assert len(world.core.events) == 1


def test_a_refresh_of_another_event_is_481(world: World) -> None:
    watch = world.watch()
    assert watch.refresh(600, event="colour;id=2").status == 481


def test_a_refresh_in_a_dialog_nobody_knows_is_481_without_challenge(world: World) -> None:
    watch = world.watch()
    watch.dialog.remote_tag = "other"
    assert watch.refresh(600).status == 481


def test_nobody_refreshes_what_another_line_began(world: World) -> None:
    watch = world.watch()
    watch.phone = world.bob
    watch.dialog.flow = world.bob.flow
    assert watch.refresh(0).status == 403
    assert len(world.core.events) == 1


def test_a_refresh_overtaken_on_its_way_is_500(world: World) -> None:
    watch = world.watch()
    watch.refresh(600)
    watch.dialog.local_cseq -= 3
    assert watch.refresh(0).status == 500
    assert len(world.core.events) == 1


def test_a_refresh_from_another_contact_moves_the_notifications(world: World) -> None:
    watch = world.watch()
    watch.dialog.local_contact = "<sip:alice@192.0.2.11:5070>"
    moved = world.network.phone("192.0.2.11", port=5070)
    watch.refresh(600)
    assert [request.method for request in moved.requests] == ["NOTIFY"]


# §4.2.2, §5.4.10: one at a time, the latest state, not too often


def test_changes_within_the_interval_are_told_once_with_the_latest_state(world: World) -> None:
    watch = world.watch()
    for colour in ("red", "green", "blue"):
        world.paint(colour)
    assert watch.bodies == ["full grey"]
    world.network.advance(5.0)
    assert watch.bodies == ["full grey", "news blue"]
    world.network.advance(60.0)
    assert len(watch.notifies) == 2


def test_a_change_after_the_interval_is_told_at_once(world: World) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.paint("red")
    assert watch.bodies == ["full grey", "news red"]


def test_while_a_notify_is_under_way_no_other_is_sent(world: World) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.network.lose = lose_the_first(2, "200 NOTIFY")
    world.paint("red")
    world.paint("green")
    world.network.advance(1.0)
    assert {request.cseq.number for request in watch.notifies} == {1, 2}
    world.network.advance(5.0)
    assert watch.bodies[-1] == "news green"


def test_a_lost_notify_is_repeated_until_it_arrives(world: World) -> None:
    world.network.lose = lose_the_first(3, "NOTIFY")
    watch = world.watch()
    assert watch.notifies == []
    world.network.advance(4.0)
    assert watch.bodies == ["full grey"]
    assert len(world.core.events) == 1


def test_a_refresh_while_a_notify_is_under_way_is_told_right_after_it(world: World) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.network.lose = lose_the_first(1, "200 NOTIFY")
    world.paint("red")
    watch.refresh(600)
    world.network.advance(1.0)
    assert watch.bodies[-1] == "full red"


# §4.2.2: refusals and silence


@pytest.mark.parametrize("status", [404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604])
def test_an_answer_that_denies_the_subscription_ends_it(world: World, status: int) -> None:
    world.watch()
    world.alice.on_request = status
    world.network.advance(6.0)
    world.paint("red")
    # RFC 4320: a 408 to another request than INVITE is never sent, so it is silence.
    world.network.advance(40.0 if status == 408 else 0.0)
    assert len(world.core.events) == 0
    assert world.package.heard == ["+bob", "-bob"]


def test_silence_for_64_t1_ends_it(world: World) -> None:
    watch = world.watch()
    world.alice.is_dead = True
    world.network.advance(6.0)
    world.paint("red")
    world.network.advance(31.0)
    assert len(world.core.events) == 1
    world.network.advance(2.0)
    assert len(world.core.events) == 0
    assert len(watch.notifies) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 486, 500, 503, 600])
def test_another_refusal_leaves_it_and_the_next_document_is_full(world: World, status: int) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.alice.on_request = status
    world.paint("red")
    world.alice.on_request = 200
    assert len(world.core.events) == 1
    world.network.advance(31.0)
    assert len(watch.notifies) == 2
    world.paint("green")
    assert watch.bodies[-1] == "full green"


def test_retry_after_is_waited_for(world: World) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.alice.on_request = 503
    world.alice.on_request_rows = [("Retry-After", "20 (in a meeting);duration=3600")]
    world.paint("red")
    world.alice.on_request = 200
    world.network.advance(19.0)
    assert len(watch.notifies) == 2
    world.network.advance(1.0)
    assert watch.bodies[-1] == "full red"


def test_a_dead_address_ends_it(world: World) -> None:
    world.watch()
    world.network.advance(6.0)
    [subscription] = world.core.events.all()
    notifying.on_notify_failure(world.core, subscription, 503)
    assert len(world.core.events) == 1, "nothing was under way"
    world.paint("red")


# Rights are asked again


def test_a_line_that_is_blocked_is_told_rejected(world: World) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.network.switch.directory = directory(line(1, "alice", is_active=False), line(2, "bob"))
    world.paint("red")
    assert watch.states[-1] == SubscriptionState("terminated", None, "rejected")
    assert watch.bodies[-1] == ""


def test_a_resource_that_is_deleted_is_told_noresource(world: World) -> None:
    watch = world.watch()
    world.network.advance(6.0)
    world.network.switch.directory = directory(line(1, "alice"))
    world.paint("red")
    assert watch.states[-1] == SubscriptionState("terminated", None, "noresource")


# Limits


def test_a_line_has_so_many_subscriptions_and_no_more(world: World) -> None:
    for number in range(limits.LINE_SUBSCRIPTIONS_MAX):
        subscribe(world.network, world.alice, "bob", f"colour;id={number}")
    assert try_subscribe(world.network, world.alice, "bob", "colour").status == 403
    assert len(world.core.events) == limits.LINE_SUBSCRIPTIONS_MAX


def test_nothing_is_left_of_a_thousand_subscriptions_that_came_and_went(world: World) -> None:
    for _ in range(1000):
        world.watch(0)
    events = world.core.events
    assert (len(events), events._by_dialog, events._by_resource, events._by_line) == (0, {}, {}, {})
    assert world.package.heard == ["+bob", "-bob"] * 1000


# A node that stops, and one that died


def test_a_node_that_stops_sends_its_subscribers_away_to_subscribe_anew(world: World) -> None:
    watch = world.watch()
    world.network.switch.stop(world.network.now, world.network.wall)
    world.network.run()
    assert watch.states[-1] == SubscriptionState("terminated", None, "deactivated")


def test_after_a_crash_a_refresh_is_481_so_that_the_phone_subscribes_anew(world: World) -> None:
    watch = world.watch()
    world.network.restart()
    world.network.core.events.add(world.package)
    assert watch.refresh(600).status == 481


# The table


def test_every_state_but_the_last_has_a_way_to_the_end() -> None:
    for state in State:
        reached = {state}
        for _ in State:
            reached |= {arrow[0] for (source, _), arrow in TRANSITIONS.items() if source in reached}
        assert State.OVER in reached


def test_only_a_state_without_a_notify_under_way_sends_one_unasked() -> None:
    sends = {Action.SEND, Action.SEND_FULL, Action.SEND_LAST}
    unanswered = {Input.SUBSCRIBED, Input.CHANGED, Input.CHANGED_EARLY, Input.DUE, Input.ENDED}
    senders = {state for (state, event), arrow in TRANSITIONS.items() if arrow[1] in sends and event in unanswered}
    assert senders == {State.IDLE, State.HELD}
