"""What ``benchmarks.stack`` measures: each measure makes a ``work(count)`` that returns the node's own CPU seconds."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

from benchmarks.stack_peers import CALLEE, CALLER, FROM_CALLEE, FROM_CALLER, REALM, SERVER, Callee, Caller
from sip.controller.directory import Directory, LineEntry, TrunkEntry
from sip.controller.policy import Authorisation, CallOffer, Refusal, RoutePlan, Target
from sip.controller.ports import SwitchConfig
from sip.controller.switch import Switch
from sip.io.node import TokenSource
from sip.stack.config import EndpointConfig
from sip.stack.dialog import Dialog
from sip.stack.endpoint import Endpoint
from sip.stack.events import RequestReceived, ResponseReceived
from sip.stack.flow import Flow
from sip.stack.listeners import single_zone
from sip.stack.message.message import Request
from sip.stack.message.parse import parse_message

Work = Callable[[int], float]
TOGETHER: Final = 50
"""Calls that are driven in step, so that reading the clock does not count."""
PACE_S: Final = 0.005
LINES: Final = 1_000
WALL: Final = 1_800_000_000.0


class OpenHandedPolicy:
    """A business that grants everything and counts nothing."""

    def screen(self, offer: CallOffer) -> Refusal | None:
        """Refuse nothing."""
        return None

    def route(self, offer: CallOffer) -> RoutePlan | Refusal:
        """Send everything to the one trunk."""
        target = Target("trunk", 1, offer.dialled, offer.caller)
        return RoutePlan(1, "outbound", offer.dialled, offer.dialled, 1, (target,))

    def line_of(self, offer: CallOffer) -> Target | Refusal:
        """Know no lines."""
        return Refusal(404, "", 1, "route.none")

    def authorise(self, offer: CallOffer, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Grant an hour."""
        done(Authorisation(3600.0))

    def extend(self, call_id: str, plan: RoutePlan, done: Callable[[Authorisation | Refusal], None]) -> None:
        """Grant another hour."""
        done(Authorisation(7200.0))

    def answered(self, offer: CallOffer, plan: RoutePlan) -> None:
        """Do nothing."""

    def settle(self, record: Any) -> None:
        """Do nothing."""


class NoDisk:
    """A journal that is as fast as memory and keeps nothing."""

    def append(self, payload: dict[str, Any], on_durable: Callable[[], None] | None) -> None:
        """Call back at once."""
        if on_durable is not None:
            on_durable()


def make_directory() -> Directory:
    """Return a thousand lines, and a trunk that is caller and callee of bare calls."""
    lines = [
        LineEntry(
            id=number,
            tenant_id=1,
            username=f"u{number}",
            extension="",
            ha1_md5=hashlib.md5(f"u{number}:{REALM}:pw-u{number}".encode()).hexdigest(),
            ha1_sha256="",
            ha1_sha512_256="",
            display_name="",
            caller_number="+12125550100",
            is_active=True,
            contacts_max=4,
            calls_max=1_000_000,
            country="US",
        )
        for number in range(1, LINES + 1)
    ]
    trunk = TrunkEntry(
        id=1,
        tenant_id=1,
        name="bench",
        host=CALLEE[0],
        port=CALLEE[1],
        transport="UDP",
        source_addresses=(f"{CALLEE[0]}:{CALLEE[1]}", "127.0.0.5"),
        calls_max=1_000_000,
        is_active=True,
        country="US",
        username="",
        ha1_md5="",
    )
    return Directory(lines, [trunk])


