"""Where a payment can go: (where it stands, what the provider reports) → where it stands then.

What is not in the table changes nothing. So events may come twice or out of order: success is never undone by an older
report, and a refund is not a state but an amount that only grows.
"""

from __future__ import annotations

from billing.choices import PaymentStatus as S

_OPEN = (S.CREATED, S.UNKNOWN, S.PROCESSING, S.REQUIRES_ACTION)

TRANSITIONS: dict[tuple[S, S], S] = {
    # No answer came: it may have happened, or not. It is asked for before anything is tried again.
    (S.CREATED, S.UNKNOWN): S.UNKNOWN,
    (S.CREATED, S.PROCESSING): S.PROCESSING,
    (S.UNKNOWN, S.PROCESSING): S.PROCESSING,
    (S.REQUIRES_ACTION, S.PROCESSING): S.PROCESSING,
    (S.CREATED, S.REQUIRES_ACTION): S.REQUIRES_ACTION,
    (S.UNKNOWN, S.REQUIRES_ACTION): S.REQUIRES_ACTION,
    **{(status, S.SUCCEEDED): S.SUCCEEDED for status in _OPEN},
    **{(status, S.FAILED): S.FAILED for status in _OPEN},
    # The payer tried another card on the provider's page after a decline: the money is there.
    (S.FAILED, S.SUCCEEDED): S.SUCCEEDED,
}


def after(status: str, reported: str) -> S:
    """Return the status after a report; the present one when the report changes nothing."""
    return TRANSITIONS.get((S(status), S(reported)), S(status))
