"""Session timers of each leg by itself (RFC 4028)."""

from __future__ import annotations

import pytest

from sip.controller.limits import PROBE_S
from sip.stack.digest import Challenge
from sip.stack.message.message import Request, Response
from tests.sip.controller.business import FakePolicy, directory, line, trunk
from tests.sip.controller.network import Network, Sent, alice_and_bob, only_record
from tests.sip.controller.phone import ANSWER, OFFER, Phone

TIMER = ("Supported", "timer")


def asks(expires: str, *rows: tuple[str, str]) -> list[tuple[str, str]]:
    return [TIMER, ("Session-Expires", expires), *rows]


def talking(caller: list[tuple[str, str]], callee: list[tuple[str, str]] | None = None) -> tuple[Network, Phone, Phone]:
    """Return a call that is up; the rows are those of the caller's INVITE and of the callee's 200."""
    network, alice, bob = alice_and_bob()
    bob.on_invite, bob.reply_headers = (180, 200), tuple(callee or [])
    alice.call("102", OFFER, *caller)
    network.advance(1.0)
    return network, alice, bob


def answer_of(phone: Phone) -> Response:
    return next(response for response in reversed(phone.responses) if response.cseq.method == "INVITE")


def methods(phone: Phone) -> list[str]:
    return [request.method for request in phone.requests]


def times(network: Network, text: str, source: str, target: str) -> list[float]:
    return [sent.at for sent in network.sent if (sent.text, sent.source, sent.target) == (text, source, target)]


class TestSection9UasBehaviour:
    def test_an_interval_that_is_too_small_gets_422_with_ours_and_no_call_is_made(self) -> None:
        network, alice, bob = talking(asks("60"))
        assert alice.statuses == [407, 422]
        assert answer_of(alice).get("Min-SE") == "90"
        assert methods(bob) == []
        assert network.policy.holds == []

    def test_a_small_interval_of_a_proxy_before_a_caller_without_timer_is_passed_over(self) -> None:
        _, alice, _ = talking([("Session-Expires", "60")])
        assert alice.statuses[-1] == 200
        assert answer_of(alice).get("Session-Expires") is None

    @pytest.mark.parametrize("value", ["soon", "90;refresher=both", "-1", "99999999999"])
    def test_an_unreadable_interval_gets_400(self, value: str) -> None:
        _, alice, bob = talking(asks(value))
        assert alice.statuses == [407, 400]
        assert methods(bob) == []

    @pytest.mark.parametrize(
        ("rows", "expected", "required"),
        [
            ([], None, None),
            ([TIMER], "1800;refresher=uac", "timer"),
            ([("Session-Expires", "600")], "600;refresher=uas", None),
            (asks("600"), "600;refresher=uac", "timer"),
            (asks("600;refresher=uac"), "600;refresher=uac", "timer"),
            (asks("600;refresher=uas"), "600;refresher=uas", "timer"),
            (asks("7200"), "1800;refresher=uac", "timer"),
            (asks("7200", ("Min-SE", "3600")), "3600;refresher=uac", "timer"),
        ],
    )
    def test_table_2(self, rows: list[tuple[str, str]], expected: str | None, required: str | None) -> None:
        _, alice, _ = talking(rows)
        answer = answer_of(alice)
        assert (answer.status, answer.get("Session-Expires"), answer.get("Require")) == (200, expected, required)

    def test_a_caller_may_require_timer(self) -> None:
        _, alice, _ = talking([("Require", "timer"), ("Session-Expires", "600")])
        assert answer_of(alice).get("Session-Expires") == "600;refresher=uac"


