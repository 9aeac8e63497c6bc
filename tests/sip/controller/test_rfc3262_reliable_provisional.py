"""Reliable provisional responses on each leg by itself (RFC 3262), and UPDATE in early dialogs (RFC 3311)."""

from __future__ import annotations

import pytest

from sip.stack.digest import Challenge
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.reliable import RELIABLE, ReliableInput, ReliableState
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, alice_and_bob, only_record
from tests.sip.controller.phone import ANSWER, OFFER, Phone

SUPPORTS = ("Supported", "100rel")
PLAIN = "norefersub, replaces, timer"
WITH_100REL = "100rel, norefersub, replaces, timer"
REQUIRES = ("Require", "100rel")
OTHER = OFFER.replace(b"s=offer", b"s=other")


def ringing(*rows: tuple[str, str], body: bytes = OFFER, **settings: bool) -> tuple[Network, Phone, Phone]:
    """Return a call to bob that bob has not answered in any way; the rows are of the caller's INVITE."""
    network, alice, bob = alice_and_bob(switch=dict(settings))
    bob.on_invite = ()
    alice.call("102", body, *rows)
    network.advance(0.1)
    network.sent.clear()
    alice.statuses.clear()
    return network, alice, bob


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests]


def times(network: Network, text: str, source: str, target: str) -> list[float]:
    return [round(s.at, 3) for s in network.sent if (s.text, s.source, s.target) == (text, source, target)]


def hang_up(network: Network, alice: Phone) -> None:
    alice.hang_up()
    network.advance(40.0)
    assert only_record(network).ended_by == "caller"
    assert network.switch.open_call_ids() == frozenset()
    assert network.endpoint.transactions == 0


def last(phone: Phone, status: int) -> Response:
    return next(response for response in reversed(phone.responses) if response.status == status)


