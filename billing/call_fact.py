"""What the network shows of a call's money: its price, from the charge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from billing.choices import ChargeStatus, RatingProblem
from billing.models import Charge
from billing.money import format_nanos
from sip.extensions import CallFact, register_call_fact
from sip.models import Call

SCHEMA = {
    "type": "object",
    "nullable": True,
    "properties": {
        "status": {"type": "string", "enum": list(ChargeStatus.values)},
        "problem": {"type": "string"},
        "amount": {"type": "string", "format": "decimal"},
        "amount_nanos": {"type": "integer", "format": "int64"},
        "currency": {"type": "string"},
        "billed_s": {"type": "integer"},
        "destination": {"type": "string"},
        "prefix": {"type": "string"},
        "rate_per_minute": {"type": "string", "format": "decimal"},
    },
}


def register() -> None:
    """Let the calls' API and admin show the price."""
    register_call_fact(CallFact("charge", "Price", _lookup, _text, SCHEMA))


def _lookup(calls: Sequence[Call]) -> Mapping[UUID, Any]:
    times = [call.started_at for call in calls]
    found = Charge.objects.visible().filter(
        call_id__in=[call.call_id for call in calls], started_at__gte=min(times), started_at__lte=max(times)
    )
    return {charge.call_id: _value(charge) for charge in found}


def _value(charge: Charge) -> dict[str, Any]:
    return {
        "status": charge.status,
        "problem": charge.problem,
        "amount": format_nanos(charge.amount_nanos),
        "amount_nanos": charge.amount_nanos,
        "currency": charge.currency,
        "billed_s": charge.billed_s,
        "destination": charge.destination,
        "prefix": charge.prefix,
        "rate_per_minute": format_nanos(charge.nanos_per_minute),
    }


def _text(value: Any) -> str:
    if value["status"] == ChargeStatus.UNRATED:
        return f"unrated: {RatingProblem(value['problem']).label}"
    return f"{value['amount']} {value['currency']}"
