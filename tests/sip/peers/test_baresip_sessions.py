"""A real phone holds, resumes and transfers a call."""

from __future__ import annotations

import json
import socket
import time

import pytest

from tests.sip.peers.baresip import Baresip, tone_power
from tests.sip.peers.conftest import StaticNode, free_port
from tests.sip.peers.test_baresip import wait_for

pytestmark = pytest.mark.integration

HZ = {"u1": 440.0, "u2": 1000.0, "u3": 1700.0}


def phone(node: StaticNode, name: str, rtp: int, answers: bool = True) -> Baresip:
    return Baresip(
        node.folder / name,
        name,
        "secret",
        node.host,
        free_port(),
        rtp,
        node.address,
        HZ[name],
        answers,
        control=free_port(),
    )


def type_in(phone: Baresip, command: str, params: str = "") -> None:
    """Do what a user would type, through the phone's control port (netstrings of JSON)."""
    text = json.dumps({"command": command, "params": params, "token": "t"})
    with socket.create_connection((phone.host, phone.control), 5.0) as wire:
        wire.sendall(f"{len(text)}:{text},".encode())
        wire.settimeout(2.0)
        wire.recv(4096)


def test_a_call_is_held_and_resumed(node: StaticNode) -> None:
    callee, caller = phone(node, "u2", 30_100), phone(node, "u1", 30_120, False)
    try:
        callee.start()
        wait_for(callee, "[1 binding]")
        caller.start(f"/dial sip:1002@{node.host}:{node.port}")
        wait_for(caller, "Call established")
        time.sleep(1.0)
        type_in(caller, "hold")
        time.sleep(1.0)
        type_in(caller, "resume")
        time.sleep(2.0)
    finally:
        caller.stop()
        time.sleep(0.5)
        callee.stop()
    [record] = node.records(1)
    assert (record.sip_status, record.ended_by) == (200, "caller")
    assert record.duration_s >= 3.5
    assert tone_power(callee.heard(), HZ["u1"]) > 0.8
    assert tone_power(caller.heard(), HZ["u2"]) > 0.8


def test_a_blind_transfer_lets_the_two_that_are_left_hear_each_other(node: StaticNode) -> None:
    goal, callee, caller = phone(node, "u3", 30_140), phone(node, "u2", 30_160), phone(node, "u1", 30_180, False)
    try:
        for one in (goal, callee):
            one.start()
            wait_for(one, "[1 binding]")
        caller.start(f"/dial sip:1002@{node.host}:{node.port}")
        wait_for(caller, "Call established")
        time.sleep(0.5)
        type_in(callee, "transfer", f"sip:1003@{node.host}:{node.port}")
        wait_for(goal, "Call established")
        time.sleep(3.0)
    finally:
        caller.stop()
        time.sleep(0.5)
        goal.stop()
        callee.stop()
    rows = {(record.a_line_id, record.b_line_id, record.sip_status) for record in node.records(2)}
    assert rows == {(1, 2, 200), (2, 3, 200)}
    assert tone_power(goal.heard(), HZ["u1"]) > 0.8
    assert tone_power(caller.heard(), HZ["u3"]) > 0.8
