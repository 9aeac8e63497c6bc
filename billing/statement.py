"""What the lines of an account's statement were for."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from billing.choices import EntryKind
from billing.models import Charge, Posting

_CALL_KEY = "call:"


def charges_of(postings: Iterable[Posting]) -> dict[int, Charge]:
    """Return the charge of each posting that a call made, by the posting's id; one statement for all."""
    calls = {
        posting.pk: UUID(posting.entry.key.removeprefix(_CALL_KEY))
        for posting in postings
        if posting.entry.kind == EntryKind.CALL and posting.entry.key.startswith(_CALL_KEY)
    }
    charges = Charge.objects.visible().in_bulk(calls.values())
    return {pk: charges[call_id] for pk, call_id in calls.items() if call_id in charges}
