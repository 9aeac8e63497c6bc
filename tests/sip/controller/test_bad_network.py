"""Thousands of calls over a wire that loses, doubles, overtakes and delays five datagrams in a hundred each.

Every call completes, leaves exactly one record (one more for each call a transfer made), settles what was held for it,
and leaves nothing behind: no transaction, dialog, timer or place. Each number is a seed; the weather it makes is always
the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from tests.sip.controller.bad_network import BadNetwork
from tests.sip.controller.business import directory, line
from tests.sip.controller.phone import OFFER, Phone

DRAIN_S = 140.0
"""A BYE that is never answered, what waits for it, and all transactions have come to their end."""
HOLD = OFFER.replace(b"c=IN IP4 192.0.2.10", b"c=IN IP4 0.0.0.0")
RECORDS = {"blind transfer": 2, "attended transfer": 2}


class Scene:
    """Three phones that have registered over the same bad wire."""

    def __init__(self, seed: int) -> None:
        self.network = BadNetwork(directory(line(1, "alice"), line(2, "bob"), line(3, "carol")), seed)
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.carol = self.network.phone("192.0.2.30", "carol", "pw-carol")
        for phone in (self.alice, self.bob, self.carol):
            phone.register()
            self.answered(phone, "REGISTER", 200)

    def answered(self, phone: Phone, method: str, status: int = 0, since: int = 0) -> int:
        """Wait for a final response, or for one status; returns it."""
        self.network.wait(lambda: final(phone, method, since) == status if status else final(phone, method, since))
        return final(phone, method, since)

    def ring(self, *rows: tuple[str, str], body: bytes = OFFER) -> None:
        self.bob.on_invite = (180,)
        self.alice.call("102", body, *rows)
        self.network.wait(lambda: self.bob.ringing)

    def talk(self) -> None:
        self.ring()
        self.network.advance(1.0)
        self.pick_up(self.bob, self.alice)

    def pick_up(self, callee: Phone, caller: Phone) -> None:
        callee.pick_up(-1)
        self.network.wait(lambda: caller.dialog is not None and callee.acks)
        callee.on_invite = caller.on_invite = (200,)
        self.network.advance(3.0)

    def hang_up(self, phone: Phone) -> None:
        phone.hang_up()
        self.network.wait(lambda: final(phone, "BYE"))

    def change(self, phone: Phone, method: str) -> int:
        """Send an offer until it is answered with something else than "not now"; returns the last status."""
        for _ in range(6):
            before = len(phone.responses)
            phone.in_dialog(method, HOLD)
            status = self.answered(phone, method, since=before)
            if status not in (491, 500):
                return status
            self.network.advance(2.5)
        return 491


def final(phone: Phone, method: str, since: int = 0) -> int:
    """Return the latest final status of a method, 0 while there is none."""
    found = [r.status for r in phone.responses[since:] if r.cseq.method == method and r.status >= 200]
    return found[-1] if found else 0


def a_plain_call(scene: Scene) -> None:
    scene.talk()
    scene.hang_up(scene.alice)


def the_callee_hangs_up(scene: Scene) -> None:
    scene.talk()
    scene.hang_up(scene.bob)


def both_hang_up_at_once(scene: Scene) -> None:
    scene.talk()
    scene.alice.hang_up()
    scene.hang_up(scene.bob)


def a_late_offer(scene: Scene) -> None:
    scene.alice.ack_body = OFFER
    scene.ring(body=b"")
    scene.pick_up(scene.bob, scene.alice)
    assert scene.bob.acks[-1].body == OFFER
    scene.hang_up(scene.alice)


def a_busy_callee(scene: Scene) -> None:
    scene.bob.on_invite = (180, 486)
    scene.alice.call("102")
    scene.network.wait(lambda: 486 in scene.alice.statuses)


def a_caller_that_gives_up(scene: Scene) -> None:
    scene.ring()
    scene.network.wait(lambda: 180 in scene.alice.statuses or 100 in scene.alice.statuses)
    scene.alice.cancel()
    scene.network.wait(lambda: scene.alice.statuses[-1] in (200, 487))
    assert scene.alice.statuses[-1] == 487


def an_answer_that_meets_the_cancel(scene: Scene) -> None:
    scene.ring()
    scene.network.wait(lambda: set(scene.alice.statuses) & {100, 180})
    scene.alice.cancel()
    scene.bob.pick_up(-1)
    scene.network.wait(lambda: {200, 487} & set(scene.alice.statuses), 90.0)
    if scene.alice.dialog is not None:
        scene.alice.hang_up()


def reliable_provisional_responses(scene: Scene) -> None:
    scene.bob.on_invite = ()
    scene.alice.call("102", OFFER, ("Supported", "100rel"))
    scene.network.wait(lambda: scene.bob.ringing)
    for number, status in ((41, 183), (42, 180)):
        while not any(r.method == "PRACK" and r.get("RAck") == f"{number} 1 INVITE" for r in scene.bob.requests):
            scene.bob.respond(status, -1, rseq=number)
            scene.network.advance(1.0)
    pracks = [request.get("RAck") for request in scene.bob.requests if request.method == "PRACK"]
    assert pracks == ["41 1 INVITE", "42 1 INVITE"]
    scene.network.wait(lambda: {183, 180} <= set(scene.alice.statuses))
    scene.bob.respond(200, -1, body=b"")
    scene.network.wait(lambda: scene.alice.dialog is not None and scene.bob.acks)
    scene.hang_up(scene.alice)


def hold_and_resume_by_both(scene: Scene) -> None:
    scene.talk()
    assert scene.change(scene.alice, "INVITE") == 200
    assert scene.change(scene.bob, "INVITE") == 200
    scene.alice.in_dialog("INVITE", HOLD)
    scene.change(scene.bob, "INVITE")
    scene.network.advance(5.0)
    scene.hang_up(scene.bob)


def updates_by_both(scene: Scene) -> None:
    scene.talk()
    assert scene.change(scene.bob, "UPDATE") == 200
    assert scene.change(scene.alice, "UPDATE") == 200
    scene.hang_up(scene.alice)


def a_bye_that_meets_a_reinvite(scene: Scene) -> None:
    scene.talk()
    scene.bob.on_invite = ()
    scene.alice.in_dialog("INVITE", HOLD)
    scene.network.advance(scene.network.chance.uniform(0.0, 0.1))
    scene.hang_up(scene.bob)


def session_timers(scene: Scene) -> None:
    rows = (("Session-Expires", "90;refresher=uac"), ("Allow", "INVITE, UPDATE"))
    scene.bob.reply_headers = rows
    scene.ring(("Supported", "timer"), ("Session-Expires", "90;refresher=uac"))
    scene.pick_up(scene.bob, scene.alice)
    for _ in range(3):
        before = len(scene.alice.responses)
        timer = [("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]
        scene.alice.in_dialog("UPDATE", b"", *timer)
        scene.answered(scene.alice, "UPDATE", 200, before)
        scene.network.advance(40.0)
    assert any(request.method == "UPDATE" for request in scene.bob.requests)
    scene.hang_up(scene.alice)


def blind_transfer(scene: Scene) -> None:
    scene.talk()
    scene.carol.on_invite = (180,)
    scene.bob.in_dialog("REFER", b"", ("Refer-To", "<sip:103@trunkline.test>"))
    scene.network.wait(lambda: scene.carol.ringing)
    scene.carol.on_invite = (200,)
    scene.carol.pick_up(-1)
    scene.network.wait(lambda: scene.carol.acks and scene.alice.acks)
    scene.network.wait(lambda: any(request.method == "BYE" for request in scene.bob.requests))
    scene.network.advance(5.0)
    scene.hang_up(scene.carol)


def attended_transfer(scene: Scene) -> None:
    scene.talk()
    first = scene.bob.dialog
    scene.carol.on_invite = (180,)
    scene.bob.call("103")
    scene.network.wait(lambda: scene.carol.ringing)
    scene.pick_up(scene.carol, scene.bob)
    second = scene.bob.dialog
    assert second is not None
    call_id = second.call_id.replace("@", "%40")
    query = f"Replaces={call_id}%3Bto-tag%3D{second.remote_tag}%3Bfrom-tag%3D{second.local_tag}"
    scene.bob.dialog = first
    before = len(scene.alice.acks)
    scene.bob.in_dialog("REFER", b"", ("Refer-To", f"<sip:103@trunkline.test?{query}>"))
    scene.network.wait(lambda: len(scene.alice.acks) > before or scene.alice.acks)
    scene.network.wait(lambda: sum(request.method == "BYE" for request in scene.bob.requests) == 2)
    scene.network.advance(5.0)
    scene.hang_up(scene.alice)


def a_pickup(scene: Scene) -> None:
    scene.ring()
    [ringing] = scene.bob.ringing
    while not scene.network.core.early:
        scene.bob.respond(180)  # It is sent once, and may be lost.
        scene.network.advance(1.0)
    names = f"{ringing.request.call_id};to-tag={ringing.request.from_tag};from-tag={ringing.tag}"
    scene.alice.on_invite = scene.carol.on_invite = (200,)
    scene.carol.call("102", OFFER, ("Replaces", names))
    scene.network.wait(lambda: scene.carol.dialog is not None and scene.alice.dialog is not None)
    scene.network.wait(lambda: scene.carol.acks and scene.alice.acks)
    scene.network.advance(3.0)
    scene.hang_up(scene.carol)


def a_call_taken_over(scene: Scene) -> None:
    scene.talk()
    dialog = scene.bob.dialog
    assert dialog is not None
    names = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
    scene.carol.on_invite = (200,)
    scene.carol.call("102", OFFER, ("Replaces", names))
    scene.network.wait(lambda: scene.carol.dialog is not None)
    scene.network.wait(lambda: any(request.method == "BYE" for request in scene.bob.requests))
    scene.network.advance(3.0)
    scene.hang_up(scene.alice)


SCENES: dict[str, Callable[[Scene], None]] = {
    "plain": a_plain_call,
    "callee hangs up": the_callee_hangs_up,
    "both hang up": both_hang_up_at_once,
    "late offer": a_late_offer,
    "busy": a_busy_callee,
    "cancel": a_caller_that_gives_up,
    "cancel meets answer": an_answer_that_meets_the_cancel,
    "reliable": reliable_provisional_responses,
    "hold": hold_and_resume_by_both,
    "update": updates_by_both,
    "bye meets re-INVITE": a_bye_that_meets_a_reinvite,
    "session timers": session_timers,
    "blind transfer": blind_transfer,
    "attended transfer": attended_transfer,
    "pickup": a_pickup,
    "take-over": a_call_taken_over,
}
_UNANSWERED = {"busy": 486, "cancel": 487}
CALLS_A_BATCH = 30
BATCHES = 5
"""Of each scene: 16 * 5 * 30 = 2,400 calls, and the registrations of 7,200 phones."""


def leftovers(scene: Scene) -> dict[str, int]:
    """Return what is left of calls once all is over."""
    network, core = scene.network, scene.network.core
    found = {
        "calls": len(core.calls),
        "dialogs": len(core.dialogs),
        "early dialogs": len(core.early),
        "offers": len(core.offers),
        "places": len(core.line_calls),
        "subscriptions": len(core.events),
        "transactions": network.endpoint.transactions,
        "bugs": core.bugs.total,
        "phones' transactions": sum(phone.endpoint.transactions for phone in network.phones.values()),
    }
    return {name: number for name, number in found.items() if number}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("batch", range(BATCHES))
def test_calls_over_a_bad_network_complete_and_are_recorded_once(name: str, batch: int) -> None:
    for seed in range(batch * CALLS_A_BATCH, (batch + 1) * CALLS_A_BATCH):
        scene = Scene(seed)
        SCENES[name](scene)
        scene.network.advance(DRAIN_S)
        records = scene.network.journal.records
        expected = RECORDS.get(name, 1)
        told = f"{name}, seed {seed}: {[(row.sip_status, row.ended_by, row.duration_s) for row in records]}"
        assert len(records) == expected, told
        assert leftovers(scene) == {}, told
        assert Counter(scene.network.policy.holds) == Counter(row.call_id for row in records), told
        assert [row.call_id for row in scene.network.policy.records] == [row.call_id for row in records], told
        if name != "cancel meets answer":
            assert {row.sip_status for row in records} == {_UNANSWERED.get(name, 200)}, told
            assert "platform" not in {row.ended_by for row in records}, told


def test_the_weather_is_what_it_says() -> None:
    sent = []
    for seed in range(40):
        scene = Scene(seed)
        a_plain_call(scene)
        sent += scene.network.sent
    assert 0.03 < sum(item.lost for item in sent) / len(sent) < 0.08
