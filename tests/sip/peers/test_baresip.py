"""Two real phones talk through the node and hear each other."""

from __future__ import annotations

import time

import pytest

from tests.sip.peers.baresip import Baresip, tone_power
from tests.sip.peers.conftest import StaticNode, free_port

pytestmark = pytest.mark.integration

CALLER_HZ, CALLEE_HZ = 440.0, 1000.0


def wait_for(phone: Baresip, text: str, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while text not in phone.log():
        assert time.monotonic() < until, f"{phone.name} never said {text!r}:\n{phone.log()[-2000:]}"
        time.sleep(0.1)


def test_two_phones_register_talk_and_hear_each_other(node: StaticNode) -> None:
    callee = Baresip(
        node.folder / "callee", "u2", "secret", node.host, free_port(), 30_000, node.address, CALLEE_HZ, True
    )
    caller = Baresip(node.folder / "caller", "u1", "secret", node.host, free_port(), 30_020, node.address, CALLER_HZ)
    try:
        callee.start()
        wait_for(callee, "[1 binding]")
        caller.start(f"/dial sip:1002@{node.host}:{node.port}")
        wait_for(caller, "Call established")
        time.sleep(3.0)
    finally:
        caller.stop()
        time.sleep(0.5)
        callee.stop()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by, record.b_line_id) == (200, "caller", 2)
    assert 2.5 <= record.duration_s <= 6.0
    assert tone_power(callee.heard(), CALLER_HZ) > 0.8
    assert tone_power(caller.heard(), CALLEE_HZ) > 0.8
    assert tone_power(caller.heard(), CALLER_HZ) < 0.1
