"""The parent of a node's workers: who is started when, real forks, and the sockets that outlive them."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sip.io.errors import ListenError
from sip.io.limits import WORKER_RESTART_S_MAX, WORKER_STEADY_S
from sip.io.listeners import ListenerConfig, ZoneConfig
from sip.io.parent import Roster, bind_zones

HOST = "127.0.0.37"


def zone(name: str, *listeners: tuple[str, int]) -> ZoneConfig:
    return ZoneConfig(name, tuple(ListenerConfig(transport, HOST, port) for transport, port in listeners))


def test_all_are_due_at_first_and_none_while_they_run() -> None:
    roster = Roster(2)
    assert roster.due(0.0) == [0, 1]
    roster.started(0, 10, 0.0)
    roster.started(1, 11, 0.0)
    assert (roster.due(99.0), roster.next_at(), roster.pids()) == ([], None, [10, 11])


def test_one_that_ran_for_a_while_is_started_again_at_once() -> None:
    roster = Roster(2)
    roster.started(0, 10, 0.0)
    roster.started(1, 11, 0.0)
    assert roster.ended(11, WORKER_STEADY_S) == 1
    assert roster.due(WORKER_STEADY_S) == [1]
    assert roster.seats[1].restarts == 1


def test_one_that_fails_again_and_again_is_started_ever_later() -> None:
    roster = Roster(1)
    now, pauses = 0.0, []
    for pid in range(10, 20):
        roster.started(0, pid, now)
        roster.ended(pid, now + 0.1)
        due_at = roster.next_at()
        assert due_at is not None
        assert roster.due(due_at - 0.01) == []
        assert roster.due(due_at) == [0]
        pauses.append(round(due_at - now - 0.1, 3))
        now = due_at
    assert pauses[:5] == [0.2, 0.4, 0.8, 1.6, 3.2]
    assert set(pauses[5:]) == {WORKER_RESTART_S_MAX}
    roster.started(0, 99, now)
    roster.ended(99, now + WORKER_STEADY_S)
    assert roster.next_at() == now + WORKER_STEADY_S


def test_a_strange_process_is_nobody() -> None:
    roster = Roster(1)
    assert roster.ended(5, 1.0) is None
    assert roster.due(1.0) == [0]


def test_every_worker_gets_a_socket_of_each_listener_on_one_port() -> None:
    zones, given = bind_zones([zone("a", ("UDP", 0), ("TCP", 0))], 3)
    port = zones[0].listeners[0].port
    assert port > 0
    assert [row.port for row in zones[0].listeners] == [port, port]
    for one in given:
        assert one.datagram(HOST, port).getsockname() == (HOST, port)
        assert one.stream(HOST, port).getsockname() == (HOST, port)
    assert len({one.datagram(HOST, port).fileno() for one in given}) == 3
    for one in given:
        one.close()


def test_an_address_that_another_process_shares_out_is_not_joined() -> None:
    _, given = bind_zones([zone("a", ("UDP", 0))], 1)
    (_, _, port) = next(iter(given[0].sockets))
    with pytest.raises(ListenError, match="in use"):
        bind_zones([zone("a", ("UDP", port))], 1)
    given[0].close()


PROGRAM = f"""
import os, sys, time
from sip.io.listeners import ListenerConfig, ZoneConfig
from sip.io.parent import Parent

def run(member, zones):
    port = zones[0].listeners[0].port
    own = member.binder.datagram("{HOST}", port)
    own.setblocking(True)
    os.write(1, f"{{member.worker}} {{os.getpid()}} {{port}}\\n".encode())
    while True:
        data, source = own.recvfrom(100)
        if data == b"fail":
            raise ValueError("told to fail")
        own.sendto(f"{{member.worker}} {{os.getpid()}}".encode(), source)

Parent([ZoneConfig("a", (ListenerConfig("UDP", "{HOST}", 0),))], 2, run).run()
os.write(1, b"bye\\n")
"""


class Running:
    """A parent with two workers that answer with their number and process."""

    def __init__(self) -> None:
        root = Path(__file__).parents[3]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=root
        )
        rows = sorted(self.line().split() for _ in range(2))
        self.pids = [int(row[1]) for row in rows]
        self.address = (HOST, int(rows[0][2]))

    def line(self) -> str:
        """Return the next line of a worker or the parent."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], 30.0)
        assert readable, "nothing was said for half a minute"
        text = b""
        while not text.endswith(b"\n"):
            text += os.read(self.process.stdout.fileno(), 1)
        return text.decode().strip()

    def client_of(self, worker: int) -> socket.socket:
        """Return a socket whose datagrams the kernel gives to this worker."""
        while True:
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            client.settimeout(30.0)
            client.bind((HOST, 0))
            client.sendto(b"who", self.address)
            if client.recv(100).split()[0] == str(worker).encode():
                return client
            client.close()

    def stop(self) -> str:
        """End it; returns what it wrote to its log."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=15)
        return log.decode()


def test_a_killed_worker_comes_back_to_the_same_socket_and_what_waited_in_it() -> None:
    running = Running()
    try:
        client = running.client_of(1)
        # Stopped first: one that is only being killed might still take the datagram with it.
        os.kill(running.pids[1], signal.SIGSTOP)
        while Path(f"/proc/{running.pids[1]}/stat").read_text().rpartition(")")[2].split()[0] != "T":
            os.sched_yield()
        client.sendto(b"who", running.address)
        os.kill(running.pids[1], signal.SIGKILL)
        number, pid, port = running.line().split()
        assert (number, int(port)) == ("1", running.address[1])
        assert int(pid) not in running.pids
        assert client.recv(100).split() == [b"1", pid.encode()]
        other = running.client_of(0)
        other.sendto(b"who", running.address)
        assert other.recv(100).split() == [b"0", str(running.pids[0]).encode()]
    finally:
        log = running.stop()
    assert "worker 1 ended with -9" in log
    assert running.process.returncode == 0


def test_a_worker_that_fails_is_started_again_and_says_why() -> None:
    running = Running()
    try:
        running.client_of(0).sendto(b"fail", running.address)
        assert running.line().split()[0] == "0"
    finally:
        log = running.stop()
    assert "told to fail" in log
    assert "worker 0 ended with 1; again in 0.2 s" in log


def test_told_to_stop_the_parent_stops_all_and_leaves_nobody() -> None:
    running = Running()
    running.stop()
    assert running.process.returncode == 0
    for pid in running.pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
