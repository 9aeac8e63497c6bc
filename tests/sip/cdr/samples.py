"""Records for the tests of the spool."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from sip.cdr.record import AttemptRecord, CallRecord

ANSWERED = CallRecord(
    call_id="0" * 32,
    node="node1",
    tenant_id=1,
    direction="outbound",
    caller="+33123456789",
    called="+442071234567",
    dialled="00442071234567",
    destination="+442071234567",
    account_id=None,
    a_line_id=11,
    a_trunk_id=None,
    b_line_id=None,
    b_trunk_id=21,
    sip_call_id="a1@127.0.0.1",
    from_tag="tag1",
    peer="127.0.0.1:5070",
    user_agent="phone 1.0",
    started_at=1_795_000_000.25,
    ringing_at=1_795_000_001.25,
    answered_at=1_795_000_002.25,
    ended_at=1_795_000_062.75,
    duration_s=60.5,
    pdd_s=1.0,
    ended_by="caller",
    sip_status=200,
    sip_reason="OK",
    q850_cause=16,
    a_q850_cause=16,
    b_q850_cause=16,
    refusal_code="",
    fraud_rule_id=None,
    is_emergency=False,
    attempts=(
        AttemptRecord(
            attempt=1,
            line_id=None,
            trunk_id=21,
            called="442071234567",
            sip_call_id="b1@127.0.0.1",
            started_at=1_795_000_000.5,
            ringing_at=1_795_000_001.25,
            answered_at=1_795_000_002.25,
            ended_at=1_795_000_062.75,
            sip_status=200,
            sip_reason="OK",
            q850_cause=16,
            is_last=True,
            peer="127.0.0.1:5080",
        ),
    ),
)
"""An answered call of one minute and a half second, on 18 November 2026."""

NOW = 1_795_000_100.0
"""Soon after it."""


def record(**changes: Any) -> CallRecord:
    """Return the answered call with an id of its own and these changes."""
    return replace(ANSWERED, **({"call_id": uuid.uuid4().hex} | changes))


def end(item: CallRecord) -> dict[str, Any]:
    """Return the payload that closes a call."""
    return {"t": "end", "record": item.to_json()}


def opened(call_id: str, **state: Any) -> dict[str, Any]:
    """Return the payload that opens a call."""
    return {"t": "open", "call_id": call_id, "state": {"call_id": call_id} | state}
