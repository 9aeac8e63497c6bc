"""Transfers by REFER (RFC 3515, 3891, 3892, 4488, 5589): blind and attended, made by the switch itself."""

from __future__ import annotations

import pytest

from sip.controller.policy import Refusal
from sip.stack.message.message import Request
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.office import AGAIN, CAROL, Office, frags, methods, status_of
from tests.sip.controller.phone import ANSWER, OFFER


class TestBlind:
    def test_the_callee_hands_the_caller_over(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        office.refer(bob, "<sip:103@trunkline.test>")
        assert status_of(bob) == 202
        invite = carol.requests[-1]
        assert (invite.method, invite.body, invite.get("Referred-By")) == ("INVITE", b"", "<sip:bob@trunkline.test>")
        assert frags(bob) == ["SIP/2.0 100 Trying", "SIP/2.0 180 Ringing"]
        assert methods(alice) == []
        carol.pick_up()
        network.advance(1.0)
        assert frags(bob)[-1] == "SIP/2.0 200 OK"
        [reinvite] = alice.requests
        assert (reinvite.method, reinvite.body) == ("INVITE", CAROL)
        assert carol.acks[-1].body == AGAIN
        assert methods(bob) == ["INVITE", "BYE"]
        alice.in_dialog("INFO", b"x")
        network.advance(8.0)
        assert (carol.requests[-1].method, carol.requests[-1].body) == ("INFO", b"x")
        alice.hang_up()
        network.advance(1.0)
        assert carol.requests[-1].method == "BYE"
        assert office.records() == [(2, 3, 9.0, "caller", 200), (1, 2, 12.0, "caller", 200)]
        assert office.is_empty()

    def test_the_caller_hands_the_callee_over_and_the_callee_hangs_up_first(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        carol.on_invite = (180, 200)
        office.refer(alice, "<sip:103@trunkline.test>")
        assert frags(alice)[-1] == "SIP/2.0 200 OK"
        assert bob.requests[-1].body == CAROL
        bob.hang_up()
        network.advance(1.0)
        assert carol.requests[-1].method == "BYE"
        assert office.records() == [(1, 3, 1.0, "caller", 200), (1, 2, 3.0, "callee", 200)]
        assert office.is_empty()

    def test_the_new_party_hangs_up(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>")
        office.carol.hang_up()
        office.network.advance(1.0)
        assert office.alice.requests[-1].method == "BYE"
        assert office.records() == [(1, 2, 3.0, "callee", 200), (2, 3, 1.0, "callee", 200)]
        assert office.is_empty()

    def test_the_referring_party_may_leave_at_once(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        office.refer(bob, "<sip:103@trunkline.test>")
        bob.hang_up()
        network.advance(1.0)
        assert status_of(bob, "BYE") == 200
        assert methods(alice) == []
        alice.in_dialog("INVITE", OFFER)
        network.advance(0.5)
        assert alice.statuses[-1] == 491
        carol.pick_up()
        network.advance(1.0)
        assert methods(alice) == ["INVITE"]
        carol.hang_up()
        network.advance(1.0)
        assert len(office.records()) == 2
        assert office.is_empty()

    def test_nobody_answers_and_the_two_talk_on(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        carol.on_invite = (486,)
        office.refer(bob, "<sip:103@trunkline.test>")
        assert frags(bob) == ["SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here"]
        assert office.records() == [(2, 3, 0.0, "callee", 486)]
        bob.in_dialog("INVITE", OFFER)
        network.advance(1.0)
        assert bob.statuses[-1] == 200
        bob.hang_up()
        network.advance(1.0)
        assert methods(alice)[-1] == "BYE"
        assert office.is_empty()

    def test_nobody_answers_and_the_referring_party_has_left(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        office.refer(bob, "<sip:103@trunkline.test>")
        bob.hang_up()
        network.advance(1.0)
        carol.respond(603)
        network.advance(1.0)
        assert methods(alice) == ["BYE"]
        assert office.records() == [(2, 3, 0.0, "callee", 603), (1, 2, 4.0, "callee", 200)]
        assert office.is_empty()

    def test_who_waits_hangs_up_and_the_new_call_is_taken_back(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        office.refer(bob, "<sip:103@trunkline.test>")
        alice.hang_up()
        network.advance(1.0)
        assert carol.cancelled == 1
        assert methods(bob)[-1] == "BYE"
        assert frags(bob)[-1] == "SIP/2.0 487 Request Terminated"
        assert office.records() == [(1, 2, 3.0, "caller", 200), (2, 3, 0.0, "caller", 487)]
        assert office.is_empty()

    def test_who_waits_hangs_up_while_the_answer_is_written(self) -> None:
        office = Office()
        network, alice, carol = office.network, office.alice, office.carol
        office.talk(alice, office.bob, "102")
        office.refer(office.bob, "<sip:103@trunkline.test>")
        network.journal.is_slow = True
        carol.pick_up()
        network.run()
        alice.hang_up()
        network.advance(0.1)
        network.journal.is_slow = False
        network.journal.flush()
        network.advance(1.0)
        network.journal.flush()
        network.advance(1.0)
        assert carol.requests[-1].method == "BYE"
        assert len(office.records()) == 2
        assert office.is_empty()

    def test_who_waits_refuses_the_new_session_and_all_is_over(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.alice.on_invite = (488,)
        office.carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>")
        assert frags(office.bob)[-1] == "SIP/2.0 488 Not Acceptable Here"
        assert [phone.requests[-1].method for phone in (office.alice, office.carol)] == ["BYE", "BYE"]
        assert [row[3] for row in office.records()] == ["platform", "platform"]
        assert office.is_empty()

    def test_crossing_offers_are_waited_for(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.alice.on_invite = (491,)
        office.carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>")
        office.alice.on_invite = (200,)
        office.network.advance(4.0)
        assert methods(office.alice) == ["INVITE", "INVITE", "INVITE"]
        assert office.carol.acks[-1].body == AGAIN
        assert frags(office.bob)[-1] == "SIP/2.0 200 OK"

    def test_a_chain_of_transfers_is_charged_to_each_line_that_made_one(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        carol.on_invite = (200,)
        office.refer(bob, "<sip:103@trunkline.test>")
        office.carrier.on_invite = (200,)
        office.refer(carol, "<sip:+442071838750@trunkline.test>")
        assert office.carrier.requests[-1].get("Referred-By") is None
        assert methods(carol)[-1] == "BYE"
        alice.hang_up()
        network.advance(1.0)
        assert office.carrier.requests[-1].method == "BYE"
        rows = {(row.a_line_id, row.b_line_id, row.b_trunk_id) for row in network.journal.records}
        assert rows == {(1, 2, None), (2, 3, None), (3, None, 1)}
        assert office.is_empty()


class TestRights:
    def test_the_new_call_is_screened_and_paid_as_one_of_the_referring_line(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.refer(office.bob, "<sip:103@trunkline.test>")
        policy = office.network.policy
        assert [(offer.line_id, offer.dialled) for offer in policy.screened] == [(1, "102"), (2, "103")]
        assert len(policy.holds) == 2

    @pytest.mark.parametrize("where", ["screen", "hold"])
    def test_a_refused_call_is_reported_and_nobody_rings(self, where: str) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        refusal = Refusal(402, "", 21, "billing.insufficient_funds")
        if where == "screen":
            office.network.policy.refusal = refusal
        else:
            office.network.policy.hold_refusal = refusal
        office.refer(office.bob, "<sip:103@trunkline.test>")
        assert frags(office.bob)[-1] == "SIP/2.0 402 Payment Required"
        assert methods(office.carol) == []
        assert office.records() == [(2, None, 0.0, "platform", 402)]

    def test_a_number_that_leads_nowhere_is_reported(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.refer(office.bob, "<sip:999@trunkline.test>")
        assert frags(office.bob)[-1] == "SIP/2.0 404 Not Found"

    def test_a_carrier_transfers_nobody(self) -> None:
        office = Office()
        office.talk(office.alice, office.carrier, "+442071838750")
        office.refer(office.carrier, "<sip:103@trunkline.test>")
        assert status_of(office.carrier) == 403
        assert methods(office.carol) == []

    def test_a_line_of_one_call_may_transfer_it(self) -> None:
        office = Office(FakePolicy((1,)))
        network = office.network
        network.switch.directory = directory(
            line(1, "alice"), line(2, "bob", calls_max=1), line(3, "carol"), trunk(1, "198.51.100.1")
        )
        office.talk(office.alice, office.bob, "102")
        office.carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>")
        assert frags(office.bob)[-1] == "SIP/2.0 200 OK"

    @pytest.mark.parametrize(
        ("referred_by", "status"),
        [("<sip:bob@x.example>", 202), ("<sip:102@x.example>", 202), ("<sip:alice@x.example>", 403), ("<bob", 400)],
    )
    def test_nobody_refers_in_the_name_of_another(self, referred_by: str, status: int) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.refer(office.bob, "<sip:103@trunkline.test>", ("Referred-By", referred_by))
        assert status_of(office.bob) == status
        assert len(office.carol.requests) == (1 if status == 202 else 0)


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("refer_to", "status"),
        [
            ("x", 400),
            ("<sip:103@trunkline.test>, <sip:101@trunkline.test>", 400),
            ("<sip:103@trunkline.test;method=BYE>", 403),
            ("<mailto:x@y.example>", 416),
            ("<sip:103@trunkline.test?Replaces=x>", 400),
            (f"<sip:{'1' * 200}@trunkline.test>", 400),
        ],
    )
    def test_a_target_that_is_none(self, refer_to: str, status: int) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.refer(office.bob, refer_to)
        assert status_of(office.bob) == status
        assert frags(office.bob) == []
        assert office.network.journal.records == []

    def test_a_second_refer_while_the_first_is_followed(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.refer(office.bob, "<sip:103@trunkline.test>")
        office.refer(office.bob, "<sip:103@trunkline.test>")
        assert status_of(office.bob) == 491
        office.refer(office.alice, "<sip:103@trunkline.test>")
        assert status_of(office.alice) == 491

    def test_no_subscription_is_made_for_who_wants_none(self) -> None:
        """RFC 4488 §4."""
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>", ("Refer-Sub", "false"), ("Require", "norefersub"))
        accepted = next(item for item in office.bob.responses if item.cseq.method == "REFER")
        assert (accepted.status, accepted.get("Refer-Sub")) == (202, "false")
        assert frags(office.bob) == []
        assert methods(office.alice) == ["INVITE"]


def test_a_transfer_leaves_the_whole_dialog_to_the_phone_that_made_it() -> None:
    """Whatever the phone still asks in its dialog is answered until it hangs up."""
    office = Office()
    office.talk(office.alice, office.bob, "102")
    office.refer(office.bob, "<sip:103@trunkline.test>")
    office.bob.in_dialog("OPTIONS")
    office.network.advance(0.5)
    assert isinstance(office.bob.requests[-1], Request)
    assert status_of(office.bob, "OPTIONS") == 200
    assert ANSWER != CAROL
