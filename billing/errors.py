"""What billing refuses, in words a user can act on."""

from __future__ import annotations

from dataclasses import dataclass

from tenants.errors import Conflict, DomainError


class IdempotencyConflict(Conflict):
    """The same key came with other input: one of the two is a mistake, and nothing was done."""

    code = "idempotency_conflict"


class BooksDiffer(Exception):
    """A balance is not the sum of its postings: a bug, never a user's mistake."""


@dataclass(frozen=True, slots=True)
class RowError:
    """One row of a rate file that cannot be taken. ``line`` counts from 1, the header included."""

    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.field}: {self.reason}" if self.field else f"line {self.line}: {self.reason}"


class ImportRefused(DomainError):
    """A rate file was refused whole; ``rows`` lists the first rows at fault, ``row_count`` counts all of them."""

    code = "import_refused"

    def __init__(self, message: str, rows: tuple[RowError, ...] = (), row_count: int = 0) -> None:
        super().__init__(message, field="file")
        self.rows = rows
        self.row_count = row_count or len(rows)


class FileTooLarge(ImportRefused):
    """A rate file is over a limit that ``billing.limits`` names."""

    status = 413
    code = "too_large"


class PaymentRefused(DomainError):
    """The provider said no for good: declined, expired, wrong number."""

    status = 402
    code = "payment_refused"


class GatewayUnavailable(DomainError):
    """The provider gave no answer: what became of the request is not known yet."""

    status = 503
    code = "gateway_unavailable"