class TestSection10Refreshed:
    def test_a_caller_that_does_not_refresh_is_hung_up_on_shortly_before_the_end(self) -> None:
        network, alice, bob = talking(asks("90;refresher=uac"))
        network.advance(58.9)
        assert methods(alice) == []
        network.advance(0.2)
        assert methods(alice) == ["BYE"]
        assert methods(bob) == ["INVITE", "BYE"]
        assert bob.requests[-1].get("Reason") == 'Q.850;cause=102;text="Recovery on timer expiry"'
        record = only_record(network)
        assert (record.ended_by, record.q850_cause, record.duration_s) == ("platform", 102, 60.0)

    def test_a_long_interval_ends_32_seconds_before_its_time(self) -> None:
        network, alice, _ = talking(asks("600;refresher=uac"))
        network.advance(566.9)
        assert methods(alice) == []
        network.advance(0.2)
        assert methods(alice) == ["BYE"]

    def test_an_update_without_offer_keeps_it_and_does_not_reach_the_other_leg(self) -> None:
        network, alice, bob = talking(asks("90;refresher=uac"))
        for _ in range(4):
            network.advance(45.0)
            alice.in_dialog("UPDATE", b"", *asks("90;refresher=uac"))
            network.run()
            answer = alice.responses[-1]
            assert (answer.status, answer.get("Session-Expires")) == (200, "90;refresher=uac")
            assert answer.get("Contact") is not None
        network.advance(59.0)
        assert methods(bob) == ["INVITE"]
        network.advance(2.0)
        assert methods(bob) == ["INVITE", "BYE"]

    def test_a_reinvite_keeps_it_and_passes_to_the_other_leg(self) -> None:
        network, alice, bob = talking(asks("90;refresher=uac"))
        network.advance(45.0)
        alice.in_dialog("INVITE", OFFER, *asks("90;refresher=uac"))
        network.advance(55.0)
        assert answer_of(alice).get("Session-Expires") == "90;refresher=uac"
        assert methods(bob) == ["INVITE", "INVITE"]
        assert network.journal.records == []

    def test_a_refresh_that_asks_for_too_little_gets_422_and_moves_nothing(self) -> None:
        network, alice, _ = talking(asks("90;refresher=uac"))
        network.advance(45.0)
        alice.in_dialog("UPDATE", b"", *asks("30"))
        network.run()
        assert (alice.responses[-1].status, alice.responses[-1].get("Min-SE")) == (422, "90")
        network.advance(15.1)
        assert only_record(network).q850_cause == 102

    def test_the_party_may_turn_the_timer_off_and_is_asked_for_signs_of_life_instead(self) -> None:
        network, alice, _bob = talking([("Session-Expires", "120")])
        network.advance(30.0)
        alice.in_dialog("INVITE", OFFER)
        network.advance(PROBE_S)
        assert network.journal.records == []
        assert "OPTIONS" in methods(alice)

    def test_a_call_without_timers_is_asked_for_signs_of_life(self) -> None:
        network, alice, bob = talking([])
        network.advance(PROBE_S + 1.0)
        assert (methods(alice), methods(bob)) == (["OPTIONS"], ["INVITE", "OPTIONS"])

    def test_a_leg_with_a_timer_is_not_asked_for_signs_of_life(self) -> None:
        network, alice, bob = talking(asks("1800;refresher=uac"))
        network.advance(PROBE_S + 1.0)
        assert (methods(alice), methods(bob)) == ([], ["INVITE", "OPTIONS"])


class TestSection10Refresher:
    def test_a_callee_that_leaves_it_to_us_gets_an_update_after_half_the_interval(self) -> None:
        network, alice, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE, UPDATE")])
        bob.reply_body, bob.reply_headers = b"", (("Session-Expires", "100;refresher=uac"),)
        network.advance(200.0)
        assert times(network, "UPDATE", "switch", "bob") == [50.0, 100.0, 150.0, 200.0]
        update = bob.requests[1]
        assert (update.get("Session-Expires"), update.get("Supported"), update.body) == (
            "100;refresher=uac",
            "norefersub, replaces, timer",
            b"",
        )
        assert methods(alice) == []
        assert network.journal.records == []

    def test_a_callee_without_update_gets_a_reinvite_with_the_same_offer(self) -> None:
        network, alice, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE, ACK, BYE")])
        bob.on_invite = (200,)
        network.advance(100.0)
        assert methods(bob) == ["INVITE", "INVITE", "INVITE"]
        assert [request.body for request in bob.requests] == [OFFER] * 3
        assert len(bob.acks) == 3
        assert bob.acks[-1].cseq.number == bob.requests[-1].cseq.number
        assert methods(alice) == []

    def test_a_caller_that_leaves_it_to_us_gets_the_callees_answer_as_offer(self) -> None:
        network, alice, bob = talking([("Session-Expires", "100"), ("Allow", "INVITE, ACK, BYE")])
        alice.on_invite, alice.reply_headers = (200,), (("Session-Expires", "100;refresher=uac"),)
        network.advance(55.0)
        assert methods(alice) == ["INVITE"]
        assert alice.requests[0].body == ANSWER
        assert alice.requests[0].get("Session-Expires") == "100;refresher=uac"
        assert methods(bob) == ["INVITE"]

    @pytest.mark.parametrize("status", [408, 481])
    def test_a_party_that_knows_no_such_dialog_ends_the_call(self, status: int) -> None:
        network, alice, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "UPDATE")])
        bob.on_request = status
        network.advance(85.0)
        assert methods(alice) == ["BYE"]
        assert only_record(network).q850_cause == 102

    def test_a_silent_party_ends_the_call(self) -> None:
        network, alice, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "UPDATE")])
        bob.is_dead = True
        network.advance(80.5)
        assert methods(alice) == []
        network.advance(2.0)
        assert methods(alice) == ["BYE"]
        assert only_record(network).duration_s == 82.0

    def test_a_refresh_that_is_refused_is_tried_three_times_and_the_call_ends_with_the_session(self) -> None:
        network, _alice, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "UPDATE")])
        bob.on_request = 500
        network.advance(98.9)
        assert times(network, "UPDATE", "switch", "bob") == [50.0, 60.0, 70.0]
        assert network.journal.records == []
        network.advance(0.2)
        assert only_record(network).q850_cause == 102

    def test_a_422_raises_the_interval(self) -> None:
        network, _, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "UPDATE")])
        bob.on_request, bob.reply_headers = 422, (("Min-SE", "300"),)
        network.advance(49.1)
        bob.on_request, bob.reply_headers = 200, (("Session-Expires", "300;refresher=uac"),)
        network.advance(1.0)
        update = bob.requests[-1]
        assert (update.get("Session-Expires"), update.get("Min-SE")) == ("300;refresher=uac", "300")

    def test_a_retry_after_is_kept(self) -> None:
        network, _, bob = talking([], [("Session-Expires", "200;refresher=uac"), ("Allow", "UPDATE")])
        bob.on_request, bob.reply_headers = 503, (("Retry-After", "25 (soon);duration=3"),)
        network.advance(126.0)
        assert times(network, "UPDATE", "switch", "bob") == [100.0, 125.0]

    def test_a_carrier_that_challenges_the_refresh_gets_credentials(self) -> None:
        network, alice, carrier = _trunk_call([("Session-Expires", "100;refresher=uac"), ("Allow", "UPDATE")])
        carrier.challenge = Challenge("carrier.example", "n")
        network.advance(51.0)
        updates = [request for request in carrier.requests if request.method == "UPDATE"]
        assert [request.get("Proxy-Authorization") is not None for request in updates] == [False, True]
        assert methods(alice) == []


