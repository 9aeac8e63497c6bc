"""Calls at a steady rate while processes are killed, and the comparison of what both sides wrote down."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sip.cdr.spool import recover
from tests.e2e.office import UNIT
from tests.e2e.peers import GERMAN, Customer, Peers
from tests.e2e.platform import Platform, wait_for
from tests.sip.peers import sipp

VICTIMS = ("sipnode", "cdrloader", "worker", "web", "postgres")
WORKER = "one of the node's workers"
BALANCE = 100_000
PRICE_NANOS = 600_000_000
"""Of every call: less than a minute at 0.60 for each begun one."""
TALK_MS = 3_000
CALL_S_MAX = 100.0
"""From a call's INVITE to the caller's last repeated BYE: 32 s each, and the talk."""
REFUSALS = (402, 403, 408, 480, 481, 482, 487, 500, 503, 504)
_PATIENT = (
    "-default_behaviors", "none", "-max_retrans", "8", "-max_invite_retrans", "7", "-recv_timeout", "40000",
    "-deadcall_wait", "0",
)  # fmt: skip
"""sipp gives a call up on the first unexpected message otherwise, and repeats itself less than RFC 3261 says."""


def caller_steps() -> str:
    """Call, log what became of it, talk, hang up; what is missing ends the call (``-recv_timeout``)."""
    refused = "".join(sipp.recv(status, optional=True, log="refused", jump="refused") for status in REFUSALS)
    return (
        sipp.send("INVITE", GERMAN, 1, sdp=True) + sipp.recv(100, optional=True)
        + sipp.recv(407, auth=True) + sipp.ack_failure(GERMAN, 1)
        + sipp.send("INVITE", GERMAN, 2, sdp=True, extra="[field1]")
        + sipp.recv(100, optional=True, log="heard") + sipp.recv(180, optional=True) + sipp.recv(183, optional=True)
        + refused + sipp.recv(200, route=True, log="answered")
        + sipp.send("ACK", GERMAN, 2, in_dialog=True) + sipp.pause(TALK_MS)
        + sipp.send("BYE", GERMAN, 3, in_dialog=True)
        # The BYE was taken and its record written, but the answer died with the node: there is no such call now.
        + sipp.recv(481, optional=True, log="over", jump="end")
        + sipp.recv(200, log="over") + sipp.stop()
        + sipp.label("refused") + sipp.ack_failure(GERMAN, 2) + sipp.stop() + sipp.label("late") + sipp.label("end")
    )  # fmt: skip


def carrier_steps() -> str:
    """Ring a fifth of a second, answer, take the BYE."""
    return (
        sipp.recv("INVITE") + sipp.reply("180 Ringing") + sipp.pause(200) + sipp.reply("200 OK", sdp=True)
        + sipp.recv("ACK", log="acknowledged") + sipp.recv("BYE")
        + sipp.reply("200 OK", tag=False) + sipp.label("late")
    )  # fmt: skip


@dataclass
class Carnage:
    """One run: ``seconds`` of ``rate`` calls, each victim killed ``rounds`` times in random order at random moments."""

    platform: Platform
    peers: Peers
    seconds: int
    rate: int
    rounds: int
    seed: int
    victims: tuple[str, ...] = VICTIMS
    extra: tuple[str, ...] = ()
    """Further words for the caller's sipp."""

    def run(self) -> dict[str, int]:
        """Do it, compare, and return how many of each there were.

        Raises:
            AssertionError: the two sides differ; the text says where.
        """
        customer = self.peers.customer(BALANCE)
        carrier = self.peers.carrier(carrier_steps(), calls=10**6, extra=_PATIENT)
        count = self.seconds * self.rate
        extra = (*_PATIENT, *self.extra)
        caller = self.peers.caller(customer.user("100"), caller_steps(), calls=count, rate=self.rate, extra=extra)
        killed = self._kill()
        caller.over(self.seconds + CALL_S_MAX)
        self.platform.wait_ready()
        wait_for("every call that is up has ended", self._nothing_is_up, CALL_S_MAX)
        wait_for("the spool is loaded", self.peers.is_loaded)
        wait_for("no money is held", lambda: self.peers.held() == 0, CALL_S_MAX)
        return _compare(self.platform, self.peers, customer, caller, carrier) | killed

    def _nothing_is_up(self) -> bool:
        return not any(map(recover, self.platform.spools()))

    def _kill(self) -> Counter[str]:
        dice = random.Random(self.seed)
        victims = [victim for _ in range(self.rounds) for victim in dice.sample(self.victims, len(self.victims))]
        killed: Counter[str] = Counter()
        pause_s = self.seconds / (len(victims) + 1)
        for victim in victims:
            time.sleep(pause_s * dice.uniform(0.4, 1.4))
            if victim == WORKER:
                wait_for("a worker there to be killed", lambda: self.platform.signal_worker(signal.SIGKILL, dice))
                killed[f"killed {victim}"] += 1
                continue
            wait_for(f"{victim} there to be killed", lambda victim=victim: self.platform.pid(victim))  # type: ignore[misc]
            killed[f"killed {victim}"] += self.platform.signal(victim, signal.SIGKILL) != 0
        return killed


def _compare(
    platform: Platform, peers: Peers, customer: Customer, caller: sipp.Run, carrier: sipp.Run
) -> dict[str, int]:
    heard, answered = caller.logged("answered"), Counter(caller.logged("answered"))
    rows = platform.rows(
        "SELECT c.*, a.sip_call_id AS b_call_id FROM sip_call c"
        " LEFT JOIN sip_callattempt a ON a.call_id = c.call_id AND a.is_last WHERE c.tenant_id = %s",
        customer.tenant,
    )
    taken: list[dict[str, Any]] = [row for row in rows if row["answered_at"] is not None]
    recorded = Counter(row["sip_call_id"] for row in taken)
    assert {name: n for name, n in answered.items() if n > 1} == {}, "answered twice"
    assert {name: n for name, n in recorded.items() if n > 1} == {}, "recorded twice"
    assert len(rows) == len({row["call_id"] for row in rows})
    assert sorted(answered.keys() - recorded.keys()) == [], "the caller heard 200, there is no record"
    assert sorted(recorded.keys() - answered.keys()) == [], "a record of a call whose caller heard no 200"
    taken_by_carrier = set(carrier.logged("acknowledged"))
    assert [row for row in taken if row["b_call_id"] not in taken_by_carrier] == []
    charges = peers.charges(customer)
    assert sorted(charge["call_id"] for charge in charges) == sorted(row["call_id"] for row in taken)
    assert {(charge["status"], charge["amount_nanos"]) for charge in charges} == {("rated", PRICE_NANOS)}
    account = peers.account(customer)
    assert account["balance_nanos"] == BALANCE * UNIT - PRICE_NANOS * len(taken)
    assert account["held_nanos"] == 0
    assert platform.ask("check_books") > 0
    assert platform.one("SELECT count(*) FROM sip_quarantinedframe") == 0
    return {"answered": len(heard), "refused": len(set(caller.logged("refused"))), "records": len(rows)}
