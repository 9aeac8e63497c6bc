"""Races of RFC 5407 between sipp and a node of its own process, one test for each section.

What crosses on the wire by chance crosses here by order: a peer keeps a request open, or its ACK back, until the
node has had the other side's message. sipp fails a call on any message its scenario does not name, also in a pause:
each scenario therefore ends with one. A caller that never acknowledges is left to the hand-moved clock
(``tests/sip/controller/test_rfc5407_races.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from sip.cdr.record import CallRecord
from tests.sip.peers import sipp
from tests.sip.peers.conftest import StaticNode
from tests.sip.peers.sipp import (
    answer_keeping_dialog,
    callee_sends,
    pause,
    recv,
    recv_keeping,
    recv_open,
    reply,
    reply_open,
    send,
)

pytestmark = pytest.mark.integration

Ports = Callable[[], int]
Play = Callable[[str, str], CallRecord]

B: Final = "1002"
QUIET_MS: Final = 250
"""How long a peer that is done still listens for what must not come."""
PAST_T1_MS: Final = 800
"""Longer than T1: what is sent until acknowledged has been sent again by then."""

WRITTEN: Final = pytest.mark.parametrize("late_ms", [0, 150], ids=["at once", "when the record is written"])

RINGING: Final = recv(180, optional=True)


def succeeded(method: str, cseq: int, *, route: bool = False) -> str:
    return recv(200, route=route, check=f"CSeq: {cseq} {method}")


def refused(status: int, method: str, cseq: int) -> str:
    return recv(status, check=f"CSeq: {cseq} {method}")


def refused_invite(status: int, cseq: int) -> str:
    return recv(100, optional=True) + refused(status, "INVITE", cseq) + sipp.ack_failure(B, cseq)


def ack(cseq: int, *, sdp: bool = False) -> str:
    return send("ACK", B, cseq, in_dialog=True, sdp=sdp)


def reinvite(cseq: int) -> str:
    return send("INVITE", B, cseq, in_dialog=True, sdp=True)


def bye(cseq: int) -> str:
    return send("BYE", B, cseq, in_dialog=True)


def hang_up(cseq: int) -> str:
    return bye(cseq) + succeeded("BYE", cseq) + pause(QUIET_MS)


def callee_invites(cseq: int) -> str:
    return callee_sends("INVITE", cseq, sdp=True)


def hung_up_on() -> str:
    return recv("BYE") + reply("200 OK", tag=False) + pause(QUIET_MS)


def answered() -> str:
    """The caller has the 200 of its second INVITE, and has not acknowledged it."""
    return sipp.invite(B) + RINGING + succeeded("INVITE", 2, route=True)


def talking() -> str:
    return answered() + ack(2) + pause(100)


def rings() -> str:
    return recv("INVITE") + reply("180 Ringing")


def accepts() -> str:
    """The callee agrees to a re-INVITE."""
    return recv("INVITE") + reply("200 OK", sdp=True, tag=False) + recv("ACK")


def answers_a_cancel() -> str:
    """The callee picks up in the very moment in which the node takes its INVITE back."""
    return (
        recv_keeping("INVITE", number="CSeq")
        + reply("180 Ringing")
        + recv("CANCEL")
        + reply("200 OK")
        + reply("200 OK", sdp=True, cseq="CSeq: [$number]")
        + recv("ACK")
        + hung_up_on()
    )


@pytest.fixture
def play(node: StaticNode, ports: Ports) -> Play:
    """Play a caller's and a callee's scenario and return the one record they leave."""

    def run(caller: str, callee: str) -> CallRecord:
        port = ports()
        node.register(port, "u2")
        phone = node.sipp("uas", callee, port, traces=True)
        node.sipp("uac", caller, ports(), traces=True).wait(20)
        phone.wait(20)
        [record] = node.records(1)
        assert (record.a_line_id, record.b_line_id) == (1, 2)
        return record

    return run


def outcome(record: CallRecord) -> tuple[int, int, str]:
    return (record.sip_status, record.q850_cause, record.ended_by)


BY_CALLER: Final = (200, 16, "caller")
BY_CALLEE: Final = (200, 16, "callee")


class TestSection31Moratorium:
    """The 200 has been sent, its ACK has not come."""

    def test_3_1_1_the_initial_invite_again_is_absorbed(self, play: Play, node: StaticNode) -> None:
        """It has the branch of the first, and no second phone rings for it."""
        again = sipp.invite_again(B, 2)
        caller = answered() + again + pause(50) + ack(2) + pause(QUIET_MS) + hang_up(3)
        callee = rings() + reply("200 OK", sdp=True) + recv("ACK") + hung_up_on()
        assert outcome(play(caller, callee)) == BY_CALLER
        assert [row.split()[0] for row in node.runs[-2].heard()] == ["INVITE", "ACK", "BYE"]

    @pytest.mark.parametrize("hangs_up", [True, False], ids=["who hangs up", "who is hung up for"])
    def test_3_1_2_a_cancel_that_meets_the_200_leaves_a_call_to_a_caller(self, play: Play, hangs_up: bool) -> None:
        end = hang_up(3) if hangs_up else hung_up_on()
        caller = (
            sipp.invite(B)
            + recv(180)
            + sipp.cancel(B, 2)
            + succeeded("CANCEL", 2)
            + succeeded("INVITE", 2, route=True)
            + ack(2)
            + end
        )
        record = play(caller, answers_a_cancel())
        assert outcome(record) == BY_CALLER
        assert record.answered_at is not None

    def test_3_1_3_a_caller_whose_early_bye_meets_the_200_is_not_hung_up_on(self, play: Play) -> None:
        caller = (
            sipp.invite(B)
            + recv(180, route=True)
            + bye(3)
            + succeeded("BYE", 3)
            + succeeded("INVITE", 2)
            + ack(2)
            + pause(QUIET_MS)
        )
        record = play(caller, answers_a_cancel())
        assert outcome(record) == BY_CALLER
        assert record.duration_s < 1.0

    def test_3_1_4_a_reinvite_before_the_ack_passes_when_the_offer_is_answered(self, play: Play) -> None:
        changed = reinvite(3) + recv(100, optional=True) + succeeded("INVITE", 3) + ack(3)
        caller = answered() + changed + ack(2) + pause(QUIET_MS) + hang_up(4)
        callee = rings() + reply("200 OK", sdp=True) + recv("ACK") + accepts() + hung_up_on()
        assert outcome(play(caller, callee)) == BY_CALLER

    def test_3_1_5_a_reinvite_before_the_ack_gets_491_when_the_answer_is_in_the_ack(self, play: Play) -> None:
        caller = (
            sipp.invite(B, sdp=False)
            + RINGING
            + succeeded("INVITE", 2, route=True)
            + reinvite(3)
            + refused_invite(491, 3)
            + ack(2, sdp=True)
            + pause(QUIET_MS)
            + hang_up(4)
        )
        callee = rings() + reply("200 OK", sdp=True) + recv("ACK", check="m=audio") + hung_up_on()
        assert outcome(play(caller, callee)) == BY_CALLER

    def test_3_1_6_a_bye_before_the_ack_ends_the_repetition_of_the_200(self, play: Play, node: StaticNode) -> None:
        caller = answered() + bye(3) + succeeded("BYE", 3) + pause(PAST_T1_MS)
        callee = rings() + reply("200 OK", sdp=True) + recv("ACK") + hung_up_on()
        assert outcome(play(caller, callee)) == BY_CALLER
        # sipp would take a 200 that comes again for a sign that its BYE was lost, and send that again.
        accepted = [row for row in node.runs[-1].heard() if row.startswith("SIP/2.0 200")]
        assert accepted == ["SIP/2.0 200 OK, CSeq: 2 INVITE", "SIP/2.0 200 OK, CSeq: 3 BYE"]


class TestSection32Mortal:
    """A BYE has been sent: here always before its receiver has answered it."""

    @WRITTEN
    def test_3_2_1_bye_meets_the_callees_bye(self, play: Play, late_ms: int) -> None:
        both = (
            recv_open("BYE") + pause(late_ms) + callee_sends("BYE") + succeeded("BYE", 1) + reply_open("BYE", "200 OK")
        )
        record = play(talking() + hang_up(3), answer_keeping_dialog() + both + pause(QUIET_MS))
        assert outcome(record) == BY_CALLER

    @WRITTEN
    def test_3_2_1_bye_meets_the_callers_bye(self, play: Play, late_ms: int) -> None:
        caller = (
            talking() + recv_open("BYE") + pause(late_ms) + bye(3) + succeeded("BYE", 3) + reply_open("BYE", "200 OK")
        )
        callee = answer_keeping_dialog() + pause(200) + callee_sends("BYE") + succeeded("BYE", 1)
        assert outcome(play(caller + pause(QUIET_MS), callee + pause(QUIET_MS))) == BY_CALLEE

    def test_3_2_2_a_callees_reinvite_that_meets_bye_gets_481(self, play: Play) -> None:
        late = callee_invites(1) + refused_invite(481, 1)
        callee = answer_keeping_dialog() + recv_open("BYE") + late + reply_open("BYE", "200 OK") + pause(QUIET_MS)
        assert outcome(play(talking() + hang_up(3), callee)) == BY_CALLER

    def test_3_2_2_a_callers_reinvite_that_meets_bye_gets_481(self, play: Play) -> None:
        caller = talking() + recv_open("BYE") + reinvite(3) + refused_invite(481, 3) + reply_open("BYE", "200 OK")
        callee = answer_keeping_dialog() + pause(200) + callee_sends("BYE") + succeeded("BYE", 1)
        assert outcome(play(caller + pause(QUIET_MS), callee + pause(QUIET_MS))) == BY_CALLEE

    def test_3_2_3_the_200_of_a_reinvite_that_meets_bye_is_acknowledged(self, play: Play) -> None:
        """The caller's own re-INVITE ends with 487 (RFC 3261 §15.1.2), before its BYE is answered."""
        caller = talking() + reinvite(3) + recv(100) + bye(4) + refused_invite(487, 3) + succeeded("BYE", 4)
        callee = (
            answer_keeping_dialog()
            + recv_open("INVITE")
            + recv_open("BYE")
            + reply_open("INVITE", "200 OK", sdp=True)
            + recv("ACK", check="CSeq: 2 ACK")
            + reply_open("BYE", "200 OK")
            + pause(QUIET_MS)
        )
        assert outcome(play(caller + pause(QUIET_MS), callee)) == BY_CALLER

    def test_3_2_4_an_ack_after_the_callees_bye_is_awaited_before_the_caller_gets_it(self, play: Play) -> None:
        caller = answered() + pause(300) + ack(2) + hung_up_on()
        callee = answer_keeping_dialog() + callee_sends("BYE") + succeeded("BYE", 1) + pause(PAST_T1_MS)
        assert outcome(play(caller, callee)) == BY_CALLEE


