"""One real call through the platform on loopback: a phone of the demo calls out, the demo's carrier answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from billing.models import Charge
from sip.models import Call
from voip.demo.phone import Phone, PhoneError

TALK_S = 1.2
"""Long enough to be billed two seconds, short enough not to keep anybody waiting."""
RECORD_S_MAX = 10.0
"""The loader writes a record within a fraction of a second; longer means that it does not run."""


@dataclass(frozen=True, slots=True)
class FirstCall:
    """What came of it."""

    record: Call
    charge: Charge | None


def place(facts: dict[str, Any], say: Callable[[str], None]) -> FirstCall:
    """Register, call an outside number, talk, hang up, and wait for the record and its price.

    Raises:
        PhoneError: a step failed; the text says which.
    """
    sip, trunk = facts["sip"], facts["trunk"]
    account, number = sip["accounts"][0], trunk["outside_number"]
    server = (sip["host"], sip["port"])
    caller = Phone(server, sip["realm"], account["username"], account["password"])
    carrier = Phone(server, sip["realm"], "carrier", address=(trunk["host"], trunk["port"]))
    try:
        known = set(Call.objects.filter(called=number).order_by("-started_at").values_list("call_id", flat=True)[:50])
        caller.register()
        say(f"{account['username']} is registered")

        def answer() -> None:
            carrier.pump()
            if carrier.ringing is not None:
                carrier.answer()

        caller.call(number, answer)
        say(f"{account['username']} calls {number}, the carrier answers")
        _talk(caller, carrier)
        caller.hang_up(carrier.pump)
        caller.register(0)
        say("hung up; waiting for the record and its price")
        return _record(number, known)
    finally:
        caller.close()
        carrier.close()


def _talk(caller: Phone, carrier: Phone) -> None:
    until = time.monotonic() + TALK_S
    while time.monotonic() < until:
        carrier.pump(0.05)
        caller.pump(0.05)


def _record(number: str, known: set[Any]) -> FirstCall:
    deadline = time.monotonic() + RECORD_S_MAX
    while time.monotonic() < deadline:
        record = Call.objects.filter(called=number).exclude(call_id__in=known).order_by("-started_at").first()
        if record is not None:
            return FirstCall(record, Charge.objects.filter(call_id=record.call_id).first())
        time.sleep(0.05)
    connection.close()
    raise PhoneError("the call went through, but no record came: does cdrloader run? See var/log/cdrloader.log")