class TestBothLegsAreReliable:
    def test_the_callers_prack_goes_through_and_everybody_numbers_for_himself(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        assert bob.requests[0].get("Supported") == WITH_100REL
        bob.respond(183, rseq=7)
        network.advance(0.1)
        progress = last(alice, 183)
        assert (progress.get("Require"), progress.body) == ("100rel", ANSWER)
        assert progress.get("RSeq") != "7"
        prack = bob.requests[-1]
        assert (prack.method, prack.get("RAck"), prack.body) == ("PRACK", "7 1 INVITE", b"")
        assert alice.responses[-1].cseq.method == "PRACK"
        assert alice.responses[-1].status == 200
        bob.respond(200, body=b"")
        network.advance(0.1)
        assert last(alice, 200).body == b""
        hang_up(network, alice)

    def test_the_second_waits_for_the_prack_of_the_first(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        alice.sends_prack = False
        bob.respond(183, rseq=7)
        bob.respond(180, rseq=8)
        network.advance(0.1)
        assert alice.statuses == [183]
        number = int(last(alice, 183).get("RSeq") or "")
        alice.prack(last(alice, 183).to_tag, str(number), 2)
        network.run()
        assert alice.statuses == [183, 180]
        assert last(alice, 180).get("RSeq") == str(number + 1)
        assert [request.get("RAck") for request in bob.requests if request.method == "PRACK"] == ["7 1 INVITE"]

    def test_late_offer_is_answered_in_the_prack(self) -> None:
        network, alice, bob = ringing(SUPPORTS, body=b"")
        alice.prack_body = ANSWER
        bob.respond(183, rseq=1, body=OFFER)
        network.advance(0.1)
        assert last(alice, 183).body == OFFER
        assert bob.requests[-1].body == ANSWER
        bob.respond(200, body=b"")
        network.advance(0.1)
        assert alice.statuses[-1] == 200
        assert bob.acks[-1].body == b""
        hang_up(network, alice)

    def test_an_offer_in_the_prack_is_answered_in_its_200(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        alice.prack_body = OTHER
        bob.respond(183, rseq=1)
        network.advance(0.1)
        assert bob.requests[-1].body == OTHER
        assert alice.responses[-1].body == ANSWER

    def test_a_callee_that_refuses_the_prack_is_heard(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        bob.on_request = 488
        bob.respond(183, rseq=1)
        network.advance(0.1)
        assert (alice.responses[-1].status, alice.responses[-1].cseq.method) == (488, "PRACK")

    def test_a_repeated_response_and_one_out_of_order_are_dropped(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        bob.respond(183, rseq=5)
        bob.respond(183, rseq=5)
        bob.respond(180, rseq=7)
        network.advance(0.1)
        assert alice.statuses == [183]
        bob.respond(180, rseq=6)
        network.advance(0.1)
        assert alice.statuses == [183, 180]
        assert [r.get("RAck") for r in bob.requests if r.method == "PRACK"] == ["5 1 INVITE", "6 1 INVITE"]

    def test_two_phones_behind_one_contact_have_early_dialogs_of_their_own(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        bob.respond(183, rseq=5, tag="fork1")
        bob.respond(183, rseq=900, tag="fork2")
        network.advance(0.1)
        assert alice.statuses == [183, 183]
        assert len({response.to_tag for response in alice.responses if response.status == 183}) == 2
        pracks = [request for request in bob.requests if request.method == "PRACK"]
        assert {(prack.to_tag, prack.get("RAck")) for prack in pracks} == {
            ("fork1", "5 1 INVITE"),
            ("fork2", "900 1 INVITE"),
        }
        bob.respond(200, tag="fork2")
        network.advance(0.1)
        assert last(alice, 200).to_tag == [r.to_tag for r in alice.responses if r.status == 183][1]
        hang_up(network, alice)
        assert bob.requests[-1].to_tag == "fork2"

    def test_more_early_dialogs_than_anybody_has_phones_are_not_followed(self) -> None:
        network, alice, bob = ringing()
        for number in range(20):
            bob.respond(180, tag=f"fork{number}")
        network.advance(0.1)
        assert len(alice.statuses) == 12


class TestOnlyTheCalleeIsReliable:
    def test_our_own_prack_and_the_callers_answer_in_the_200(self) -> None:
        network, alice, bob = ringing(always_100rel=True)
        bob.respond(183, rseq=7)
        network.advance(0.1)
        assert (bob.requests[-1].method, bob.requests[-1].get("RAck")) == ("PRACK", "7 1 INVITE")
        assert last(alice, 183).get("Require") is None
        bob.respond(200, body=b"")
        network.advance(0.1)
        answer = last(alice, 200)
        assert (answer.body, answer.get("Content-Type")) == (ANSWER, "application/sdp")
        hang_up(network, alice)
        numbers = [request.cseq.number for request in bob.requests]
        assert numbers == sorted(set(numbers))

    def test_it_is_not_offered_for_a_caller_who_makes_no_offer(self) -> None:
        _, _, bob = ringing(body=b"", always_100rel=True)
        assert bob.requests[0].get("Supported") == PLAIN

    def test_it_is_not_offered_without_the_setting(self) -> None:
        _, _, bob = ringing()
        assert bob.requests[0].get("Supported") == PLAIN

    def test_a_callee_that_insists_is_offered_it(self) -> None:
        network, alice, bob = ringing()
        bob.reply_headers = (REQUIRES,)
        bob.respond(421)
        network.advance(0.1)
        assert [request.get("Supported") for request in bob.requests] == [
            PLAIN,
            WITH_100REL,
        ]
        bob.respond(421, -1)
        network.advance(0.1)
        assert alice.statuses == [421]
        assert methods(bob) == ["INVITE", "INVITE"]

    def test_a_carrier_that_challenges_the_prack_gets_credentials(self) -> None:
        entry = trunk(1, "198.51.100.1", username="us", realm="carrier.example", ha1_md5="0" * 32)
        network = Network(directory(line(1, "alice"), entry), FakePolicy((1,)))
        alice, carrier = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone("198.51.100.1")
        carrier.on_invite = ()
        alice.call("+442071838750")
        network.advance(0.1)
        carrier.challenge = Challenge("carrier.example", "n")
        carrier.respond(183, rseq=1)
        network.advance(0.1)
        pracks = [request for request in carrier.requests if request.method == "PRACK"]
        assert [prack.get("Proxy-Authorization") is not None for prack in pracks] == [False, True]
        assert [prack.get("RAck") for prack in pracks] == ["1 1 INVITE", "1 1 INVITE"]

    def test_an_early_update_with_offer_cannot_reach_such_a_caller(self) -> None:
        network, alice, bob = ringing(always_100rel=True)
        bob.respond(183, rseq=7)
        network.advance(0.1)
        bob.in_dialog("UPDATE", OTHER)
        network.advance(0.1)
        assert bob.responses[-1].status == 504
        assert methods(alice) == []


class TestOnlyTheCallerIsReliable:
    def test_a_caller_that_can_gets_what_is_unreliable_unreliably(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        bob.respond(180)
        network.advance(0.1)
        assert last(alice, 180).get("Require") is None

    def test_a_caller_that_must_gets_all_reliably_and_its_prack_ends_here(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        bob.respond(180)
        network.advance(0.1)
        assert last(alice, 180).get("Require") == "100rel"
        assert (alice.responses[-1].cseq.method, alice.responses[-1].status) == ("PRACK", 200)
        assert methods(bob) == ["INVITE"]
        bob.pick_up()
        network.advance(0.1)
        hang_up(network, alice)

    def test_without_offer_nothing_without_offer_may_be_reliable(self) -> None:
        network, alice, bob = ringing(REQUIRES, body=b"")
        bob.respond(180)
        network.advance(0.1)
        assert alice.statuses == []

    def test_an_offer_in_such_a_prack_is_refused(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.prack_body = OTHER
        bob.respond(183)
        network.advance(0.1)
        assert (alice.responses[-1].cseq.method, alice.responses[-1].status) == ("PRACK", 488)

    def test_the_200_waits_for_the_prack_of_a_session_description(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(183)
        bob.respond(200)
        network.advance(1.0)
        assert set(alice.statuses) == {183}
        progress = last(alice, 183)
        alice.prack(progress.to_tag, progress.get("RSeq") or "", 2)
        network.advance(0.1)
        assert alice.statuses[-1] == 200
        hang_up(network, alice)

    def test_a_callee_that_hangs_up_meanwhile_leaves_no_caller_without_answer(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(183)
        bob.respond(200)
        network.advance(1.0)
        bob.hang_up()
        network.advance(1.0)
        assert alice.statuses[-1] == 200
        assert methods(alice) == ["BYE"]
        assert only_record(network).ended_by == "callee"

    def test_a_200_does_not_wait_for_the_prack_of_a_bare_180_which_may_come_later(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(180)
        bob.respond(200)
        network.advance(3.0)
        assert alice.statuses == [180, 200]
        progress = last(alice, 180)
        for _ in range(2):
            alice.earlies[progress.to_tag] = alice.dialog  # type: ignore[assignment]
            alice.prack(progress.to_tag, progress.get("RSeq") or "", 2)
            network.advance(0.1)
        assert [r.status for r in alice.responses if r.cseq.method == "PRACK"] == [200, 481]
        hang_up(network, alice)


class TestSection3UasBehaviour:
    def test_it_is_repeated_at_doubling_intervals_and_refused_with_504_in_the_end(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(180)
        network.advance(33.0)
        assert times(network, "180 INVITE", "switch", "alice") == [0.1, 0.6, 1.6, 3.6, 7.6, 15.6, 31.6]
        assert alice.statuses[-1] == 504
        assert bob.cancelled == 1
        record = only_record(network)
        assert (record.sip_status, record.q850_cause, record.refusal_code) == (504, 102, "caller.no_prack")

    def test_a_prack_stops_the_repetition(self) -> None:
        network, _, bob = ringing(REQUIRES)
        bob.respond(180)
        network.advance(30.0)
        assert times(network, "180 INVITE", "switch", "alice") == [0.1]

    def test_the_final_response_stops_the_repetition(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(180)
        bob.respond(486)
        network.advance(30.0)
        assert times(network, "180 INVITE", "switch", "alice") == [0.1]
        assert alice.statuses == [180, 486]

    @pytest.mark.parametrize(
        ("rack", "status"),
        [("1 2 INVITE", 481), ("{} 1 INVITE", 481), ("{} 2 UPDATE", 481), ("", 400), ("x", 400), ("0 2 INVITE", 400)],
    )
    def test_a_prack_of_nothing_that_waits(self, rack: str, status: int) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(180)
        network.run()
        progress = last(alice, 180)
        early = alice.earlies[progress.to_tag]
        alice.send(early.request("PRACK", [("RAck", rack.format(progress.get("RSeq")))] if rack else []))
        network.run()
        assert alice.responses[-1].status == status
        network.advance(1.0)
        assert times(network, "180 INVITE", "switch", "alice") == [0.1, 0.6]

    def test_a_prack_outside_any_dialog_gets_481(self) -> None:
        network, alice, _ = ringing()
        alice.send(alice._request("PRACK", "sip:102@trunkline.test", "102", [("RAck", "1 1 INVITE")], b""))
        network.run()
        assert alice.responses[-1].status == 481

    def test_a_prack_number_that_goes_back_gets_500(self) -> None:
        network, alice, bob = ringing(REQUIRES)
        alice.sends_prack = False
        bob.respond(180)
        network.run()
        progress = last(alice, 180)
        alice.earlies[progress.to_tag].local_cseq = 0
        alice.prack(progress.to_tag, progress.get("RSeq") or "", 2)
        network.run()
        assert alice.responses[-1].status == 500


class TestRfc3311EarlyUpdate:
    def _early(self) -> tuple[Network, Phone, Phone]:
        network, alice, bob = ringing(SUPPORTS)
        bob.respond(183, rseq=1)
        network.advance(0.1)
        return network, alice, bob

    def _update(self, phone: Phone, body: bytes) -> None:
        dialog = next(iter(phone.earlies.values())) if phone.earlies else phone.dialog
        assert dialog is not None
        rows = [("Content-Type", "application/sdp")] if body else []
        phone.send(dialog.request("UPDATE", rows, body))

    @pytest.mark.parametrize("body", [OTHER, b""])
    def test_the_callers_passes(self, body: bytes) -> None:
        network, alice, bob = self._early()
        self._update(alice, body)
        network.advance(0.1)
        assert (bob.requests[-1].method, bob.requests[-1].body) == ("UPDATE", body)
        assert (alice.responses[-1].status, alice.responses[-1].body) == (200, ANSWER if body else b"")

    def test_the_callees_passes_and_moves_its_target(self) -> None:
        network, alice, bob = self._early()
        moved = network.phone("192.0.2.77", "moved")
        assert bob.dialog is not None
        bob.dialog.local_contact = "<sip:bob@192.0.2.77:5060>"
        self._update(bob, OTHER)
        network.advance(0.1)
        assert methods(alice) == ["UPDATE"]
        assert bob.responses[-1].body == ANSWER
        self._update(alice, b"")
        network.advance(0.1)
        assert methods(moved) == ["UPDATE"]

    def test_two_that_cross_get_491(self) -> None:
        network, alice, bob = self._early()
        network.lose = lambda sent: sent.text == "UPDATE" and sent.target == "bob"
        self._update(alice, OTHER)
        network.run()
        self._update(bob, OTHER)
        self._update(alice, OTHER)
        network.run()
        assert (bob.responses[-1].status, alice.responses[-1].status) == (491, 500)

    def test_the_numbers_go_on_in_the_confirmed_dialog(self) -> None:
        network, alice, bob = self._early()
        self._update(alice, OTHER)
        self._update(bob, b"")
        network.advance(0.1)
        bob.respond(200, body=b"")
        network.advance(0.1)
        hang_up(network, alice)
        for phone in (alice, bob):
            numbers = [r.cseq.number for r in phone.requests if isinstance(r, Request) and r.method != "ACK"]
            assert numbers == sorted(set(numbers))

    def test_one_that_is_open_when_the_call_is_cancelled_is_answered(self) -> None:
        network, alice, _bob = self._early()
        network.lose = lambda sent: sent.text == "UPDATE" and sent.target == "bob"
        self._update(alice, OTHER)
        network.run()
        alice.cancel()
        network.advance(1.0)
        assert {r.cseq.method: r.status for r in alice.responses[-2:]} == {"UPDATE": 487, "INVITE": 487}

    def test_an_info_in_an_early_dialog_passes(self) -> None:
        network, alice, bob = self._early()
        early = next(iter(alice.earlies.values()))
        alice.send(early.request("INFO", [("Content-Type", "text/plain")], b"x"))
        network.advance(0.1)
        assert (bob.requests[-1].method, bob.requests[-1].body) == ("INFO", b"x")

    @pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("REFER", 405)])
    def test_what_is_answered_here(self, method: str, status: int) -> None:
        network, alice, bob = self._early()
        alice.send(next(iter(alice.earlies.values())).request(method))
        network.advance(0.1)
        assert alice.responses[-1].status == status
        assert methods(bob) == ["INVITE", "PRACK"]

    def test_a_callee_hangs_up_in_no_early_dialog(self) -> None:
        network, alice, bob = self._early()
        bob.hang_up()
        network.advance(0.1)
        assert bob.responses[-1].status == 481
        assert alice.statuses == [183]

    def test_a_caller_may_hang_up_in_an_early_dialog(self) -> None:
        network, alice, bob = self._early()
        alice.send(next(iter(alice.earlies.values())).request("BYE"))
        network.advance(1.0)
        assert bob.cancelled == 1
        assert alice.statuses[-1] == 487
        only_record(network)

    def test_a_phone_that_lost_is_hung_up_on_with_a_number_that_goes_on(self) -> None:
        network, alice, bob = ringing(SUPPORTS)
        bob.respond(183, rseq=1, tag="fork1")
        network.advance(0.1)
        bob.respond(200, tag="fork2")
        late = bob.respond(200, tag="fork1")
        network.advance(0.1)
        [bye] = [request for request in bob.requests if request.method == "BYE"]
        [prack] = [request for request in bob.requests if request.method == "PRACK"]
        assert (bye.to_tag, bye.cseq.number) == (late.to_tag, prack.cseq.number + 1)
        hang_up(network, alice)


def test_a_phone_that_answers_long_after_another_has_is_hung_up_on_with_a_number_that_goes_on() -> None:
    network, alice, bob = ringing(SUPPORTS)
    bob.respond(183, rseq=1, tag="fork1")
    network.advance(0.1)
    bob.respond(200, tag="fork2")
    network.advance(1.0)
    late = bob.endpoint.make_response(bob.ringing[0].request, 200, "", "fork1", [bob.contact], ANSWER)
    flow = Flow("UDP", bob.flow.remote, bob.flow.local)
    network.endpoint.receive_datagram(bytes(late), flow, network.now)
    network.advance(0.1)
    numbers = {request.method: request.cseq.number for request in bob.requests if request.to_tag == "fork1"}
    assert numbers["BYE"] == numbers["PRACK"] + 1
    hang_up(network, alice)


def test_nothing_can_be_sent_once_it_is_stopped() -> None:
    assert [given for state, given in RELIABLE if state is ReliableState.STOPPED] == []
    assert (ReliableState.IDLE, ReliableInput.REPEAT) not in RELIABLE