class TestSection33Other:
    def test_3_3_1_reinvite_meets_reinvite_and_both_get_491(self, play: Play) -> None:
        again = reinvite(4) + recv(100, optional=True) + succeeded("INVITE", 4) + ack(4) + pause(100)
        crossed = recv_open("INVITE") + callee_invites(1) + refused_invite(491, 1)
        callee = crossed + reply_open("INVITE", "491 Request Pending") + recv("ACK", check="CSeq: 2 ACK")
        record = play(
            talking() + reinvite(3) + refused_invite(491, 3) + again + hang_up(5),
            answer_keeping_dialog() + callee + accepts() + hung_up_on(),
        )
        assert outcome(record) == BY_CALLER

    def test_3_3_2_a_callees_update_that_meets_a_reinvite_gets_491(self, play: Play) -> None:
        crossed = recv_open("INVITE") + callee_sends("UPDATE", sdp=True) + refused(491, "UPDATE", 1)
        callee = crossed + reply_open("INVITE", "491 Request Pending") + recv("ACK", check="CSeq: 2 ACK")
        record = play(
            talking() + reinvite(3) + refused_invite(491, 3) + hang_up(4),
            answer_keeping_dialog() + callee + hung_up_on(),
        )
        assert outcome(record) == BY_CALLER

    def test_3_3_2_a_callees_reinvite_that_meets_an_update_gets_491(self, play: Play) -> None:
        update = send("UPDATE", B, 3, in_dialog=True, sdp=True) + refused(491, "UPDATE", 3)
        crossed = recv_open("UPDATE") + callee_invites(1) + refused_invite(491, 1)
        record = play(
            talking() + update + hang_up(4),
            answer_keeping_dialog() + crossed + reply_open("UPDATE", "491 Request Pending") + hung_up_on(),
        )
        assert outcome(record) == BY_CALLER

    def test_3_3_3_a_callees_refer_that_meets_bye_gets_481(self, play: Play) -> None:
        """And no NOTIFY, and nobody is called: there is one record."""
        late = callee_sends("REFER", extra=f"Refer-To: <sip:1003@{sipp.REALM}>") + refused(481, "REFER", 1)
        callee = answer_keeping_dialog() + recv_open("BYE") + late + reply_open("BYE", "200 OK") + pause(QUIET_MS)
        assert outcome(play(talking() + hang_up(3), callee)) == BY_CALLER
