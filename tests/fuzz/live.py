"""A node of its own process under hostile messages over UDP and TCP, while honest calls go on beside them.

Two phones of ours (lines u1 and u2) call each other through the node all the time; every message they send or get is
what mutations start from, so that tags, branches and Call-IDs are those of living dialogs. sipp makes the calls that
are counted, between lines u3 and u4.
"""

from __future__ import annotations

import csv
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sip.stack.flow import Flow
from tests.fuzz import seeds
from tests.fuzz.mutator import Mutator
from tests.sip.controller.phone import Phone
from tests.sip.peers import sipp, static_node

HOST = "127.0.0.34"
ALICE, BOB, STRANGER, HONEST = "127.0.0.35", "127.0.0.36", "127.0.0.37", "127.0.0.38"
START_S_MAX = 30.0
ANSWER_S_MAX = 10.0
"""A node that answers nothing for so long hangs."""
BATCH = 25
TCP_SHARE = 0.25
STREAMS_MAX = 8
FORGOTTEN_S = 36.0
"""By then every transaction of a round is over (64 * T1) and its memory is free again."""

TALK_S_MAX = 20.0

CHILD = [sys.executable, "-m", "tests.sip.peers.static_node"]
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Figures:
    """What came of a run."""

    messages: int = 0
    over_tcp: int = 0
    seconds: float = 0.0
    restarts: int = 0
    bugs: list[str] = field(default_factory=list)
    """Lines of the node's log that tell of an exception."""
    answers: int = 0
    calls: int = 0
    calls_failed: int = 0
    resident_mb: list[float] = field(default_factory=list)
    """After the start, then after each round and a pause in which transactions end."""
    hostile_calls: int = 0
    """Calls of the two phones whose dialogs were mutated that were answered."""

    def __str__(self) -> str:
        return (
            f"{self.messages} messages ({self.over_tcp} over TCP) in {self.seconds:.0f} s: {self.restarts} restarts, "
            f"{len(self.bugs)} unhandled exceptions, {self.answers} answers, resident MB "
            f"{', '.join(f'{value:.1f}' for value in self.resident_mb)}; honest calls {self.calls}, failed "
            f"{self.calls_failed}; calls under mutation that were answered {self.hostile_calls}"
        )


