"""Calls between sipp and a node of its own process, over real UDP and TCP."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.conftest import StaticNode

pytestmark = pytest.mark.integration

Ports = Callable[[], int]

FAILED = sipp.recv(180, optional=True) + sipp.recv(183, optional=True)


def test_a_line_registers_and_takes_a_call_from_another(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee)
    node.sipp("uac", sipp.call("1002", 300), ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (200, 16, "caller")
    assert (record.a_line_id, record.b_line_id) == (1, 2)
    assert 0.25 <= record.duration_s <= 1.0


def test_a_caller_gives_up(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.ring_until_cancelled(), callee)
    steps = sipp.invite("1002") + sipp.recv(180) + sipp.pause(300) + sipp.cancel("1002", 2) + sipp.recv(200)
    node.sipp("uac", steps + sipp.recv(487) + sipp.ack_failure("1002", 2), ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by, record.answered_at) == (487, "caller", None)


def test_a_busy_phone(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.recv("INVITE") + sipp.reply("486 Busy Here") + sipp.recv("ACK"), callee)
    steps = sipp.invite("1002") + FAILED + sipp.recv(486) + sipp.ack_failure("1002", 2)
    node.sipp("uac", steps, ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (486, 17, "callee")


def test_nobody_answers(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.ring_until_cancelled(), callee)
    steps = sipp.invite("1002") + FAILED + sipp.recv(480) + sipp.ack_failure("1002", 2)
    node.sipp("uac", steps, ports()).wait()
    phone.wait()
    [record] = node.records(1)
    assert (record.sip_status, record.q850_cause, record.ended_by) == (480, 19, "platform")


def test_a_wrong_password(node: StaticNode, ports: Ports) -> None:
    steps = (
        sipp.send("INVITE", "1002", 1, sdp=True)
        + sipp.recv(100, optional=True)
        + sipp.recv(407, auth=True)
        + sipp.ack_failure("1002", 1)
        + sipp.send("INVITE", "1002", 2, sdp=True, extra="[field1]")
        + sipp.recv(403)
        + sipp.ack_failure("1002", 2)
    )
    node.sipp("uac", steps, ports(), password="wrong").wait()
    assert node.records(1, 0.5) == []


def test_a_call_over_tcp_to_a_phone_on_udp(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee)
    node.sipp("uac", sipp.call("1002", 100), ports(), extra=("-t", "t1")).wait()
    phone.wait()
    [record] = node.records(1)
    assert record.sip_status == 200


def test_a_trunk_takes_a_call_of_a_line(node: StaticNode, ports: Ports) -> None:
    carrier = node.sipp("carrier", sipp.answer(), node.port + 10)
    node.sipp("uac", sipp.call("+442071838750", 100), ports()).wait()
    carrier.wait()
    [record] = node.records(1)
    assert (record.direction, record.b_trunk_id, record.destination) == ("outbound", 1, "+442071838750")


def test_two_hundred_calls_at_fifty_a_second_leave_two_hundred_records(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee, calls=200)
    node.sipp("uac", sipp.call("1002", 200), ports(), calls=200, rate=50).wait()
    phone.wait()
    records = node.records(200)
    assert len(records) == 200
    assert len({record.call_id for record in records}) == 200
    assert {record.sip_status for record in records} == {200}


def test_calls_outlive_a_killed_node(node: StaticNode, ports: Ports) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee, calls=50)
    caller = node.sipp("uac", sipp.call("1002", 4000), ports(), calls=50, rate=50)
    time.sleep(2.5)
    node.kill()
    node.start()
    assert node.restored == 50
    caller.wait()
    phone.wait()
    records = node.records(50)
    assert len(records) == len({record.call_id for record in records}) == 50
    assert all(3.8 <= record.duration_s <= 6.0 for record in records)