class Bench:
    """A switch between callers and a callee, all in step."""

    def __init__(self, caller_flow: Flow = FROM_CALLER) -> None:
        token = TokenSource()
        listeners = single_zone({"UDP": SERVER})
        call_id = TokenSource()
        config = SwitchConfig(
            node="bench",
            realm=REALM,
            secret=b"a secret of the benchmark",
            token=token,
            call_id=lambda: call_id().ljust(32, "0"),
            listeners=listeners,
        )
        self.endpoint = Endpoint(EndpointConfig(token, listeners, "Trunkline"))
        self.switch = Switch(config, self.endpoint, make_directory(), OpenHandedPolicy(), NoDisk())
        self.callee = Callee()
        self.caller_flow = caller_flow
        self.callers: dict[str, Caller] = {}
        self.now = 0.0
        self._number = 0
        self._used_s = 0.0

    def calls(self, count: int) -> float:
        """Make that many calls from INVITE to BYE; return the node's seconds."""
        done = self.callee.byes
        used_s = self._run(count, Caller.invite)
        if self.callee.byes != done + count:
            raise RuntimeError(f"{self.callee.byes - done} of {count} calls were made to their end")
        return used_s

    def open(self, count: int) -> None:
        """Let that many calls come up and stay up, and the time pass in which their transactions end."""
        self._run(count, Caller.invite, stays=True)
        for _ in range(int(40 / PACE_S / TOGETHER)):
            self.now += PACE_S * TOGETHER
            self.switch.handle_timer(self.now, WALL + self.now)
            self.endpoint.messages_to_send()
        up = len(self.switch.open_call_ids())
        if up != count or self.endpoint.transactions:
            raise RuntimeError(f"{up} of {count} calls are up, {self.endpoint.transactions} transactions live")

    def registers(self, count: int) -> float:
        """Register that many times with digest; return the node's seconds."""
        return self._run(count, Caller.register)

    def _run(self, count: int, first: Callable[[Caller], bytes], stays: bool = False) -> float:
        self._used_s = 0.0
        for made in range(0, count, TOGETHER):
            incoming: list[tuple[Flow, bytes]] = []
            for _ in range(min(TOGETHER, count - made)):
                self._number += 1
                caller = Caller(self._number, f"u{self._number % LINES + 1}")
                caller.stays = stays
                self.callers[caller.call_id] = caller
                incoming.append((self.caller_flow, first(caller)))
            self._talk(incoming)
            self.callers.clear()
            self.now += PACE_S * TOGETHER
            began = time.process_time()
            self.switch.handle_timer(self.now, WALL + self.now)
            self._used_s += time.process_time() - began
        return self._used_s

    def _talk(self, incoming: list[tuple[Flow, bytes]]) -> None:
        endpoint, switch, now = self.endpoint, self.switch, self.now
        wall = WALL + now
        while incoming:
            outgoing: list[tuple[Flow, bytes]] = []
            began = time.process_time()
            for flow, data in incoming:
                endpoint.receive_datagram(data, flow, now)
                switch.process(now, wall)
                outgoing += endpoint.messages_to_send()
                switch.get_timer()
            self._used_s += time.process_time() - began
            incoming = []
            for flow, data in outgoing:
                if flow.remote == CALLEE:
                    incoming += [(FROM_CALLEE, answer) for answer in self.callee.answer(data)]
                elif (caller := self.callers.get(_call_id(data))) is not None:
                    incoming += [(self.caller_flow, answer) for answer in caller.answer(data)]


def _call_id(data: bytes) -> str:
    return data.partition(b"\r\nCall-ID: ")[2].partition(b"\r\n")[0].decode()


