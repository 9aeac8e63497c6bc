"""Transfers by REFER (RFC 3515, 3891, 3892, 4488, 5589): blind and attended, made by the switch itself."""

from __future__ import annotations

import pytest

from sip.controller.policy import Refusal
from sip.stack.message.message import Request
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network
from tests.sip.controller.phone import ANSWER, OFFER, Phone

CAROL = OFFER.replace(b"s=offer", b"s=carol")
AGAIN = OFFER.replace(b"s=offer", b"s=again")


class Office:
    """alice, bob and carol are lines 101, 102 and 103; a carrier is at 198.51.100.1."""

    def __init__(self, policy: FakePolicy | None = None, **carol: object) -> None:
        lines = [line(1, "alice"), line(2, "bob"), line(3, "carol", **carol)]
        self.network = Network(directory(*lines, trunk(1, "198.51.100.1")), policy or FakePolicy((1,)))
        self.alice = self.network.phone("192.0.2.10", "alice", "pw-alice")
        self.bob = self.network.phone("192.0.2.20", "bob", "pw-bob")
        self.carol = self.network.phone("192.0.2.30", "carol", "pw-carol")
        self.carrier = self.network.phone("198.51.100.1")
        for phone in (self.alice, self.bob, self.carol):
            phone.register()
        self.network.run()
        self.carol.reply_body = CAROL
        self.alice.reply_body = AGAIN

    def talk(self, caller: Phone, callee: Phone, number: str) -> None:
        """Have two parties talk for two seconds; re-INVITEs are answered from now on."""
        callee.on_invite = (180, 200)
        caller.call(number)
        self.network.advance(2.0)
        caller.on_invite = callee.on_invite = (200,)

    def refer(self, who: Phone, to: str, *rows: tuple[str, str]) -> None:
        who.in_dialog("REFER", b"", ("Refer-To", to), *rows)
        self.network.advance(1.0)

    def records(self) -> list[tuple[int | None, int | None, float, str, int]]:
        """Return calling line, called line, seconds, who ended it and status of each record, in order."""
        return [
            (row.a_line_id, row.b_line_id, round(row.duration_s, 1), row.ended_by, row.sip_status)
            for row in self.network.journal.records
        ]

    def is_empty(self) -> bool:
        """Tell whether nothing is left of any call."""
        self.network.advance(80.0)
        core = self.network.switch._core
        return not (core.calls or core.dialogs or core.early or core.line_calls or core.events.all()) and (
            self.network.endpoint.transactions == 0
        )


def frags(phone: Phone) -> list[str]:
    """Return what the NOTIFYs said, in order."""
    return [request.body.decode().strip() for request in phone.requests if request.method == "NOTIFY"]


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests if request.method != "NOTIFY"]


def status_of(phone: Phone, method: str = "REFER") -> int:
    return next(response.status for response in reversed(phone.responses) if response.cseq.method == method)


def replaces(phone: Phone) -> str:
    """Return the Refer-To that stands for the far end of the phone's present call."""
    dialog = phone.dialog
    assert dialog is not None
    call_id = dialog.call_id.replace("@", "%40")
    return f"<sip:x@trunkline.test?Replaces={call_id}%3Bto-tag%3D{dialog.remote_tag}%3Bfrom-tag%3D{dialog.local_tag}>"


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


