"""INVITE with Replaces (RFC 3891): a ringing call is picked up, a call that is up is taken over."""

from __future__ import annotations

import pytest

from sip.controller.policy import Refusal
from sip.stack.bodies.xml import parse
from sip.stack.dialog import Dialog
from sip.stack.message.message import Response
from tests.sip.controller.business import directory, line, trunk
from tests.sip.controller.office import AGAIN, CAROL, Office, methods
from tests.sip.controller.phone import OFFER, Phone
from tests.sip.controller.test_rfc4235_dialog_event import Desk


def ringing_dialog(office: Office) -> str:
    """Return the Replaces for the dialog that rings at bob, as a watcher of bob's lamp knows it."""
    [ringing] = office.bob.ringing
    return f"{ringing.request.call_id};to-tag={ringing.request.from_tag};from-tag={ringing.tag}"


def dialog_of(phone: Phone) -> str:
    """Return the Replaces for the phone's own dialog."""
    dialog = phone.dialog
    assert isinstance(dialog, Dialog)
    return f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"


def invite(office: Office, replaces: str, body: bytes = CAROL, who: Phone | None = None) -> None:
    """Have carol, or another, send INVITE with Replaces."""
    (who or office.carol).call("102", body, ("Replaces", replaces), ("Require", "replaces"))
    office.network.advance(0.5)


def answers(phone: Phone, status: int = 200) -> list[Response]:
    return [response for response in phone.responses if (response.status, response.cseq.method) == (status, "INVITE")]


class TestPickup:
    def _ring(self, **carol: object) -> Office:
        office = Office(None, **carol)
        office.bob.on_invite = (180,)
        office.alice.call("102")
        office.network.advance(1.0)
        office.alice.on_invite = office.carol.on_invite = (200,)
        return office

    def test_the_new_phone_answers_and_the_old_one_stops_ringing(self) -> None:
        office = self._ring()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        invite(office, ringing_dialog(office))
        assert bob.cancelled == 1
        assert (answers(alice)[0].body, answers(carol)[0].body) == (CAROL, OFFER)
        network.advance(1.0)
        assert [request.method for request in alice.requests] == ["INVITE"]
        assert carol.requests[-1].body == AGAIN
        carol.in_dialog("INFO", b"x")
        network.advance(1.0)
        assert alice.requests[-1].method == "INFO"
        carol.hang_up()
        network.advance(1.0)
        assert alice.requests[-1].method == "BYE"
        [record] = network.journal.records
        assert [(row.line_id, row.sip_status) for row in record.attempts] == [(2, 487), (3, 200)]
        assert (record.a_line_id, record.b_line_id, record.ended_by) == (1, 3, "callee")
        assert office.is_empty()

    def test_either_order_of_the_tags_is_understood(self) -> None:
        office = self._ring()
        [ringing] = office.bob.ringing
        invite(office, f"{ringing.request.call_id};to-tag={ringing.tag};from-tag={ringing.request.from_tag}")
        assert office.bob.cancelled == 1
        assert answers(office.carol)[0].body == OFFER

    def test_nothing_is_held_for_it(self) -> None:
        office = self._ring()
        invite(office, ringing_dialog(office))
        assert len(office.network.policy.holds) == 1

    def test_the_caller_hangs_up(self) -> None:
        office = self._ring()
        invite(office, ringing_dialog(office))
        office.network.advance(1.0)
        office.alice.hang_up()
        office.network.advance(1.0)
        assert office.carol.requests[-1].method == "BYE"
        assert office.is_empty()

    def test_a_new_phone_that_never_acknowledges_loses_the_call(self) -> None:
        office = self._ring()
        office.carol.acknowledges = False
        invite(office, ringing_dialog(office))
        office.network.advance(40.0)
        [record] = office.network.journal.records
        assert (record.ended_by, record.q850_cause) == ("platform", 102)

    def test_the_old_phone_answers_in_the_same_instant_and_is_hung_up_on(self) -> None:
        office = self._ring()
        office.carol.call("102", CAROL, ("Replaces", ringing_dialog(office)))
        office.network.lose = lambda sent: sent.text == "CANCEL"
        office.network.run()
        office.bob.pick_up()
        office.network.advance(2.0)
        assert [request.method for request in office.bob.requests] == ["INVITE", "BYE"]
        office.alice.hang_up()
        office.network.advance(1.0)
        assert len(office.network.journal.records) == 1
        assert office.is_empty()

    def test_another_tenant_sees_no_such_dialog(self) -> None:
        office = self._ring(tenant_id=8)
        invite(office, ringing_dialog(office))
        assert office.carol.statuses[-1] == 481
        assert office.bob.cancelled == 0

    def test_a_callers_own_early_dialog_is_none_that_we_began(self) -> None:
        """RFC 3891 §3."""
        office = self._ring()
        [ringing] = answers(office.alice, 180)
        invite(office, f"{ringing.call_id};to-tag={ringing.to_tag};from-tag={ringing.from_tag}")
        assert office.carol.statuses[-1] == 481

    def test_who_is_barred_picks_up_nothing(self) -> None:
        office = self._ring()
        office.network.policy.refusal = Refusal(403, "", 21, "fraud.barred")
        invite(office, ringing_dialog(office))
        assert office.carol.statuses[-1] == 403
        assert office.bob.cancelled == 0

    def test_a_blocked_line_picks_up_nothing(self) -> None:
        office = self._ring(is_active=False)
        invite(office, ringing_dialog(office))
        assert office.carol.statuses[-1] == 403

    def test_a_carrier_picks_up_nothing(self) -> None:
        office = self._ring()
        invite(office, ringing_dialog(office), who=office.carrier)
        assert office.carrier.statuses[-1] == 403

    def test_a_caller_without_offer_is_not_handed_on(self) -> None:
        office = Office()
        office.alice.call("102", b"")
        office.network.advance(1.0)
        invite(office, ringing_dialog(office))
        assert office.carol.statuses[-1] == 488
        assert office.bob.cancelled == 0