class StackBench:
    """Endpoint and dialogs of a call's two legs, with nothing decided between them; 12 messages in, 12 out."""

    def __init__(self) -> None:
        listeners = single_zone({"UDP": SERVER})
        self._token = TokenSource()
        self._endpoint = Endpoint(EndpointConfig(self._token, listeners, "Trunkline"))
        self._callee = Callee()
        self._number = 0
        self._now = 0.0
        self._used_s = 0.0
        self._a: dict[str, Any] = {}
        self._callers: dict[str, Caller] = {}

    def work(self, count: int) -> float:
        """Carry that many calls; return the stack's seconds."""
        self._used_s = 0.0
        for _ in range(0, count, TOGETHER):
            incoming = []
            for _ in range(TOGETHER):
                self._number += 1
                caller = Caller(self._number, "u1")
                self._callers[caller.call_id] = caller
                incoming.append((FROM_CALLER, caller.invite()))
            self._talk(incoming)
            self._callers.clear()
            self._a.clear()
            self._now += PACE_S * TOGETHER
            began = time.process_time()
            self._endpoint.handle_timer(self._now)
            self._used_s += time.process_time() - began
        return self._used_s

    def _talk(self, incoming: list[tuple[Flow, bytes]]) -> None:
        endpoint = self._endpoint
        while incoming:
            outgoing: list[tuple[Flow, bytes]] = []
            began = time.process_time()
            for flow, data in incoming:
                endpoint.receive_datagram(data, flow, self._now)
                event = endpoint.next_event()
                while event is not None:
                    self._take(event)
                    event = endpoint.next_event()
                outgoing += endpoint.messages_to_send()
                endpoint.get_timer()
            self._used_s += time.process_time() - began
            incoming = []
            for flow, data in outgoing:
                if flow.remote == CALLEE:
                    incoming += [(FROM_CALLEE, answer) for answer in self._callee.answer(data)]
                elif (caller := self._callers.get(_call_id(data))) is not None:
                    incoming += [(FROM_CALLER, answer) for answer in caller.answer(data)]

    def _take(self, event: Any) -> None:
        endpoint, now = self._endpoint, self._now
        if isinstance(event, RequestReceived) and event.request.method == "INVITE":
            request = event.request
            endpoint.respond(event.tx, endpoint.make_response(request, 100), now)
            call_id = self._token()
            rows = [
                ("Max-Forwards", "70"),
                ("From", f"<sip:{SERVER[0]}>;tag={self._token()}"),
                ("To", f"<sip:{CALLEE[0]}>"),
                ("Call-ID", call_id),
                ("CSeq", "1 INVITE"),
                ("Contact", f"<sip:{SERVER[0]}:{SERVER[1]}>"),
                ("Content-Type", "application/sdp"),
            ]
            sent = Request("INVITE", f"sip:+12125550199@{CALLEE[0]}:{CALLEE[1]}", rows, request.body)
            client = endpoint.send_request(sent, FROM_CALLEE, now)
            client.user = event.tx
        elif isinstance(event, RequestReceived):
            dialog = self._a.pop(event.request.call_id)
            endpoint.respond(event.tx, endpoint.make_response(event.request, 200), now)
            endpoint.send_request(dialog.request("BYE"), FROM_CALLEE, now)
        elif isinstance(event, ResponseReceived) and event.response.cseq.method == "INVITE":
            self._answered(event)

    def _answered(self, event: ResponseReceived) -> None:
        endpoint, response, a_side = self._endpoint, event.response, event.tx.user
        if response.status == 100:
            return
        rows = [("Contact", f"<sip:{SERVER[0]}:{SERVER[1]}>")]
        if response.status >= 200:
            dialog = Dialog.as_client(event.tx.request, response, FROM_CALLEE)
            endpoint.send_ack(dialog.request("ACK"), FROM_CALLEE, self._now)
            self._a[a_side.request.call_id] = dialog
            rows.append(("Content-Type", "application/sdp"))
        answer = endpoint.make_response(a_side.request, response.status, "", f"s{id(a_side)}", rows, response.body)
        if response.status >= 200:
            Dialog.as_server(a_side.request, answer, FROM_CALLER)
        endpoint.respond(a_side, answer, self._now)


def _parse_work() -> Work:
    """Return the reading of the seven messages that come in of a call, without anything being asked of them."""
    caller, callee = Caller(1, "u1"), Callee()
    invite = caller.invite('Proxy-Authorization: Digest username="u1", realm="bench.test", nonce="abc"\r\n')
    replies = callee.answer(invite.replace(b"rport", b"rport=5060;received=127.0.0.2"))
    messages = [invite, *replies, *caller.answer(replies[2])]

    def work(count: int) -> float:
        began = time.process_time()
        for number in range(count):
            parse_message(messages[number % len(messages)])
        return time.process_time() - began

    return work


def _bare_work() -> Work:
    return Bench(Flow("UDP", SERVER, ("127.0.0.5", CALLER[1]))).calls


MEASURES: Final[dict[str, tuple[str, Callable[[], Work]]]] = {
    "parse": ("parse a message", _parse_work),
    "stack": ("stack: two legs of a call", lambda: StackBench().work),
    "register": ("switch: REGISTER, 401, REGISTER, 200", lambda: Bench().registers),
    "bare": ("switch: bare call", _bare_work),
    "switch": ("switch: call with digest", lambda: Bench().calls),
}
