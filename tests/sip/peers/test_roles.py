"""Each role as real peers meet it: sipp calls through a proxy, is redirected, and is shared out over two nodes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sip.peers import sipp
from tests.sip.peers.baresip import Baresip, tone_power
from tests.sip.peers.conftest import HOST, START_S_MAX, StaticNode, free_port
from tests.sip.peers.test_baresip import CALLEE_HZ, CALLER_HZ, wait_for

pytestmark = pytest.mark.integration

Ports = Callable[[], int]
Start = Callable[..., StaticNode]


class RoleNode(StaticNode):
    """A node process of another role."""

    role = "proxy"
    next_hops: tuple[str, ...] = ()

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-m", "tests.sip.peers.role_node", self.role, self.host, str(self.port)]
        self.process = subprocess.Popen(
            [*command, *self.next_hops], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
        )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S_MAX)
        line = os.read(self.process.stdout.fileno(), 100).decode() if readable else ""
        assert line.startswith("ready"), f"the node did not start: {line!r}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start nodes by role."""
    started: list[StaticNode] = []

    def begin(role: str, *next_hops: str) -> StaticNode:
        folder = tmp_path / f"{role}{len(started)}"
        folder.mkdir()
        node = StaticNode(folder, free_port()) if role == "b2bua" else RoleNode(folder, free_port())
        if isinstance(node, RoleNode):
            node.role, node.next_hops = role, next_hops
        started.append(node)
        node.start()
        return node

    try:
        yield begin
    finally:
        for node in started:
            node.stop()


def through(to: str, talk_ms: int) -> str:
    """Call along a recorded route, talk, hang up."""
    return (
        sipp.invite(to)
        + sipp.recv(180, optional=True)
        + sipp.recv(200, route=True)
        + sipp.send("ACK", to, 2, extra="[routes]", in_dialog=True)
        + sipp.pause(talk_ms)
        + sipp.send("BYE", to, 3, extra="[routes]", in_dialog=True)
        + sipp.recv(200)
    )


def test_two_hundred_calls_go_through_the_proxy(start: Start, ports: Ports) -> None:
    node = start("proxy")
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee, calls=200)
    node.sipp("uac", through("1002", 100), ports(), calls=200, rate=50).wait()
    phone.wait()


def test_a_caller_gives_up_through_the_proxy(start: Start, ports: Ports) -> None:
    node = start("proxy")
    phone = Baresip(node.folder / "callee", "u2", "secret", HOST, free_port(), 30_080, node.address, CALLEE_HZ)
    caller = sipp.invite("1002") + sipp.recv(180) + sipp.pause(300) + sipp.cancel("1002", 2) + sipp.recv(200)
    try:
        phone.start()
        wait_for(phone, "[1 binding]")
        node.sipp("uac", caller + sipp.recv(487) + sipp.ack_failure("1002", 2), ports()).wait()
        wait_for(phone, "Incoming call")
        wait_for(phone, "session closed")
    finally:
        phone.stop()


def test_a_call_from_tcp_to_udp_through_the_proxy(start: Start, ports: Ports) -> None:
    node = start("proxy")
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee)
    node.sipp("uac", through("1002", 100), ports(), extra=("-t", "t1")).wait()
    phone.wait()


def test_two_phones_talk_through_the_proxy(start: Start) -> None:
    node = start("proxy")
    folder = node.folder
    callee = Baresip(folder / "callee", "u2", "secret", HOST, free_port(), 30_040, node.address, CALLEE_HZ, True)
    caller = Baresip(folder / "caller", "u1", "secret", HOST, free_port(), 30_060, node.address, CALLER_HZ)
    try:
        callee.start()
        wait_for(callee, "[1 binding]")
        caller.start(f"/dial sip:u2@{node.host}:{node.port}")
        wait_for(caller, "Call established")
        time.sleep(2.0)
    finally:
        caller.stop()
        time.sleep(0.5)
        callee.stop()
    assert tone_power(callee.heard(), CALLER_HZ) > 0.8
    assert tone_power(caller.heard(), CALLEE_HZ) > 0.8


def test_a_caller_is_redirected(start: Start, ports: Ports) -> None:
    node = start("redirect")
    callee = ports()
    node.register(callee, "u2")
    steps = sipp.invite("1002") + sipp.recv(302) + sipp.ack_failure("1002", 2)
    run = node.sipp("uac", steps, ports(), extra=("-trace_msg", "-message_file", str(node.folder / "uac.msg")))
    run.wait()
    said = (node.folder / "uac.msg").read_text()
    assert f"Contact: <sip:u2@{HOST}:{callee}>" in said


def test_a_registrar_takes_registrations_only(start: Start, ports: Ports) -> None:
    node = start("registrar")
    node.register(ports(), "u2")
    steps = sipp.send("INVITE", "1002", 1, sdp=True) + sipp.recv(405) + sipp.ack_failure("1002", 1)
    node.sipp("uac", steps, ports()).wait()


def test_the_stateless_proxy_shares_calls_out_over_two_nodes(start: Start, ports: Ports) -> None:
    nodes = [start("b2bua"), start("b2bua")]
    front = start("stateless", *[f"sip:{node.host}:{node.port}" for node in nodes])
    carriers = [node.sipp("carrier", sipp.answer(), node.port + 10, calls=200) for node in nodes]
    front.sipp("uac", through("+442071838750", 100), ports(), calls=60, rate=30).wait()
    counts = [len(node.records(1, 2.0)) for node in nodes]
    for carrier in carriers:
        carrier.stop()
    assert sum(counts) == 60
    assert min(counts) >= 10


def test_a_node_of_a_role_ends_when_it_is_told_to(start: Start) -> None:
    for role in ("proxy", "redirect"):
        node = start(role)
        assert node.process is not None
        node.process.send_signal(signal.SIGTERM)
        assert node.process.wait(10) == 0