class TestTakeOver:
    def _talk(self, **carol: object) -> Office:
        office = Office(None, **carol)
        office.talk(office.alice, office.bob, "102")
        office.carol.on_invite = (200,)
        return office

    @pytest.mark.parametrize("side", ["caller", "callee"])
    def test_the_new_phone_comes_in_the_old_ones_place(self, side: str) -> None:
        office = self._talk()
        network, carol = office.network, office.carol
        old, far = (office.alice, office.bob) if side == "caller" else (office.bob, office.alice)
        far.reply_body = AGAIN
        invite(office, dialog_of(old))
        assert far.requests[-1].body == CAROL
        assert answers(carol)[-1].body == AGAIN
        assert methods(old)[-1] == "BYE"
        far.in_dialog("INFO", b"x")
        network.advance(1.0)
        assert carol.requests[-1].method == "INFO"
        carol.hang_up()
        network.advance(1.0)
        assert far.requests[-1].method == "BYE"
        [record] = network.journal.records
        assert (record.a_line_id, record.b_line_id, record.ended_by) == (1, 2, side)
        assert office.is_empty()

    def test_it_outlives_a_restart(self) -> None:
        office = self._talk()
        invite(office, dialog_of(office.bob))
        office.network.advance(2.0)
        assert office.network.restart() == 1
        office.carol.hang_up()
        office.network.advance(1.0)
        assert office.alice.requests[-1].method == "BYE"

    def test_a_far_party_that_refuses_stays_with_the_old_one(self) -> None:
        office = self._talk()
        office.alice.on_invite = (488,)
        invite(office, dialog_of(office.bob))
        assert office.carol.statuses[-1] == 488
        assert methods(office.bob) == ["INVITE"]
        office.bob.in_dialog("INFO", b"x")
        office.network.advance(1.0)
        assert office.alice.requests[-1].method == "INFO"
        office.alice.hang_up()
        office.network.advance(1.0)
        assert office.is_empty()

    def test_the_old_phone_hangs_up_meanwhile(self) -> None:
        office = self._talk()
        office.alice.on_invite = ()
        invite(office, dialog_of(office.bob))
        office.bob.hang_up()
        office.network.advance(1.0)
        assert office.carol.statuses[-1] == 488
        assert office.alice.requests[-1].method == "BYE"
        office.alice.respond(487, -1)
        assert office.is_empty()
        assert len(office.network.journal.records) == 1

    def test_early_only_leaves_a_call_that_is_up_alone(self) -> None:
        office = self._talk()
        invite(office, f"{dialog_of(office.bob)};early-only")
        assert office.carol.statuses[-1] == 486
        assert methods(office.alice) == []

    def test_a_call_that_is_over_is_declined_or_gone(self) -> None:
        office = self._talk()
        office.alice.hang_up()
        office.network.advance(1.0)
        invite(office, dialog_of(office.bob))
        assert office.carol.statuses[-1] in (481, 603)

    @pytest.mark.parametrize(
        ("replaces", "status"),
        [("x", 400), ("x;to-tag=1", 400), ("x;to-tag=1;from-tag=2", 481)],
    )
    def test_what_names_no_dialog(self, replaces: str, status: int) -> None:
        office = self._talk()
        invite(office, replaces)
        assert office.carol.statuses[-1] == status

    def test_without_offer_it_is_not_acceptable(self) -> None:
        office = self._talk()
        invite(office, dialog_of(office.bob), b"")
        assert office.carol.statuses[-1] == 488

    def test_another_tenants_and_a_carriers_dialogs_are_not_there(self) -> None:
        office = self._talk(tenant_id=8)
        invite(office, dialog_of(office.bob))
        assert office.carol.statuses[-1] == 481
        office.network.switch.directory = directory(
            line(1, "alice"), line(2, "bob"), line(3, "carol"), trunk(1, "198.51.100.1")
        )
        office.talk(office.alice, office.carrier, "+442071838750")
        invite(office, dialog_of(office.carrier))
        assert office.carol.statuses[-1] == 481

    def test_a_session_that_is_being_changed_is_waited_for(self) -> None:
        office = self._talk()
        office.bob.on_invite = ()
        office.alice.in_dialog("INVITE", AGAIN)
        office.network.run()
        invite(office, dialog_of(office.bob))
        assert office.carol.statuses[-1] == 491


def test_a_watcher_picks_up_with_what_the_lamp_says() -> None:
    """RFC 4235 §4.1.6: the early dialog of a ringing line is named to who may watch it."""
    desk = Desk()
    watch = desk.watch()
    desk.network.advance(2.0)
    desk.carol.call("102")
    desk.network.advance(2.0)
    [dialog] = parse(watch.bodies[-1].encode()).children
    names = [dialog.attribute(name) for name in ("call-id", "remote-tag", "local-tag")]
    desk.carol.on_invite = desk.alice.on_invite = (200,)
    desk.alice.call("102", CAROL, ("Replaces", "{};to-tag={};from-tag={}".format(*names)))
    desk.network.advance(3.0)
    assert desk.bob.cancelled == 1
    assert answers(desk.carol)[0].body == CAROL
    [dialog] = parse(watch.bodies[-1].encode()).children
    assert dialog.children[0].text == "terminated"
