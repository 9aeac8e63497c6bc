"""What happened to a call, in a customer's words."""

from __future__ import annotations

from sip.models import Call, CallAttempt

_BY_REFUSAL = {
    "route.unknown_number": "No such number",
    "route.none": "No way to this destination",
    "route.line_inactive": "The line called is switched off",
    "billing.no_account": "No account to charge",
    "billing.no_rate": "No price for this destination",
    "billing.insufficient_funds": "Not enough credit",
    "billing.unavailable": "Charging was not available",
    "tenant.inactive": "The account is switched off",
}
_BY_STATUS = {
    403: "Rejected",
    404: "No such number",
    408: "No answer",
    410: "Number no longer in use",
    480: "Not reachable",
    484: "Number incomplete",
    486: "Busy",
    487: "Caller hung up before the answer",
    488: "Phones have no codec in common",
    503: "Network busy",
    600: "Busy everywhere",
    603: "Rejected",
}
_WHO = {"caller": "the caller hung up", "callee": "the called party hung up", "platform": "ended by the platform"}


def outcome(call: Call) -> str:
    """Return how the call came out: answered and who ended it, or why it was not."""
    if call.answered_at is not None:
        return f"Answered, {_WHO.get(call.ended_by, 'ended')}"
    if call.refusal_code.startswith("fraud."):
        return "Stopped by fraud protection"
    if call.refusal_code:
        return _BY_REFUSAL.get(call.refusal_code, "Refused by the platform")
    return status_words(call.sip_status)


def attempt_outcome(attempt: CallAttempt) -> str:
    """Return what became of one try."""
    return "Answered" if attempt.answered_at is not None else status_words(attempt.sip_status)


def status_words(status: int) -> str:
    """Return a final SIP status in words."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return "Network trouble" if 500 <= status < 600 else "Not connected"
