"""RFC 3428: messages between lines and from trunks, now and later, under loss, on the hand-moved clock."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.messages import limits
from sip.controller.messages.page import PageMessage
from sip.controller.messages.store import Kept
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from tests.sip.controller.business import directory, line, trunk
from tests.sip.controller.network import EPOCH, Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.test_rfc3842_mwi import NumberPolicy
from tests.sip.controller.watching import ask, lose_the_first

TEXT = ("Content-Type", "text/plain")


class FakeStore:
    """A store in memory that outlives the switch; JSON goes through text, as in Redis."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.outcome = Kept.KEPT
        self.claimed: list[str] = []
        self.is_slow = False
        self.waiting: list[Callable[[], None]] = []

    def has_waiting(self, username: str) -> bool:
        """Look."""
        return bool(self.texts.get(username))

    def keep(self, message: PageMessage, wall: float, done: Callable[[Kept], None]) -> None:
        """Keep, at once or when the test says so."""
        if self.is_slow:
            self.waiting.append(lambda: self._keep(message, done))
        else:
            self._keep(message, done)

    def _keep(self, message: PageMessage, done: Callable[[Kept], None]) -> None:
        if self.outcome is Kept.KEPT:
            self.texts.setdefault(message.username, []).append(json.dumps(message.to_json()))
        done(self.outcome)

    def claim(self, username: str, count: int, done: Callable[[Sequence[PageMessage]], None]) -> None:
        """Give the oldest."""
        self.claimed.append(username)
        done([PageMessage.from_json(json.loads(text)) for text in self.texts.get(username, [])[:count]])

    def remove(self, message: PageMessage) -> None:
        """Forget."""
        kept = self.texts.get(message.username, [])
        self.texts[message.username] = [text for text in kept if json.loads(text)["id"] != message.id]

    def release(self, username: str) -> None:
        """Note it."""
        self.claimed.remove(username)

    def flush(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for step in waiting:
            step()

    def count(self, username: str = "bob") -> int:
        """Return how many wait."""
        return len(self.texts.get(username, ()))


class Post:
    """Alice and bob of one tenant, carol of another, a carrier."""

    def __init__(self) -> None:
        entries: list[LineEntry | TrunkEntry] = [
            line(1, "alice"),
            line(2, "bob"),
            line(3, "carol", tenant_id=8),
            trunk(1, "192.0.2.99"),
        ]
        self.store = FakeStore()
        self.network = Network(directory(*entries), NumberPolicy(), message_store=self.store)
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.carol = self.network.phone("192.0.2.30", "carol", "pw-carol")
        self.carrier = self.network.phone("192.0.2.99")

    def register(self, *phones: Phone) -> None:
        """Register phones."""
        for phone in phones:
            phone.register()
        self.network.run()

    def send(
        self, text: bytes = b"hello", user: str = "102", *rows: tuple[str, str], phone: Phone | None = None
    ) -> Response:
        """Let alice send a message; returns the last answer so far."""
        return ask(self.network, phone or self.alice, "MESSAGE", user, TEXT, *rows, body=text)

    def got(self, phone: Phone | None = None) -> list[bytes]:
        """Return the messages that reached a phone, bob's unless told."""
        return [request.body for request in self.messages(phone)]

    def messages(self, phone: Phone | None = None) -> list[Request]:
        """Return the same as requests."""
        return [request for request in (phone or self.bob).requests if request.method == "MESSAGE"]


def flow_to(phone: Phone) -> Flow:
    """Return the flow from the switch to a phone."""
    return Flow(phone.flow.transport, phone.flow.remote, phone.flow.local)


@pytest.fixture
def post() -> Post:
    return Post()


# §8, §9: what is refused


def test_without_password_nobody_sends(post: Post) -> None:
    post.register(post.bob)
    post.alice.password = ""
    assert post.send().status == 407
    post.alice.password = "wrong"
    assert post.send().status == 403
    assert post.got() == []
    assert post.store.count() == 0


def test_over_udp_a_message_of_more_than_1300_bytes_is_513_unchallenged(post: Post) -> None:
    post.register(post.bob)
    assert post.send(b"x" * 1000).status == 513
    assert post.got() == []
    assert post.send(b"x" * 200).status == 200


@pytest.mark.parametrize("user", ["nobody", "carol", "+33123456789"])
def test_who_is_no_line_of_the_tenant_and_no_number_of_the_platform_is_404(post: Post, user: str) -> None:
    post.register(post.bob, post.carol)
    assert post.send(b"hello", user).status == 404
    assert post.got(post.carol) == []
    assert post.store.texts == {}


def test_a_blocked_line_does_not_send(post: Post) -> None:
    post.network.switch.directory = directory(line(1, "alice", is_active=False), line(2, "bob"))
    assert post.send().status == 403


def test_who_sends_too_fast_is_told_when_to_go_on(post: Post) -> None:
    post.register(post.bob)
    answers = [post.send(b"%d" % number) for number in range(limits.BURST_MAX + 1)]
    assert [answer.status for answer in answers] == [200] * limits.BURST_MAX + [480]
    assert answers[-1].get("Retry-After") == "2"
    post.network.advance(2.0)
    assert post.send(b"more").status == 200
    assert len(post.got()) == limits.BURST_MAX + 1


def test_one_senders_haste_is_not_anothers(post: Post) -> None:
    post.register(post.alice, post.bob)
    for _ in range(limits.BURST_MAX + 1):
        post.send()
    assert post.send(b"hi", "101", phone=post.bob).status == 200


# §4, §7: delivery


@pytest.mark.parametrize("user", ["102", "bob", "+442000000102"])
def test_a_message_reaches_the_line_by_extension_username_or_number(post: Post, user: str) -> None:
    post.register(post.bob)
    response = post.send(b"h\xc3\xa9llo", user, ("Subject", "greeting"))
    assert (response.status, response.body, response.get("Contact")) == (200, b"", None)
    [message] = post.messages()
    assert message.body == b"h\xc3\xa9llo"
    assert (message.get("Content-Type"), message.get("Subject")) == ("text/plain", "greeting")
    assert message.from_.uri.user == "101"
    assert message.get("Contact") is None
    assert message.get("Date") == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert message.uri == "sip:bob@192.0.2.20:5060"


def test_nothing_of_the_senders_side_reaches_the_recipient(post: Post) -> None:
    post.register(post.bob)
    post.send()
    [message] = post.messages()
    for secret in (b"192.0.2.10", b"a-side.example", b"secret name", b"call-id-of-alice", b"ua-of-alice"):
        assert secret not in bytes(message)


def test_all_contacts_get_it_and_the_sender_one_answer(post: Post) -> None:
    second = post.network.phone("192.0.2.21", "bob", "pw-bob")
    post.register(post.bob, second)
    second.on_request = 405
    assert post.send().status == 200
    assert post.got(post.bob) == post.got(second) == [b"hello"]
    assert [answer.status for answer in post.alice.responses] == [407, 200]


def test_a_phone_with_two_flows_gets_it_over_the_newer_one_and_over_the_other_when_that_is_dead(post: Post) -> None:
    """RFC 5626 §5.3."""
    flows = [post.network.phone("192.0.2.21", port=port) for port in (5071, 5072)]
    instance = ';+sip.instance="<urn:uuid:1>"'
    for number, flow in enumerate(flows, 1):
        contact = f"<sip:bob@192.0.2.21:{flow.flow.local[1]};ob>{instance};reg-id={number}"
        post.bob.register(600, ("Contact", contact), ("Supported", "path, outbound"))
        post.network.run()
    bindings = post.network.switch.locations.bindings("bob", post.network.wall)
    moved = tuple(binding.over(flow_to(phone)) for binding, phone in zip(bindings, flows, strict=True))
    post.network.switch.locations.replace("bob", moved, post.network.wall)
    assert post.send(b"one").status == 200
    assert [len(post.got(flow)) for flow in flows] == [0, 1]
    flows[1].on_request = 430
    assert post.send(b"two").status == 200
    assert [post.got(flow) for flow in flows] == [[b"two"], [b"one", b"two"]]


@pytest.mark.parametrize(("status", "told"), [(405, 405), (415, 415), (501, 501), (603, 603)])
def test_a_refusal_of_the_phone_reaches_the_sender_and_nothing_is_kept(post: Post, status: int, told: int) -> None:
    post.register(post.bob)
    post.bob.on_request = status
    assert post.send().status == told
    assert post.store.count() == 0


@pytest.mark.parametrize("status", [401, 407])
def test_a_phones_challenge_is_not_answered_and_counts_as_absence(post: Post, status: int) -> None:
    post.register(post.bob)
    post.bob.on_request = status
    assert post.send().status == 202
    assert len(post.got()) == 1


def test_a_trunk_reaches_the_line_behind_a_number(post: Post) -> None:
    post.register(post.bob)
    row = ("From", "<sip:+33612345678@carrier.example>;tag=x")
    assert post.send(b"from outside", "+442000000102", row, phone=post.carrier).status == 200
    [message] = post.messages()
    assert message.body == b"from outside"
    assert post.send(b"x", "+442000000999", row, phone=post.carrier).status == 404


def test_a_lost_message_and_a_lost_answer_are_repeated_and_it_arrives_once(post: Post) -> None:
    post.register(post.bob)
    lost = {4, 5, 8, 9}
    first = len(post.network.sent)
    post.network.lose = lambda sent: len(post.network.sent) - first in lost
    post.send()
    post.network.advance(10.0)
    assert sum(sent.lost for sent in post.network.sent[first:]) == 4
    assert post.alice.responses[-1].status == 200
    assert post.got() == [b"hello"]


# §7: a relay that stores and forwards


def test_for_who_is_away_it_is_kept_then_202_and_brought_at_the_next_register(post: Post) -> None:
    assert post.send().status == 202
    assert post.store.count() == 1
    assert post.got() == []
    post.network.advance(3600.0)
    post.register(post.bob)
    [message] = post.messages()
    assert message.body == b"hello"
    assert message.get("Date") == "Fri, 15 Jan 2027 08:00:00 GMT", "when it was sent, not when it was brought"
    assert post.store.count() == 0
    post.register(post.bob)
    assert len(post.got()) == 1
    assert post.store.claimed == []


def test_202_is_said_only_once_it_is_kept(post: Post) -> None:
    post.store.is_slow = True
    assert post.send().status == 407
    post.network.advance(2.0)
    assert post.alice.responses[-1].status == 407
    post.store.flush()
    post.network.run()
    assert post.alice.responses[-1].status == 202


@pytest.mark.parametrize("outcome", [Kept.FULL, Kept.FAILED])
def test_what_cannot_be_kept_is_480(post: Post, outcome: Kept) -> None:
    post.store.outcome = outcome
    assert post.send().status == 480
    assert post.store.count() == 0


def test_they_are_brought_in_their_order_one_after_the_other(post: Post) -> None:
    for number in range(45):
        post.send(b"%d" % number)
        post.network.advance(2.0)
    post.network.lose = lose_the_first(3, "MESSAGE")
    post.register(post.bob)
    post.network.advance(60.0)
    assert post.got() == [b"%d" % number for number in range(45)]
    assert post.store.count() == 0


def test_a_phone_that_falls_silent_gets_the_rest_later_and_nothing_twice(post: Post) -> None:
    for number in range(3):
        post.send(b"%d" % number)
    post.network.lose = lambda sent: sent.text == "MESSAGE" and sent.data.endswith(b"1")
    post.register(post.bob)
    post.network.advance(40.0)
    assert post.got() == [b"0"]
    assert post.store.count() == 2
    post.network.lose = lambda sent: False
    post.register(post.bob)
    assert post.got() == [b"0", b"1", b"2"]


def test_a_message_the_phone_refuses_for_good_does_not_block_those_behind_it(
    post: Post, caplog: pytest.LogCaptureFixture
) -> None:
    post.send(b"secret words")
    post.bob.on_request = 415
    post.register(post.bob)
    assert post.store.count() == 0
    assert "recipient answers 415" in caplog.text
    assert "secret words" not in caplog.text


def test_a_silent_phone_counts_as_away_before_the_sender_gives_up(post: Post) -> None:
    post.register(post.bob)
    post.bob.is_dead = True
    post.send()
    post.network.advance(limits.LIVE_S_MAX - 1)
    assert post.alice.responses[-1].status == 100
    post.network.advance(2.0)
    assert post.alice.responses[-1].status == 202
    assert post.store.count() == 1


def test_a_phone_that_answers_late_has_it_and_it_is_not_kept_any_longer(post: Post) -> None:
    post.register(post.bob)
    post.network.lose = lambda sent: sent.text == "200 MESSAGE" and post.network.now < 20.0 and sent.source == "bob"
    post.send()
    post.network.advance(limits.LIVE_S_MAX + 1)
    assert post.store.count() == 1
    post.network.advance(10.0)
    assert post.store.count() == 0
    assert post.got() == [b"hello"]


def test_what_comes_while_others_wait_is_brought_after_them(post: Post) -> None:
    post.send(b"first")
    post.network.lose = lose_the_first(1, "MESSAGE")
    post.bob.register()
    post.network.run()
    post.network.lose = lose_the_first(1, "200 MESSAGE")
    assert post.send(b"second").status == 202
    post.network.advance(10.0)
    assert post.got() == [b"first", b"second"]
    assert post.store.count() == 0


def test_who_registers_while_it_is_being_kept_gets_it_at_once(post: Post) -> None:
    post.store.is_slow = True
    post.send()
    post.register(post.bob)
    assert post.got() == []
    post.store.flush()
    post.network.run()
    assert post.got() == [b"hello"]


def test_a_message_kept_survives_the_node(post: Post) -> None:
    post.send()
    post.network.restart()
    post.register(post.bob)
    assert post.got() == [b"hello"]
    assert post.store.count() == 0


def test_each_attempt_has_the_same_call_id_and_a_higher_number(post: Post) -> None:
    post.send()
    post.bob.on_request = 480
    post.register(post.bob)
    post.network.advance(10.0)
    post.bob.on_request = 200
    post.register(post.bob)
    first, second = post.messages()
    assert first.call_id == second.call_id
    assert first.from_tag == second.from_tag
    assert first.cseq.number < second.cseq.number


# §7: expiry


def test_a_message_expires_when_its_sender_says(post: Post) -> None:
    assert post.send(b"lunch?", "102", ("Expires", "60")).status == 202
    post.network.advance(61.0)
    post.register(post.bob)
    assert post.got() == []
    assert post.store.count() == 0


def test_expires_counts_from_the_date(post: Post) -> None:
    rows = (("Expires", "60"), ("Date", "Fri, 15 Jan 2027 07:59:30 GMT"))
    post.send(b"lunch?", "102", *rows)
    [text] = post.store.texts["bob"]
    assert json.loads(text)["expires_at"] == EPOCH + 30


@pytest.mark.parametrize("date", ["tomorrow", "Fri, 15 Jan 2099 07:59:30 GMT", "Fri, 99 Foo 2027 07:59:30 GMT"])
def test_a_date_nobody_believes_is_now(post: Post, date: str) -> None:
    post.send(b"hi", "102", ("Date", date))
    post.register(post.bob)
    assert post.messages()[0].get("Date") == "Fri, 15 Jan 2027 08:00:00 GMT"


def test_what_expires_at_once_is_delivered_now_or_never(post: Post) -> None:
    assert post.send(b"now", "102", ("Expires", "0")).status == 480
    post.register(post.bob)
    assert post.send(b"now", "102", ("Expires", "0")).status == 200


def test_that_somebody_types_is_not_kept(post: Post) -> None:
    body = b"<isComposing/>"
    row = ("Content-Type", "application/im-iscomposing+xml")
    assert ask(post.network, post.alice, "MESSAGE", "102", row, body=body).status == 480
    assert post.store.count() == 0


def test_a_message_goes_to_json_and_back() -> None:
    message = PageMessage("id", "bob", "<sip:a@b>", "t", (("Subject", "x\udce9"),), b"\x00\xff", 1.5)
    assert PageMessage.from_json(json.loads(json.dumps(message.to_json()))) == message
    for broken in ({}, {"id": "x"}, {**message.to_json(), "body": "!"}, {**message.to_json(), "rows": [["a"]]}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            PageMessage.from_json(broken)


def test_nothing_is_remembered_of_who_sent_long_ago(post: Post) -> None:
    post.register(post.bob)
    for _ in range(300):
        post.send()
        post.network.advance(40.0)
    core = post.network.switch._core
    assert len(core.message_rate) == 1
    assert core.postman._rounds == {}
    assert core.endpoint.transactions == 0
