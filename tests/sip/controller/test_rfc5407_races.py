"""Messages that cross on the wire, one test for each section of RFC 5407 (and the like of RFC 3261 and 6141).

Two phones act in the same instant; nothing has arrived between.
"""

from __future__ import annotations

import pytest

from sip.stack.dialog import Dialog
from sip.stack.flow import Flow
from sip.stack.message.message import Response
from tests.sip.controller.network import Network, alice_and_bob, only_record, talking
from tests.sip.controller.phone import ANSWER, OFFER, Phone

HOLD = OFFER.replace(b"c=IN IP4 192.0.2.10", b"c=IN IP4 0.0.0.0")


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests]


def statuses(phone: Phone, method: str) -> list[int]:
    return [response.status for response in phone.responses if response.cseq.method == method]


def ringing(body: bytes = OFFER) -> tuple[Network, Phone, Phone]:
    network, alice, bob = alice_and_bob()
    alice.call("102", body)
    network.advance(1.0)
    return network, alice, bob


def is_over(network: Network) -> bool:
    """Tell whether nothing is left of any call once all transactions are over."""
    network.lose = lambda sent: False
    network.advance(100.0)
    core = network.core
    return not (core.calls or core.dialogs or core.early or core.offers) and network.endpoint.transactions == 0


class TestSection31Moratorium:
    """The 200 has been sent, its ACK has not come."""

    def test_3_1_1_the_initial_invite_again_is_absorbed(self) -> None:
        network, alice, bob = ringing()
        alice.acknowledges = False
        bob.pick_up()
        network.run()
        invite = [sent for sent in network.sent if sent.text == "INVITE" and sent.source == "alice"][-1]
        network.endpoint.receive_datagram(invite.data, _arrived(alice), network.now)
        network.run()
        assert len(bob.ringing) == 1
        assert len(network.core.calls) == 1

    def test_3_1_2_a_cancel_that_meets_the_200_changes_nothing_and_the_caller_hangs_up(self) -> None:
        network, alice, bob = ringing()
        bob.pick_up()
        alice.cancel()
        network.advance(1.0)
        assert alice.statuses[-1] == 200
        assert bob.cancelled == 0
        alice.hang_up()
        network.advance(1.0)
        assert methods(bob) == ["INVITE", "BYE"]
        record = only_record(network)
        assert (record.sip_status, record.ended_by) == (200, "caller")
        assert is_over(network)

    def test_3_1_2_a_caller_that_forgets_to_hang_up_is_hung_up_for(self) -> None:
        network, alice, bob = ringing()
        network.journal.is_slow = True
        bob.pick_up()
        network.run()
        alice.cancel()
        network.run()
        network.journal.is_slow = False
        network.journal.flush()
        network.advance(3.0)
        assert alice.statuses[-1] == 200
        assert methods(alice) == ["BYE"]
        assert only_record(network).ended_by == "caller"
        assert is_over(network)

    def test_3_1_3_an_early_bye_that_meets_the_200_ends_both_legs_once(self) -> None:
        network, alice, bob = ringing()
        ringing_at = next(response for response in alice.responses if response.status == 180)
        assert alice.invite is not None
        early = _early_dialog(alice, ringing_at)
        bob.pick_up()
        alice.send(early.request("BYE"))
        network.advance(5.0)
        assert statuses(alice, "BYE") == [200]
        assert alice.statuses[-1] == 200
        assert methods(bob) == ["INVITE", "BYE"]
        only_record(network)
        assert is_over(network)

    def test_3_1_3_a_caller_that_has_sent_bye_gets_none_when_the_callee_answers_all_the_same(self) -> None:
        network, alice, bob = ringing()
        early = _early_dialog(alice, next(response for response in alice.responses if response.status == 180))
        network.lose = lambda sent: sent.text == "CANCEL"
        alice.send(early.request("BYE"))
        network.run()
        bob.pick_up()
        network.advance(0.4)
        assert (statuses(alice, "BYE"), alice.statuses[-1]) == ([200], 200)
        assert methods(bob) == ["INVITE", "BYE"]
        record = only_record(network)
        assert (record.sip_status, record.ended_by, record.duration_s) == (200, "caller", 0.0)
        network.advance(5.0)
        assert methods(alice) == []
        assert is_over(network)

    def test_3_1_3_a_caller_whose_bye_comes_while_its_200_is_written_gets_none(self) -> None:
        network, alice, bob = ringing()
        early = _early_dialog(alice, next(response for response in alice.responses if response.status == 180))
        network.journal.is_slow = True
        bob.pick_up()
        network.run()
        alice.send(early.request("BYE"))
        network.run()
        network.journal.is_slow = False
        network.journal.flush()
        network.advance(5.0)
        assert (statuses(alice, "BYE"), alice.statuses[-1]) == ([200], 200)
        assert (methods(alice), methods(bob)) == ([], ["INVITE", "BYE"])
        assert only_record(network).ended_by == "caller"
        assert is_over(network)

    def test_3_1_3_a_caller_that_left_another_early_dialog_is_hung_up_for(self) -> None:
        """§3.1.3: a BYE ends the one early dialog it was sent in, not what another phone behind the callee opens."""
        network, alice, bob = ringing()
        early = _early_dialog(alice, next(response for response in alice.responses if response.status == 180))
        network.lose = lambda sent: sent.text == "CANCEL"
        alice.send(early.request("BYE"))
        network.run()
        bob.respond(200, tag="another-phone")
        network.advance(3.0)
        assert alice.statuses[-1] == 200
        assert (methods(alice), methods(bob)) == (["BYE"], ["INVITE", "BYE"])
        assert only_record(network).ended_by == "caller"
        assert is_over(network)

    def test_3_1_4_a_reinvite_before_the_ack_passes_when_the_offer_is_answered(self) -> None:
        network, alice, bob = ringing()
        network.lose = lambda sent: sent.text == "ACK" and sent.source == "alice"
        bob.on_invite = (200,)
        bob.pick_up()
        network.run()
        alice.in_dialog("INVITE", HOLD)
        network.run()
        assert alice.statuses[-1] == 200
        assert bob.requests[-1].body == HOLD
        network.lose = lambda sent: False
        network.advance(2.0)
        alice.hang_up()
        network.advance(1.0)
        assert only_record(network).sip_status == 200
        assert is_over(network)

    def test_3_1_5_a_reinvite_before_the_ack_gets_491_when_the_answer_is_in_the_ack(self) -> None:
        network, alice, bob = ringing(body=b"")
        alice.ack_body, bob.reply_body = ANSWER, OFFER
        network.lose = lambda sent: sent.text == "ACK" and sent.source == "alice"
        bob.pick_up()
        network.run()
        alice.in_dialog("INVITE", HOLD)
        network.run()
        assert alice.statuses[-1] == 491
        network.lose = lambda sent: False
        network.advance(2.0)
        assert bob.acks[-1].body == ANSWER
        assert methods(bob) == ["INVITE"]

    def test_3_1_6_a_bye_before_the_ack_ends_the_repetition_of_the_200(self) -> None:
        network, alice, bob = ringing()
        alice.acknowledges = False
        bob.pick_up()
        network.run()
        alice.hang_up()
        network.advance(40.0)
        assert len([status for status in alice.statuses if status == 200]) == 1
        assert methods(bob) == ["INVITE", "BYE"]
        assert only_record(network).ended_by == "caller"
        assert is_over(network)


