"""Sessions between sipp and a node of its own process: PRACK, session timers, hold, races, transfer, pickup."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.conftest import StaticNode

pytestmark = pytest.mark.integration

Ports = Callable[[], int]

_KEEP_INVITE = (
    '<recv request="INVITE"><action>'
    '<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="2"/>'
    '<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="3"/></action></recv>\n'
)


def take_number(status: int) -> str:
    """Wait for a reliable provisional response and keep its RSeq."""
    action = '<action><ereg regexp="[0-9]+" search_in="hdr" header="RSeq:" assign_to="1"/></action>'
    return f'<recv response="{status}" rrs="true">{action}</recv>\n'


def invite_with(to: str, *rows: str) -> str:
    """INVITE, challenged, INVITE with credentials and these rows."""
    extra = "\n      ".join(("[field1]", *rows))
    return (
        sipp.send("INVITE", to, 1, sdp=True)
        + sipp.recv(100, optional=True)
        + sipp.recv(407, auth=True)
        + sipp.ack_failure(to, 1)
        + sipp.send("INVITE", to, 2, sdp=True, extra=extra)
        + sipp.recv(100, optional=True)
    )


def end(to: str, cseq: int) -> str:
    return sipp.send("BYE", to, cseq, in_dialog=True) + sipp.recv(200)


def hung_up_on() -> str:
    return sipp.recv("BYE") + sipp.reply("200 OK", tag=False)


def answer(ring_ms: int = 20) -> str:
    rings = sipp.recv("INVITE") + sipp.reply("180 Ringing") + sipp.pause(ring_ms)
    return rings + sipp.reply("200 OK", sdp=True) + sipp.recv("ACK")


def test_prack_end_to_end(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    late_200 = sipp.reply("200 OK", tag=False, cseq="CSeq:[$3]", via="Via:[$2]")
    phone = node.sipp(
        "uas",
        _KEEP_INVITE
        + sipp.reply("183 Session Progress", sdp=True, extra="Require: 100rel\n      RSeq: 77")
        + sipp.recv("PRACK")
        + sipp.reply("200 OK", tag=False)
        + sipp.pause(100)
        + late_200
        + sipp.recv("ACK")
        + hung_up_on(),
        callee,
    )
    steps = (
        invite_with("1002", "Supported: 100rel")
        + take_number(183)
        + sipp.send("PRACK", "1002", 3, in_dialog=True, extra="RAck: [$1] 2 INVITE")
        + sipp.recv(200)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", "1002", 2, in_dialog=True)
        + sipp.pause(200)
        + end("1002", 4)
    )
    node.sipp("uac", steps, ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by) == (200, "caller")


def test_a_session_interval_too_small_and_one_that_is_kept_alive(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", answer() + hung_up_on(), callee)
    timer = ("Supported: timer", "Session-Expires: 90;refresher=uac")
    steps = (
        invite_with("1002", "Supported: timer", "Session-Expires: 30")
        + sipp.recv(422)
        + sipp.ack_failure("1002", 2)
        + sipp.send("INVITE", "1002", 3, sdp=True, extra="[field1]\n      " + "\n      ".join(timer))
        + sipp.recv(100, optional=True)
        + sipp.recv(407, auth=True, optional=True, jump="again")
        + sipp.recv(180, optional=True)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", "1002", 3, in_dialog=True)
        + sipp.send("UPDATE", "1002", 4, in_dialog=True, extra="\n      ".join(timer))
        + sipp.recv(200)
        + end("1002", 5)
        + sipp.stop()
        + sipp.label("again")
        + sipp.ack_failure("1002", 3)
        + sipp.send("INVITE", "1002", 4, sdp=True, extra="[field1]\n      " + "\n      ".join(timer))
        + sipp.recv(100, optional=True)
        + sipp.recv(180, optional=True)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", "1002", 4, in_dialog=True)
        + sipp.send("UPDATE", "1002", 5, in_dialog=True, extra="\n      ".join(timer))
        + sipp.recv(200)
        + end("1002", 6)
        + sipp.label("end")
    )
    node.sipp("uac", steps, ports()).wait()
    phone.wait()
    assert [record.sip_status for record in node.records(1)] == [200]


def test_hold_and_a_request_that_nobody_knows(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    again = sipp.recv("INVITE") + sipp.reply("200 OK", sdp=True, tag=False) + sipp.recv("ACK")
    fly = sipp.recv("FLY") + sipp.reply("200 OK", tag=False)
    phone = node.sipp("uas", answer() + again + fly + hung_up_on(), callee)
    steps = (
        invite_with("1002")
        + sipp.recv(180, optional=True)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", "1002", 2, in_dialog=True)
        + sipp.pause(100)
        + sipp.send("INVITE", "1002", 3, sdp=True, in_dialog=True)
        + sipp.recv(100, optional=True)
        + sipp.recv(200)
        + sipp.send("ACK", "1002", 3, in_dialog=True)
        + sipp.pause(100)
        + sipp.send("FLY", "1002", 4, in_dialog=True)
        + sipp.recv(200)
        + end("1002", 5)
    )
    node.sipp("uac", steps, ports()).wait()
    phone.wait()
    assert [record.sip_status for record in node.records(1)] == [200]


def test_rfc_5407_section_3_2_1_both_hang_up(node: StaticNode, ports: Ports) -> None:
    """Each may see the other's BYE before or after its own 200: sipp takes both."""
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp(
        "uas", sipp.answer_keeping_dialog() + sipp.pause(300) + sipp.callee_sends("BYE") + sipp.pause(500), callee,
        extra=("-timeout", "5"),
    )  # fmt: skip
    steps = (
        invite_with("1002")
        + sipp.recv(180, optional=True)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", "1002", 2, in_dialog=True)
        + sipp.pause(300)
        + sipp.send("BYE", "1002", 3, in_dialog=True)
        + sipp.pause(500)
    )
    node.sipp("uac", steps, ports()).over()
    phone.over()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by in ("caller", "callee")) == (200, True)
    assert len(node.records(2, 0.5)) == 1


def test_a_blind_transfer(node: StaticNode, ports: Ports) -> None:
    """u1 calls u2, u2 refers it to u3; u1 is offered what u3 can do, and hangs up."""
    second, third = ports(), ports()
    node.register(second, "u2")
    node.register(third, "u3")
    goal = node.sipp("goal", answer(400) + hung_up_on(), third)
    notified = sipp.recv("NOTIFY") + sipp.reply("200 OK", tag=False)
    referrer = node.sipp(
        "referrer",
        sipp.answer_keeping_dialog()
        + sipp.pause(100)
        + sipp.callee_sends("REFER", extra=f"Refer-To: <sip:1003@{sipp.REALM}>")
        + sipp.recv(202)
        + notified
        + notified
        + notified
        + hung_up_on(),
        second,
    )
    steps = (
        invite_with("1002")
        + sipp.recv(180, optional=True)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", "1002", 2, in_dialog=True)
        + sipp.recv("INVITE")
        + sipp.reply("200 OK", sdp=True, tag=False)
        + sipp.recv("ACK")
        + sipp.pause(300)
        + end("1002", 3)
    )
    node.sipp("uac", steps, ports()).wait()
    goal.wait()
    referrer.wait()
    rows = {(record.a_line_id, record.b_line_id, record.ended_by) for record in node.records(2)}
    assert rows == {(1, 2, "caller"), (2, 3, "caller")}