class LiveRun:
    """One run; ``folder`` takes the peers' files."""

    def __init__(self, folder: Path, port: int, seed: int, extra: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.address = (HOST, port)
        self.figures = Figures()
        self.mutator = Mutator(seed, seeds.all_seeds())
        self._extra = extra
        self._streams: list[socket.socket] = []
        self._phones: dict[int, tuple[Phone, socket.socket]] = {}
        self._turn = 0

    def run(self, messages: int, rounds: int = 1, pause_s: float = 0.0, rate: int = 20) -> Figures:
        """Send ``messages`` in so many rounds, each followed by a pause, with ``rate`` honest calls a second."""
        begun = time.monotonic()
        self._start_node()
        callee = caller = None
        try:
            self._plug_in()
            self._sample()
            callee, caller = self._start_calls(rate)
            for _ in range(rounds):
                self._round(messages // rounds)
                self._wait(pause_s)
                self._sample()
            self._finish_calls(caller)
        finally:
            self._stop(callee, caller)
        self.figures.seconds = time.monotonic() - begun
        return self.figures

    def _start_node(self) -> None:
        self._log = (self.folder / "node.log").open("wb")
        command = [*CHILD, str(self.folder / "spool"), HOST, str(self.address[1]), *self._extra]
        # Calls whose BYE was broken are over soon all the same: what is still in memory then is a leak.
        env = os.environ | {static_node.SETTINGS: json.dumps({"talk_s": TALK_S_MAX})}
        self._node = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self._log, cwd=ROOT, env=env)
        assert self._node.stdout is not None
        readable, _, _ = select.select([self._node.stdout], [], [], START_S_MAX)
        assert readable and os.read(self._node.stdout.fileno(), 100).startswith(b"ready"), "the node did not start"

    def _plug_in(self) -> None:
        for host, user in ((ALICE, "u1"), (BOB, "u2")):
            sock = _udp(host)
            flow = Flow("UDP", (host, sock.getsockname()[1]), self.address)
            phone = Phone(flow, user, "secret", time.monotonic, on_invite=(180, 200))
            self._phones[sock.fileno()] = (phone, sock)
            phone.register(3600)
            self._work()
        self._stranger = _udp(STRANGER)
        self._wait(0.5)

    def _start_calls(self, rate: int) -> tuple[sipp.Run, sipp.Run]:
        port = _free_port(HONEST)
        sipp.start(self.folder, "register", sipp.register(), (HONEST, port), self.address, user="u4").wait()
        callee = sipp.start(
            self.folder, "callee", sipp.answer(), (HONEST, port), self.address, calls=1_000_000, user="u4"
        )
        caller = sipp.start(
            self.folder, "caller", sipp.call("1004", 500), (HONEST, _free_port(HONEST)), self.address,
            calls=1_000_000, rate=rate, user="u3",
            extra=("-trace_stat", "-stf", str(self.folder / "caller.csv"), "-fd", "1"),
        )  # fmt: skip
        return callee, caller

    def _finish_calls(self, caller: sipp.Run) -> None:
        """Let the calls that are up end, and read how all went."""
        caller.process.send_signal(signal.SIGUSR1)
        caller.over(60.0)
        with (self.folder / "caller.csv").open() as lines:
            last = list(csv.DictReader(lines, delimiter=";"))[-1]
        self.figures.calls_failed = int(last["FailedCall(C)"])
        self.figures.calls = int(last["SuccessfulCall(C)"]) + self.figures.calls_failed

    def _stop(self, callee: sipp.Run | None, caller: sipp.Run | None) -> None:
        for run in (callee, caller):
            if run is not None:
                run.stop()
        self.figures.restarts = 0 if self._node.poll() is None else 1
        self._node.send_signal(signal.SIGTERM)
        self._node.wait(30)
        self._log.close()
        for _, sock in self._phones.values():
            sock.close()
        for stream in self._streams:
            stream.close()
        self._stranger.close()
        words = ("a bug ended", "Traceback", "xception")
        lines = (self.folder / "node.log").read_text(errors="replace").splitlines()
        self.figures.bugs = [line for line in lines if any(word in line for word in words)]

    def _round(self, messages: int) -> None:
        sent = 0
        while sent < messages:
            for _ in range(min(BATCH, messages - sent)):
                self._send_one()
                sent += 1
            self._turn += 1
            self._call_now_and_then()
            self._work()
            self._await_answer()

    def _send_one(self) -> None:
        chance, message = self.mutator.chance, self.mutator.make()
        self.figures.messages += 1
        if chance.random() < TCP_SHARE:
            self._send_stream(message)
            return
        sockets = [self._stranger, *(sock for _, sock in self._phones.values())]
        with suppress(OSError):
            chance.choice(sockets).sendto(message, self.address)

    def _send_stream(self, message: bytes) -> None:
        self.figures.over_tcp += 1
        chance = self.mutator.chance
        if len(self._streams) < STREAMS_MAX:
            stream = socket.create_connection(self.address, timeout=ANSWER_S_MAX)
            stream.setblocking(False)
            self._streams.append(stream)
        stream = chance.choice(self._streams)
        try:
            for piece in self.mutator.split(message):
                stream.send(piece)
            if chance.random() < 0.05:
                raise OSError("hung up in the middle")
        except OSError:
            self._streams.remove(stream)
            stream.close()

    def _call_now_and_then(self) -> None:
        (alice, _), (bob, _) = self._phones.values()
        step = self._turn % 12
        if step == 0:
            alice.call("1002")
        elif step in (3, 5) and alice.dialog is not None:
            alice.in_dialog("INVITE" if step == 3 else "UPDATE", seeds.SDP)
        elif step == 7 and bob.dialog is not None:
            bob.in_dialog("INFO")
        elif step == 9 and alice.dialog is not None:
            self.figures.hostile_calls += 1
            alice.hang_up()
            alice.dialog = bob.dialog = None
        elif step == 10:
            alice.call("1002")
        elif step == 11 and alice.invite is not None:
            alice.cancel()
        for phone in (alice, bob):
            for kept in (phone.statuses, phone.responses, phone.requests, phone.acks, phone.ringing):
                del kept[:-20]
        if self._turn % 400 == 399:
            alice.register(3600)
            bob.register(3600)

    def _work(self) -> None:
        """Let the phones read, answer, repeat and send."""
        now = time.monotonic()
        for phone, sock in self._phones.values():
            for data in _read(sock):
                self.figures.answers += 1
                self.mutator.learn(data)
                phone.endpoint.receive_datagram(data, Flow("UDP", phone.flow.local, self.address), now)
            phone.endpoint.handle_timer(now)
            with suppress(AssertionError, ValueError):
                phone.work()
            for _, data in phone.endpoint.messages_to_send():
                self.mutator.learn(data)
                sock.sendto(data, self.address)
        for stream in list(self._streams):
            with suppress(BlockingIOError):
                try:
                    closed = stream.recv(65_536) == b""
                except ConnectionError:
                    closed = True
                if closed:
                    self._streams.remove(stream)
                    stream.close()

    def _await_answer(self) -> None:
        """Go on only when the node has worked off what came before, and see that it still answers."""
        self._turn_token = f"alive{self._turn}"
        ping = seeds.request("OPTIONS", HOST, self.address[1]).replace(b"seedOPTIONS0", self._turn_token.encode())
        until = time.monotonic() + ANSWER_S_MAX
        while time.monotonic() < until:
            self._stranger.sendto(ping, self.address)
            readable, _, _ = select.select([self._stranger], [], [], 0.5)
            if readable and any(self._turn_token.encode() in data for data in _read(self._stranger)):
                return
            assert self._node.poll() is None, "the node has died"
        raise AssertionError(f"the node has not answered for {ANSWER_S_MAX:g} s")

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._work()
            time.sleep(0.02)

    def _sample(self) -> None:
        pages = int(Path(f"/proc/{self._node.pid}/statm").read_text().split()[1])
        self.figures.resident_mb.append(pages * os.sysconf("SC_PAGE_SIZE") / 2**20)


def _udp(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    sock.bind((host, 0))
    sock.setblocking(False)
    return sock


def _read(sock: socket.socket) -> list[bytes]:
    found: list[bytes] = []
    while True:
        try:
            found.append(sock.recv(65_536))
        except BlockingIOError:
            return found
        except OSError:
            continue  # An ICMP error of a response that had no way.


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((host, 0))
        return min(int(probe.getsockname()[1]), 65_000)


free_port = _free_port