class TestSection32Mortal:
    """A BYE has been sent."""

    def test_3_2_1_bye_meets_bye(self) -> None:
        network, alice, bob = talking()
        alice.hang_up()
        bob.hang_up()
        network.advance(1.0)
        assert statuses(alice, "BYE") == statuses(bob, "BYE") == [200]
        only_record(network)
        assert is_over(network)

    def test_3_2_2_reinvite_meets_bye_and_gets_481(self) -> None:
        network, alice, bob = talking()
        alice.hang_up()
        network.run()
        bob.in_dialog("INVITE", HOLD)
        network.advance(1.0)
        assert bob.statuses[-1] == 481
        assert "INVITE" not in methods(alice)
        assert is_over(network)

    def test_3_2_3_the_200_of_a_reinvite_that_meets_bye_is_acknowledged(self) -> None:
        network, alice, bob = talking()
        bob.on_invite = ()
        alice.in_dialog("INVITE", HOLD)
        network.run()
        alice.hang_up()
        bob.respond(200, -1)
        network.advance(1.0)
        assert alice.statuses[-1] == 487
        assert bob.acks[-1].cseq.number == bob.ringing[-1].request.cseq.number
        assert methods(bob) == ["INVITE", "INVITE", "BYE"]
        only_record(network)
        assert is_over(network)

    def test_3_2_4_an_ack_after_the_callees_bye_is_absorbed(self) -> None:
        network, alice, bob = ringing()
        network.lose = lambda sent: sent.text == "ACK" and sent.source == "alice"
        bob.pick_up()
        network.run()
        bob.hang_up()
        network.run()
        assert methods(alice) == []
        network.lose = lambda sent: False
        network.advance(2.0)
        assert methods(alice) == ["BYE"]
        assert only_record(network).ended_by == "callee"
        assert is_over(network)