class TestSection7UacBehaviour:
    def test_the_invite_says_what_is_supported_and_wanted(self) -> None:
        _, _, bob = talking([])
        invite = bob.requests[0]
        assert (invite.get("Supported"), invite.get("Session-Expires")) == ("norefersub, replaces, timer", "1800")

    def test_a_callee_without_timer_has_none(self) -> None:
        network, _, bob = talking([])
        network.advance(590.0)
        assert methods(bob) == ["INVITE"]

    def test_a_callee_that_refreshes_is_watched(self) -> None:
        network, alice, _ = talking([], [("Session-Expires", "90;refresher=uas"), ("Require", "timer")])
        network.advance(58.0)
        assert methods(alice) == []
        network.advance(2.0)
        assert methods(alice) == ["BYE"]

    def test_a_422_is_followed_with_the_longer_interval(self) -> None:
        network, alice, bob = alice_and_bob()
        bob.on_invite, bob.reply_headers = (422,), (("Min-SE", "3600"),)
        alice.call("102")
        network.advance(1.0)
        invites = [request for request in bob.requests if request.method == "INVITE"]
        assert [invite.get("Session-Expires") for invite in invites] == ["1800", "3600", "3600"]
        assert [invite.get("Min-SE") for invite in invites] == [None, "3600", "3600"]
        assert [invite.cseq.number for invite in invites] == [1, 2, 3]
        assert len({invite.call_id for invite in invites}) == 1
        assert alice.statuses[-1] == 422

    @pytest.mark.parametrize("rows", [(), (("Min-SE", "x"),), (("Min-SE", "5"),)])
    def test_a_422_that_says_nothing_of_use_is_a_refusal(self, rows: tuple[tuple[str, str], ...]) -> None:
        network, alice, bob = alice_and_bob()
        bob.on_invite, bob.reply_headers = (422,), rows
        alice.call("102")
        network.advance(1.0)
        assert methods(bob) == ["INVITE"]
        assert alice.statuses[-1] == 422

    def test_a_relayed_reinvite_carries_the_target_legs_own_interval(self) -> None:
        network, alice, bob = talking(asks("600;refresher=uac"), [("Session-Expires", "120;refresher=uas")])
        bob.on_invite = (200,)
        alice.in_dialog("INVITE", OFFER, *asks("600;refresher=uac"))
        network.advance(1.0)
        assert bob.requests[-1].get("Session-Expires") == "120;refresher=uas"
        assert answer_of(alice).get("Session-Expires") == "600;refresher=uac"

    def test_a_422_of_the_target_is_settled_with_it_alone(self) -> None:
        network, alice, bob = talking([], [("Session-Expires", "120;refresher=uas")])
        bob.on_invite, bob.reply_headers = (422,), (("Min-SE", "240"),)
        alice.in_dialog("INVITE", OFFER)
        network.lose = lambda sent: sent.text == "INVITE" and sent.target == "bob" and len(bob.requests) == 2
        network.run()
        bob.on_invite, bob.reply_headers = (200,), (("Session-Expires", "240;refresher=uas"),)
        network.lose = lambda sent: False
        network.advance(2.0)
        assert bob.requests[-1].get("Session-Expires") == "240;refresher=uas"
        assert alice.statuses[-1] == 200


