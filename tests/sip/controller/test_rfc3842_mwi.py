"""RFC 3842: the message lamp, from the media part, a carrier's NOTIFY or a PUBLISH."""

from __future__ import annotations

import pytest

from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.events import limits
from sip.controller.events.mailboxes import MailboxTable
from sip.controller.policy import CallOffer, Refusal, RoutePlan, Target
from sip.stack.bodies.message_summary import Counts, Summary
from sip.stack.message.message import Request, Response
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.phone import Phone
from tests.sip.controller.watching import Watch, ask, subscribe, try_subscribe

TYPE = ("Content-Type", "application/simple-message-summary")
EVENT = ("Event", "message-summary")
BODY = b"Messages-Waiting: yes\r\nMessage-Account: sip:bob@vmail.example\r\nVoice-Message: 4/8 (1/2)\r\n\r\nTo: x\r\n"


class NumberPolicy(FakePolicy):
    """+442000000102 is bob's number."""

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Find it."""
        if offer.dialled == "+442000000102":
            return self._plan("inbound", offer.dialled, "", (Target("line", 2, "", offer.caller),))
        return super().route(offer)


class House:
    """Bob and alice, carol of another tenant, a trusted carrier and a stranger."""

    def __init__(self) -> None:
        entries: list[LineEntry | TrunkEntry] = [
            line(1, "alice"),
            line(2, "bob"),
            line(3, "carol", tenant_id=8),
            trunk(1, "192.0.2.99"),
        ]
        self.network = Network(directory(*entries), NumberPolicy())
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.carrier = self.network.phone("192.0.2.99")
        self.stranger = self.network.phone("192.0.2.66")
        self.switch = self.network.switch

    def watch(self, phone: Phone | None = None) -> Watch:
        """Let bob watch his own mailbox."""
        return subscribe(self.network, phone or self.bob, "bob", "message-summary")

    def notify(
        self, phone: Phone, body: bytes = BODY, user: str = "+442000000102", event: str = "message-summary"
    ) -> Response:
        """Send a NOTIFY nobody asked for."""
        rows = [("Event", event), ("Subscription-State", "active"), TYPE]
        return ask(self.network, phone, "NOTIFY", user, *rows, body=body)


@pytest.fixture
def house() -> House:
    return House()


# §5.2: the body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Voice-Message: 1/2\r\n",
        b"Messages-Waiting: perhaps\r\n",
        b"Messages-Waiting: yes\r\nVoice-Message: many\r\n",
        b"Messages-Waiting: yes\r\nVoice-Message: -1/2\r\n",
        b"Messages-Waiting: yes\r\nVoice-Message: 1/99999999999\r\n",
        b"Messages-Waiting: yes\r\nVoice-Message: 1/2 (3)\r\n",
        b"Messages-Waiting: yes\r\n" + b"X: y\r\n" * 100,
    ],
)
def test_what_is_no_summary_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        Summary.parse(body)


def test_a_summary_is_read_without_what_is_about_single_messages() -> None:
    summary = Summary.parse(BODY)
    assert summary == Summary(True, (("voice-message", Counts(4, 8, 1, 2)),))
    assert summary.compose("sip:bob@trunkline.test") == (
        b"Messages-Waiting: yes\r\nMessage-Account: sip:bob@trunkline.test\r\nVoice-Message: 4/8 (1/2)\r\n"
    )


def test_names_and_blanks_are_read_as_loosely_as_the_rfc_has_them() -> None:
    summary = Summary.parse(b"messages-waiting:no\nfax-message : 0 / 2\nVOICE-MESSAGE:0/1(0/0)")
    assert summary == Summary(False, (("voice-message", Counts(0, 1)), ("fax-message", Counts(0, 2))))


def test_two_mailboxes_of_one_user_are_added_up() -> None:
    one = Summary.of({"voice-message": Counts(1, 2)})
    two = Summary.of({"voice-message": Counts(3, 4, 1, 0), "fax-message": Counts(0, 1)})
    assert one.plus(two) == Summary(True, (("voice-message", Counts(4, 6, 1, 0)), ("fax-message", Counts(0, 1))))


# Watching


def test_a_mailbox_nobody_knows_of_is_empty(house: House) -> None:
    watch = house.watch()
    assert watch.bodies == ["Messages-Waiting: no\r\nMessage-Account: sip:bob@trunkline.test\r\n"]
    assert watch.notifies[0].get("Content-Type") == "application/simple-message-summary"


def test_the_lamp_follows_what_the_media_part_says(house: House) -> None:
    watch = house.watch()
    house.network.advance(2.0)
    house.switch.set_mailbox("bob", Summary.of({"voice-message": Counts(2, 5)}))
    house.network.run()
    assert watch.bodies[-1].splitlines()[0] == "Messages-Waiting: yes"
    assert watch.bodies[-1].splitlines()[2] == "Voice-Message: 2/5 (0/0)"
    house.switch.set_mailbox("bob", Summary.of({"voice-message": Counts(2, 5)}))
    house.network.advance(5.0)
    assert len(watch.notifies) == 2, "what is said twice is told once"
    house.switch.set_mailbox("bob", None)
    house.network.run()
    assert watch.bodies[-1].splitlines()[0] == "Messages-Waiting: no"


def test_a_colleague_may_watch_and_another_tenant_may_not(house: House) -> None:
    house.watch(house.alice)
    assert try_subscribe(house.network, house.alice, "carol", "message-summary").status == 404


def test_mailboxes_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    table = MailboxTable()
    for number in range(limits.MAILBOXES_MAX):
        table.set(f"u{number}", Summary(True))
    table.set("one more", Summary(True))
    table.set("u0", Summary(False))
    assert table.get("one more") is None
    assert table.get("u0") == Summary(False)
    assert "more than 200000 mailboxes" in caplog.text


# From a carrier


def test_a_trusted_trunk_tells_the_counts_of_a_numbers_line(house: House) -> None:
    watch = house.watch()
    house.network.advance(2.0)
    assert house.notify(house.carrier).status == 200
    assert watch.bodies[-1].splitlines()[2] == "Voice-Message: 4/8 (1/2)"


def test_a_trunk_may_publish_the_same(house: House) -> None:
    watch = house.watch()
    house.network.advance(2.0)
    response = ask(house.network, house.carrier, "PUBLISH", "+442000000102", EVENT, TYPE, ("Expires", "100"), body=BODY)
    assert (response.status, response.get("Expires")) == (200, "100")
    assert watch.bodies[-1].splitlines()[2] == "Voice-Message: 4/8 (1/2)"
    house.network.advance(101.0)
    assert watch.bodies[-1].splitlines()[0] == "Messages-Waiting: no"


def test_a_trunk_may_not_publish_presence(house: House) -> None:
    response = ask(house.network, house.carrier, "PUBLISH", "+442000000102", ("Event", "presence"), TYPE, body=BODY)
    assert response.status == 401


def test_a_line_may_publish_its_own_mailbox(house: House) -> None:
    watch = house.watch()
    house.network.advance(2.0)
    house.switch.set_mailbox("bob", Summary.of({"voice-message": Counts(1, 0)}))
    assert ask(house.network, house.bob, "PUBLISH", "bob", EVENT, TYPE, body=BODY).status == 200
    house.network.advance(2.0)
    assert watch.bodies[-1].splitlines()[2] == "Voice-Message: 5/8 (1/2)"


def test_a_strangers_notify_is_481_and_changes_nothing(house: House) -> None:
    watch = house.watch()
    assert house.notify(house.stranger).status == 481
    assert house.notify(house.bob).status == 481
    house.network.advance(5.0)
    assert len(watch.notifies) == 1


@pytest.mark.parametrize(
    ("user", "event", "body", "status"),
    [
        ("+442000000999", "message-summary", BODY, 404),
        ("+442000000102", "presence", BODY, 481),
        ("+442000000102", "message-summary", b"Messages-Waiting: perhaps", 400),
        ("+442000000102", "message-summary", b"", 400),
        ("+442000000102", "message-summary", b"x" * (limits.PUBLISH_BYTES_MAX + 1), 413),
    ],
)
def test_a_trunks_bad_notify_changes_nothing(house: House, user: str, event: str, body: bytes, status: int) -> None:
    watch = house.watch()
    assert house.notify(house.carrier, body, user, event).status == status
    house.network.advance(5.0)
    assert len(watch.notifies) == 1


def test_a_blocked_trunk_is_a_stranger(house: House) -> None:
    house.network.switch.directory = directory(line(2, "bob"), trunk(1, "192.0.2.99", is_active=False))
    assert house.notify(house.carrier).status == 481


def test_a_notify_in_a_dialog_nobody_knows_is_481(house: House) -> None:
    request: Request = house.carrier._request("NOTIFY", "sip:x@trunkline.test", "x", [EVENT], b"")
    request.set("To", "<sip:x@trunkline.test>;tag=unknown")
    house.carrier.send(request)
    house.network.run()
    assert house.carrier.responses[-1].status == 481
