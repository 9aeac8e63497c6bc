"""What happens to loaded call records, inside the loader's transaction: money, fraud, figures."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.services import mark_dirty
from billing.charging import charge_calls
from fraud.services import record_hits
from sip.cdr.record import CallRecord


def settle(records: Sequence[CallRecord]) -> None:
    """Charge the calls, open or feed fraud cases, and mark the hours whose figures must be made anew."""
    charge_calls(records)
    record_hits(records)
    mark_dirty(records)
