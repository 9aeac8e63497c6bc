"""A week of made-up calls with the shape of a real one: busy mornings, quiet nights, calmer weekends.

The records are ordinary ``CallRecord`` values and go through the same loader, rating and ledger as real ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from sip.cdr.record import AttemptRecord, CallRecord

DAY_S = 86_400
CALLS_A_DAY = 420
HOUR_WEIGHTS = (1, 1, 1, 1, 1, 2, 6, 18, 42, 60, 64, 58, 40, 48, 60, 58, 50, 36, 22, 14, 9, 6, 3, 2)
"""Calls by hour of day, UTC: an office's two humps around lunch."""
WEEKEND_SHARE = 0.25

_OUTCOMES = (
    (200, "OK", 16, 62),
    (487, "Request Terminated", 16, 15),
    (486, "Busy Here", 17, 11),
    (480, "Temporarily Unavailable", 18, 7),
    (404, "Not Found", 1, 3),
    (503, "Service Unavailable", 41, 2),
)
"""SIP status, reason, Q.850 cause, and how many of a hundred calls end so."""
_DESTINATIONS = (
    ("+12125550{:03d}", 22),
    ("+13105550{:03d}", 14),
    ("+442079460{:03d}", 16),
    ("+4930901820{:02d}", 12),
    ("+33199000{:03d}", 7),
    ("+5255501234{:02d}", 5),
    ("+61255501{:03d}", 5),
    ("+18765550{:03d}", 2),
)


@dataclass(frozen=True, slots=True)
class Party:
    """A line that calls and is called."""

    tenant_id: int
    account_id: int
    line_id: int
    extension: str
    number: str
    """Its caller number, E.164."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """The trunk all outside calls of the week take."""

    trunk_id: int
    address: str


def week(parties: Sequence[Party], carrier: Carrier, until: float, seed: int = 7) -> Iterator[CallRecord]:
    """Yield the calls of the seven days before ``until`` (wall clock, seconds), in order of their start."""
    random = Random(seed)  # noqa: S311
    starts = sorted(_start(random, until - day * DAY_S) for day in range(7) for _ in range(_count(until, day)))
    for number, started_at in enumerate(starts):
        if started_at < until - DAY_S / 24:
            yield _call(random, number, parties, carrier, started_at)


def _count(until: float, day: int) -> int:
    weekday = int((until - day * DAY_S) // DAY_S + 3) % 7  # 1970-01-01 was a Thursday
    return int(CALLS_A_DAY * (WEEKEND_SHARE if weekday >= 5 else 1))


def _start(random: Random, end_of_day: float) -> float:
    midnight = end_of_day // DAY_S * DAY_S
    hour = random.choices(range(24), HOUR_WEIGHTS)[0]
    return midnight + hour * 3600 + random.uniform(0, 3600)


def _call(random: Random, number: int, parties: Sequence[Party], carrier: Carrier, started_at: float) -> CallRecord:
    party = random.choices(parties, [3 + 2 * (index % 3) for index in range(len(parties))])[0]
    kind = random.choices(("outbound", "inbound", "internal"), (60, 28, 12))[0]
    status, reason, cause = _outcome(random)
    ringing = status in {200, 486, 480, 487}
    pdd_s = round(random.gammavariate(3.0, 0.45) + 0.2, 3) if ringing and status != 486 else None
    talk_s = round(min(3600.0, random.lognormvariate(4.6, 1.0)), 3) if status == 200 else 0.0
    wait_s = (pdd_s or 0.3) + (random.uniform(2, 18) if status in {200, 487, 480} else 0.1)
    times = _Times(started_at, pdd_s, wait_s, talk_s, status == 200)
    return _record(random, number, kind, party, parties, carrier, times, (status, reason, cause))


@dataclass(frozen=True, slots=True)
class _Times:
    started_at: float
    pdd_s: float | None
    wait_s: float
    talk_s: float
    is_answered: bool

    @property
    def ringing_at(self) -> float | None:
        return self.started_at + self.pdd_s if self.pdd_s is not None else None

    @property
    def answered_at(self) -> float | None:
        return self.started_at + self.wait_s if self.is_answered else None

    @property
    def ended_at(self) -> float:
        return self.started_at + self.wait_s + self.talk_s


def _outcome(random: Random) -> tuple[int, str, int]:
    chosen = random.choices(_OUTCOMES, [outcome[3] for outcome in _OUTCOMES])[0]
    return chosen[0], chosen[1], chosen[2]


def _record(
    random: Random,
    number: int,
    kind: str,
    party: Party,
    parties: Sequence[Party],
    carrier: Carrier,
    times: _Times,
    final: tuple[int, str, int],
) -> CallRecord:
    outside = _outside_number(random)
    others = [other for other in parties if other.tenant_id == party.tenant_id and other is not party] or [party]
    other = random.choice(others)
    caller = {"outbound": party.number, "inbound": outside, "internal": party.extension}[kind]
    called = {"outbound": outside, "inbound": party.number, "internal": other.extension}[kind]
    a_line = None if kind == "inbound" else party.line_id
    b_line = {"outbound": None, "inbound": party.line_id, "internal": other.line_id}[kind]
    status, reason, cause = final
    hung_up_by = "callee" if status in {486, 404, 503, 480} or (status == 200 and random.random() < 0.45) else "caller"
    call_id = f"{random.getrandbits(128):032x}"
    attempt = AttemptRecord(
        attempt=1, line_id=b_line, trunk_id=carrier.trunk_id if kind == "outbound" else None, called=called,
        sip_call_id=f"b-{call_id}", started_at=times.started_at, ringing_at=times.ringing_at,
        answered_at=times.answered_at, ended_at=times.ended_at, sip_status=status, sip_reason=reason,
        q850_cause=cause, is_last=True, peer=carrier.address if kind == "outbound" else "127.0.0.1:5062",
    )  # fmt: skip
    return CallRecord(
        call_id=call_id, node="history", tenant_id=party.tenant_id, direction=kind,  # type: ignore[arg-type]
        caller=caller, called=called, dialled=called, destination=outside if kind == "outbound" else "",
        account_id=party.account_id, a_line_id=a_line, a_trunk_id=carrier.trunk_id if kind == "inbound" else None,
        b_line_id=b_line, b_trunk_id=carrier.trunk_id if kind == "outbound" else None,
        sip_call_id=f"demo-{number}@{party.extension}", from_tag=f"{number:x}", peer="127.0.0.1:5062",
        user_agent="Demo Phone/1.0", started_at=times.started_at, ringing_at=times.ringing_at,
        answered_at=times.answered_at, ended_at=times.ended_at, duration_s=times.talk_s, pdd_s=times.pdd_s,
        ended_by=hung_up_by, sip_status=status, sip_reason=reason, q850_cause=cause,  # type: ignore[arg-type]
        a_q850_cause=cause, b_q850_cause=cause, refusal_code="", fraud_rule_id=None, is_emergency=False,
        attempts=(attempt,),
    )  # fmt: skip


def _outside_number(random: Random) -> str:
    pattern = random.choices([row[0] for row in _DESTINATIONS], [row[1] for row in _DESTINATIONS])[0]
    return pattern.format(random.randrange(10 if "02d" in pattern else 100, 99 if "02d" in pattern else 999))
