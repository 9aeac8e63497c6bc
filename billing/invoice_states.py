"""Where an invoice can go: the whole machine is this table."""

from __future__ import annotations

from enum import StrEnum

from billing.choices import InvoiceStatus
from tenants.errors import Conflict


class InvoiceMove(StrEnum):
    """What can happen to an invoice."""

    FINALISE = "finalise"
    DISCARD = "discard"
    PAY = "pay"
    REOPEN = "reopen"
    VOID = "void"


TRANSITIONS: dict[tuple[InvoiceStatus, InvoiceMove], InvoiceStatus] = {
    (InvoiceStatus.DRAFT, InvoiceMove.FINALISE): InvoiceStatus.FINALISED,
    (InvoiceStatus.DRAFT, InvoiceMove.DISCARD): InvoiceStatus.VOID,
    # Paid in full, by a payment or out of a prepaid balance.
    (InvoiceStatus.FINALISED, InvoiceMove.PAY): InvoiceStatus.PAID,
    # Only while nothing is paid; the number stays used.
    (InvoiceStatus.FINALISED, InvoiceMove.VOID): InvoiceStatus.VOID,
    # A payment of it went back to the payer.
    (InvoiceStatus.PAID, InvoiceMove.REOPEN): InvoiceStatus.FINALISED,
}


def after(status: str, move: InvoiceMove) -> InvoiceStatus:
    """Return the status a move leads to.

    Raises:
        Conflict: the table has no such arrow.
    """
    target = TRANSITIONS.get((InvoiceStatus(status), move))
    if target is None:
        raise Conflict(f"an invoice that is {InvoiceStatus(status).label.lower()} cannot {move}", code="invoice_state")
    return target
