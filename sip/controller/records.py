"""The call record, built once at the end of a call."""

from __future__ import annotations

from dataclasses import replace

from sip.cdr.record import AttemptRecord, CallRecord
from sip.controller.calls.call import Call, Outcome
from sip.stack.transaction.responses import REASONS


def build_record(node: str, call: Call, outcome: Outcome) -> CallRecord:
    """Return the record of a call that is over; ``call.ended_at`` is set."""
    offer, plan = call.offer, call.plan
    rows = _numbered(call.attempts)
    last = rows[-1] if rows else None
    ended_at = call.ended_at if call.ended_at is not None else offer.received_at
    return CallRecord(
        call_id=call.call_id,
        node=node,
        tenant_id=plan.tenant_id if plan is not None else offer.tenant_id,
        direction=plan.direction if plan is not None else "outbound" if offer.trunk_id is None else "inbound",
        caller=offer.caller,
        called=plan.called if plan is not None else offer.dialled,
        dialled=offer.dialled,
        destination=plan.destination if plan is not None else "",
        account_id=plan.account_id if plan is not None else None,
        a_line_id=offer.line_id,
        a_trunk_id=offer.trunk_id,
        b_line_id=last.line_id if last is not None else None,
        b_trunk_id=last.trunk_id if last is not None else None,
        sip_call_id=call.sip_call_id,
        from_tag=call.from_tag,
        peer=offer.peer,
        user_agent=call.user_agent,
        started_at=offer.received_at,
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        ended_at=ended_at,
        duration_s=call.duration_s,
        pdd_s=call.pdd_s,
        ended_by=outcome.ended_by,
        sip_status=outcome.status,
        sip_reason=outcome.reason or REASONS.get(outcome.status, ""),
        q850_cause=outcome.cause,
        a_q850_cause=outcome.a_cause,
        b_q850_cause=outcome.b_cause,
        refusal_code=outcome.code,
        fraud_rule_id=outcome.fraud_rule_id,
        is_emergency=plan.is_emergency if plan is not None else False,
        attempts=rows,
    )


def _numbered(attempts: list[AttemptRecord]) -> tuple[AttemptRecord, ...]:
    """Return the attempts with the last one marked."""
    return (*attempts[:-1], replace(attempts[-1], is_last=True)) if attempts else ()