class TestAttended:
    def _consult(self, office: Office) -> None:
        """alice talks to bob, bob asks carol; bob's phone holds two dialogs."""
        office.talk(office.alice, office.bob, "102")
        self.first = office.bob.dialog
        office.talk(office.bob, office.carol, "103")
        self.second = office.bob.dialog
        self.refer_to = replaces(office.bob)
        office.bob.dialog = self.first

    def test_the_far_parties_are_joined_and_both_dialogs_of_the_referring_one_end(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        self._consult(office)
        office.refer(bob, self.refer_to)
        assert frags(bob) == ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"]
        assert [(request.method, request.body) for request in alice.requests] == [("INVITE", b"")]
        assert [(request.method, request.body) for request in carol.requests][1:] == [("INVITE", AGAIN)]
        assert alice.acks[-1].body == CAROL
        byes = [request for request in bob.requests if request.method == "BYE"]
        assert {bye.call_id for bye in byes} == {self.first.call_id, self.second.call_id}  # type: ignore[union-attr]
        network.advance(5.0)
        carol.hang_up()
        network.advance(1.0)
        assert alice.requests[-1].method == "BYE"
        assert office.records() == [(1, 2, 10.0, "callee", 200), (2, 3, 8.0, "callee", 200)]
        assert office.is_empty()

    def test_no_new_hold_is_placed(self) -> None:
        office = Office()
        self._consult(office)
        holds = len(office.network.policy.holds)
        office.refer(office.bob, self.refer_to)
        assert len(office.network.policy.holds) == holds

    def test_a_dialog_that_is_not_here_is_reported_and_all_talk_on(self) -> None:
        office = Office()
        self._consult(office)
        office.refer(office.bob, self.refer_to.replace("to-tag%3D", "to-tag%3Dx"))
        assert frags(office.bob)[-1] == "SIP/2.0 481 Call/Transaction Does Not Exist"
        assert (methods(office.alice), office.records()) == ([], [])

    def test_a_dialog_of_another_tenant_is_not_there(self) -> None:
        office = Office()
        self._consult(office)
        office.network.switch.directory = directory(
            line(1, "alice"), line(2, "bob", tenant_id=8), line(3, "carol"), trunk(1, "198.51.100.1")
        )
        mallory = replaces(office.alice)
        office.refer(office.bob, mallory)
        assert frags(office.bob)[-1] == "SIP/2.0 481 Call/Transaction Does Not Exist"

    def test_the_same_call_twice_is_no_transfer(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.refer(office.bob, replaces(office.bob))
        assert frags(office.bob)[-1] == "SIP/2.0 481 Call/Transaction Does Not Exist"

    def test_a_party_without_answer_ends_both(self) -> None:
        office = Office()
        self._consult(office)
        office.carol.on_invite = (488,)
        office.refer(office.bob, self.refer_to)
        assert frags(office.bob)[-1] == "SIP/2.0 488 Not Acceptable Here"
        assert office.alice.requests[-1].method == "BYE"
        assert office.carol.requests[-1].method == "BYE"
        assert len(office.records()) == 2
        assert office.is_empty()

    def test_the_first_party_hangs_up_while_it_is_asked(self) -> None:
        office = Office()
        self._consult(office)
        office.alice.on_invite = ()
        office.refer(office.bob, self.refer_to)
        office.alice.hang_up()
        office.alice.respond(487, -1)
        office.network.advance(1.0)
        assert office.carol.requests[-1].method == "BYE"
        assert frags(office.bob)[-1] == "SIP/2.0 487 Request Terminated"
        assert len(office.records()) == 2
        assert office.is_empty()

    @pytest.mark.parametrize("lost", range(1, 13))
    def test_any_message_of_it_may_be_lost(self, lost: int) -> None:
        office = Office()
        self._consult(office)
        office.network.sent.clear()
        office.network.lose = lambda sent: len(office.network.sent) == lost
        office.refer(office.bob, self.refer_to)
        office.network.advance(10.0)
        assert frags(office.bob)[-1] == "SIP/2.0 200 OK"
        assert office.alice.acks[-1].body == CAROL
        office.alice.hang_up()
        office.network.advance(10.0)
        assert len(office.records()) == 2
        assert office.is_empty()


class TestRestart:
    def test_parties_that_were_joined_talk_on_and_end_together(self) -> None:
        office = Office()
        network, alice, bob, carol = office.network, office.alice, office.bob, office.carol
        office.talk(alice, bob, "102")
        carol.on_invite = (200,)
        office.refer(bob, "<sip:103@trunkline.test>")
        network.advance(5.0)
        assert network.restart() == 2
        alice.in_dialog("INFO", b"x")
        network.advance(1.0)
        assert carol.requests[-1].method == "INFO"
        carol.hang_up()
        network.advance(1.0)
        assert alice.requests[-1].method == "BYE"
        assert [row[3] for row in office.records()] == ["callee", "callee"]

    def test_a_group_that_was_half_ended_ends(self) -> None:
        office = Office()
        network, carol = office.network, office.carol
        office.talk(office.alice, office.bob, "102")
        carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>")
        office.alice.hang_up()
        network.run()
        ended = [item for item in network.journal.payloads if item["t"] == "end"]
        network.journal.payloads.remove(ended[0])
        carol.requests.clear()
        assert network.restart() == 1
        network.advance(1.0)
        assert [request.method for request in carol.requests] == ["BYE"]


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