class TestRestart:
    def test_the_timers_go_on_after_a_restart(self) -> None:
        network, alice, bob = talking(
            asks("300;refresher=uac"), [("Session-Expires", "300;refresher=uac"), ("Allow", "UPDATE")]
        )
        network.advance(20.0)
        network.restart()
        network.advance(128.0)
        assert "UPDATE" not in methods(bob)
        network.advance(2.0)
        assert methods(bob)[-1] == "UPDATE"
        network.advance(116.0)
        assert methods(alice) == []
        network.advance(2.0)
        assert methods(alice) == ["BYE"]

    def test_the_offer_of_a_reinvite_is_kept_over_a_restart(self) -> None:
        network, _, bob = talking([], [("Session-Expires", "300;refresher=uac"), ("Allow", "INVITE")])
        network.restart()
        network.advance(150.0)
        assert (bob.requests[-1].method, bob.requests[-1].body) == ("INVITE", OFFER)

    def test_a_session_that_ended_while_the_switch_was_down_ends_the_call(self) -> None:
        network, _alice, _ = talking(asks("90;refresher=uac"))
        network.now += 200.0
        network.restart()
        network.advance(6.0)
        assert only_record(network).q850_cause == 102

    def test_a_state_of_version_1_has_no_timers(self) -> None:
        network, alice, bob = talking([])
        for payload in network.journal.payloads:
            payload["state"]["version"] = 1
        assert network.restart() == 1
        alice.hang_up()
        network.advance(1.0)
        assert methods(bob)[-1] == "BYE"


def _trunk_call(rows: list[tuple[str, str]]) -> tuple[Network, Phone, Phone]:
    entry = trunk(1, "198.51.100.1", username="us", realm="carrier.example", ha1_md5="0" * 32)
    network = Network(directory(line(1, "alice"), entry), FakePolicy((1,)))
    alice, carrier = network.phone("192.0.2.10", "alice", "pw-alice"), network.phone("198.51.100.1")
    carrier.on_invite, carrier.reply_headers = (200,), tuple(rows)
    alice.call("+442071838750")
    network.advance(1.0)
    return network, alice, carrier


def test_glare_of_a_refresh_waits_at_random_by_who_owns_the_call_id() -> None:
    network, _, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE")])
    bob.on_invite = (491,)
    network.advance(55.0)
    assert times(network, "INVITE", "switch", "bob")[1:] == [50.0, 53.05]


def test_a_partys_reinvite_that_meets_our_refresh_gets_491() -> None:
    network, alice, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE")])
    bob.on_invite = ()
    network.advance(49.5)
    bob.in_dialog("INVITE", OFFER)
    alice.in_dialog("INVITE", OFFER)
    network.run()
    assert (bob.statuses[-1], alice.statuses[-1]) == (491, 491)


def test_a_lost_ack_of_our_refresh_is_sent_again() -> None:
    network, _, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "INVITE")])
    lost: list[Sent] = []

    def lose(sent: Sent) -> bool:
        if sent.text == "ACK" and sent.target == "bob" and len(lost) < 2:
            lost.append(sent)
            return True
        return False

    network.lose = lose
    network.advance(60.0)
    assert len(lost) == 2
    assert [ack.cseq.number for ack in bob.acks] == [1, 2]


def test_timers_can_be_left_to_the_parties() -> None:
    network, alice, bob = alice_and_bob(switch={"session_expires_s": 0})
    bob.on_invite = (180, 200)
    alice.call("102", OFFER, TIMER)
    network.advance(1.0)
    assert bob.requests[0].get("Session-Expires") is None
    assert answer_of(alice).get("Session-Expires") is None


def test_our_refresh_has_what_a_strict_phone_asks_for() -> None:
    network, _, bob = talking([], [("Session-Expires", "100;refresher=uac"), ("Allow", "UPDATE")])
    network.advance(51.0)
    update = bob.requests[-1]
    assert isinstance(update, Request)
    assert update.get("Contact") is not None
    assert update.get("Max-Forwards") == "70"
