"""A guarded node of its own process: a scanner falls silent, and a flood takes nothing from honest callers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.sip.peers import sipp
from tests.sip.peers.conftest import StaticNode, free_port

pytestmark = pytest.mark.integration

SCANNER, FLOOD = "127.0.0.61", "127.0.0.62"
FLOOD_MESSAGES = 30_000


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[StaticNode]:
    made = StaticNode(tmp_path, free_port(), settings={"guarded": True})
    try:
        made.start()
        yield made
    finally:
        made.stop()


def attacker(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


def read_all(sock: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    try:
        while True:
            found.append(sock.recv(65_535))
    except BlockingIOError:
        return found


def registration(number: int) -> bytes:
    rows = [row for row in seeds.request("REGISTER", number=number).split(b"\r\n") if b"uthorization" not in row]
    data = b"\r\n".join(rows).replace(b"sip:1002@127.0.0.1:5060", b"sip:trunkline.test")
    return data.replace(b"To: <sip:1002@", b"To: <sip:x%d@" % number)


def an_honest_call(node: StaticNode, ports: Callable[[], int], calls: int = 1, rate: int = 10) -> None:
    callee = ports()
    node.register(callee, "u2")
    phone = node.sipp("uas", sipp.answer(), callee, calls=calls)
    node.sipp("uac", sipp.call("1002", 100), ports(), calls=calls, rate=rate).wait()
    phone.wait()


def test_a_scanner_hears_ten_answers_at_most_within_a_second_and_then_nothing(
    guarded: StaticNode, ports: Callable[[], int]
) -> None:
    with attacker(SCANNER) as sock:
        for number in range(60):
            sock.sendto(registration(number), guarded.address)
            time.sleep(0.015)
        time.sleep(0.5)
        answers = read_all(sock)
        assert 1 <= len(answers) <= 10
        assert {answer[8:11] for answer in answers} == {b"401"}
        sock.sendto(seeds.request("OPTIONS"), guarded.address)
        time.sleep(0.3)
        assert read_all(sock) == []
    an_honest_call(guarded, ports)


def test_a_flood_from_one_source_takes_nothing_from_honest_callers(
    guarded: StaticNode, ports: Callable[[], int]
) -> None:
    callee = ports()
    guarded.register(callee, "u2")
    phone = guarded.sipp("uas", sipp.answer(), callee, calls=100)
    caller = guarded.sipp("uac", sipp.call("1002", 100), ports(), calls=100, rate=25)
    answered = 0
    with attacker(FLOOD) as sock:
        for number in range(FLOOD_MESSAGES):
            sock.sendto(seeds.request("INVITE", number=number), guarded.address)
            if number % 10 == 0:
                time.sleep(0.001)
                answered += len(read_all(sock))
        answered += len(read_all(sock))
    caller.wait()
    phone.wait()
    assert answered < FLOOD_MESSAGES // 20
    assert len(guarded.records(100)) == 100
