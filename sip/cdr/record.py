"""The call record as a value: what the controller writes to the spool and every later step reads.

One record a call, one attempt for each target that was tried. Times are wall-clock seconds since the epoch (UTC);
durations come from the monotonic clock. No I/O and no Django here.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

EndedBy = Literal["caller", "callee", "platform"]
"""Who ended the call: a party, or the platform itself (refusal, time limit, node failure)."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try to reach one target of a call; ``attempt`` counts from 1."""

    attempt: int
    line_id: int | None
    trunk_id: int | None
    called: str
    sip_call_id: str
    """Call-ID of the B leg."""
    started_at: float
    ringing_at: float | None
    answered_at: float | None
    ended_at: float
    sip_status: int
    """Final status of this leg's INVITE; 408 when nothing came, 487 when it was cancelled."""
    sip_reason: str
    q850_cause: int
    is_last: bool
    peer: str
    """``address:port`` the INVITE went to."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call as the platform saw it, from the caller's INVITE to its end.

    ``duration_s`` is the answered time, 0.0 when the call was never answered; ``pdd_s`` is the time from INVITE to
    the first 180/183 (never stopped by a 100), ``None`` without one.
    """

    call_id: str
    """The platform's own id: a UUID as 32 hex digits, unique for ever."""
    node: str
    tenant_id: int
    """The tenant who pays: the caller's for outbound and internal calls, the number's for inbound ones."""
    direction: Literal["internal", "outbound", "inbound"]
    caller: str
    called: str
    """The number as routed: E.164 with ``+``, an extension, or a short code."""
    dialled: str
    """As the caller's INVITE had it."""
    destination: str
    """E.164 with ``+`` that is charged, or "" for a call that is free by its kind."""
    account_id: int | None
    a_line_id: int | None
    a_trunk_id: int | None
    b_line_id: int | None
    b_trunk_id: int | None
    sip_call_id: str
    """Call-ID of the A leg, with ``from_tag`` what the caller's own log shows."""
    from_tag: str
    peer: str
    user_agent: str
    started_at: float
    ringing_at: float | None
    answered_at: float | None
    ended_at: float
    duration_s: float
    pdd_s: float | None
    ended_by: EndedBy
    sip_status: int
    """Final status the caller got; 200 for an answered call."""
    sip_reason: str
    q850_cause: int
    a_q850_cause: int
    b_q850_cause: int
    refusal_code: str
    """Empty, or why the platform refused: ``fraud.<rule>``, ``billing.insufficient_funds``, ``route.none`` …"""
    fraud_rule_id: int | None
    is_emergency: bool
    attempts: tuple[AttemptRecord, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the record as JSON-ready values; ``from_json`` is its inverse."""
        # Not dataclasses.asdict: it copies every value deeply, at forty times the time, and this is on the call's path.
        values = {name: getattr(self, name) for name in _CALL_FIELDS}
        values["attempts"] = [{name: getattr(item, name) for name in _ATTEMPT_FIELDS} for item in self.attempts]
        return values

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CallRecord:
        """Rebuild a record; keys this version does not know are ignored, so that a newer node's spool still loads."""
        values = {name: data[name] for name in _CALL_FIELDS if name in data}
        values["attempts"] = tuple(
            AttemptRecord(**{name: item[name] for name in _ATTEMPT_FIELDS if name in item}) for item in data["attempts"]
        )
        return cls(**values)


_CALL_FIELDS = tuple(field.name for field in fields(CallRecord))
_ATTEMPT_FIELDS = tuple(field.name for field in fields(AttemptRecord))
