"""Attended transfers (RFC 5589 §7), what lines get back by one, and what a restart makes of it."""

from __future__ import annotations

import pytest

from tests.sip.controller.business import directory, line, trunk
from tests.sip.controller.office import AGAIN, CAROL, Office, frags, methods, replaces


class TestPlaces:
    def test_a_line_that_has_handed_its_party_over_is_free(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        office.carol.on_invite = (200,)
        office.refer(office.bob, "<sip:103@trunkline.test>")
        places = office.network.core.line_calls
        assert [places[number] for number in (1, 2, 3)] == [1, 0, 1]
        office.network.restart()
        places = office.network.core.line_calls
        assert [places[number] for number in (1, 2, 3)] == [1, 0, 1]
        office.alice.hang_up()
        office.network.advance(1.0)
        assert len(office.network.core.line_calls) == 0

    def test_both_dialogs_of_an_attended_transfer_give_their_places_back(self) -> None:
        office = Office()
        office.talk(office.alice, office.bob, "102")
        first = office.bob.dialog
        office.talk(office.bob, office.carol, "103")
        refer_to = replaces(office.bob)
        office.bob.dialog = first
        office.refer(office.bob, refer_to)
        places = office.network.core.line_calls
        assert [places[number] for number in (1, 2, 3)] == [1, 0, 1]


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