class TestSection33Other:
    def test_3_3_1_reinvite_meets_reinvite_and_both_get_491(self) -> None:
        network, alice, bob = talking()
        alice.on_invite = bob.on_invite = (491,)
        alice.in_dialog("INVITE", HOLD)
        bob.in_dialog("INVITE", HOLD)
        network.advance(1.0)
        assert (alice.statuses[-1], bob.statuses[-1]) == (491, 491)
        alice.on_invite = bob.on_invite = (200,)
        bob.in_dialog("INVITE", HOLD)
        network.advance(1.0)
        assert bob.statuses[-1] == 200

    @pytest.mark.parametrize("first", ["INVITE", "UPDATE"])
    def test_3_3_2_update_meets_reinvite(self, first: str) -> None:
        network, alice, bob = talking()
        second = "UPDATE" if first == "INVITE" else "INVITE"
        network.lose = lambda sent: sent.target == "bob" and sent.text == first
        alice.in_dialog(first, HOLD)
        network.run()
        bob.in_dialog(second, HOLD)
        network.run()
        assert statuses(bob, second)[-1] == 491
        assert second not in methods(alice)

    def test_3_3_3_refer_meets_bye_and_gets_481(self) -> None:
        network, alice, bob = talking()
        alice.hang_up()
        network.run()
        bob.in_dialog("REFER", b"", ("Refer-To", "<sip:103@trunkline.test>"))
        network.advance(1.0)
        assert statuses(bob, "REFER") == [481]
        assert "NOTIFY" not in methods(bob)
        assert is_over(network)

    def test_an_info_meets_bye(self) -> None:
        network, alice, bob = talking()
        bob.on_request = 481
        alice.in_dialog("INFO", b"x")
        bob.hang_up()
        network.advance(5.0)
        assert statuses(bob, "BYE") == [200]
        assert statuses(alice, "INFO") == [481]
        assert only_record(network).ended_by == "callee"
        assert is_over(network)

    def test_a_cancel_meets_the_487(self) -> None:
        """RFC 3261 §9.1: nothing is left to cancel."""
        network, alice, bob = ringing()
        network.lose = lambda sent: sent.text == "486 INVITE" and sent.target == "alice"
        bob.respond(486)
        network.run()
        alice.cancel()
        network.run()
        network.lose = lambda sent: False
        network.advance(1.0)
        assert alice.statuses[-1] == 486
        assert bob.cancelled == 0
        assert only_record(network).sip_status == 486
        assert is_over(network)


class TestRfc6141Rollback:
    def test_a_failed_reinvite_leaves_the_session_as_it_was(self) -> None:
        """§3.4: what is offered later to keep the session alive is the old description, not the refused one."""
        network, alice, bob = alice_and_bob()
        bob.on_invite = (180, 200)
        bob.reply_headers = (("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE"))
        alice.call("102")
        network.advance(10.0)
        bob.on_invite = (488,)
        alice.in_dialog("INVITE", HOLD)
        network.run()
        assert alice.statuses[-1] == 488
        bob.on_invite = (200,)
        network.advance(45.0)
        assert bob.requests[-1].body == OFFER

    def test_a_reinvite_that_was_accepted_is_what_is_kept_alive(self) -> None:
        network, alice, bob = alice_and_bob()
        bob.on_invite = (180, 200)
        bob.reply_headers = (("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE"))
        alice.call("102")
        network.advance(10.0)
        bob.on_invite = (200,)
        alice.in_dialog("INVITE", HOLD)
        network.advance(55.0)
        assert bob.requests[-1].body == HOLD


class TestRfc3261Section12:
    @pytest.mark.parametrize("status", [408, 481])
    def test_a_request_that_finds_no_dialog_ends_the_call(self, status: int) -> None:
        network, alice, bob = talking()
        bob.on_invite = (status,)
        alice.in_dialog("INVITE", HOLD)
        network.advance(1.0)
        assert alice.statuses[-1] == status
        assert methods(alice) == ["BYE"]
        assert only_record(network).ended_by == "platform"
        assert is_over(network)

    @pytest.mark.parametrize("status", [404, 488, 500, 503])
    def test_any_other_refusal_leaves_it_up(self, status: int) -> None:
        network, alice, bob = talking()
        bob.on_invite = (status,)
        alice.in_dialog("INVITE", HOLD)
        network.advance(1.0)
        assert alice.statuses[-1] == status
        assert methods(alice) == []


def _arrived(phone: Phone) -> Flow:
    return Flow(phone.flow.transport, phone.flow.remote, phone.flow.local)


def _early_dialog(phone: Phone, response: Response) -> Dialog:
    assert phone.invite is not None
    return Dialog.as_client(phone.invite.request, response, phone.flow)
