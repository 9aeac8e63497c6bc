"""How many messages a sender may send: a bucket of tokens each, on the caller's clock."""

from __future__ import annotations

from math import ceil

from sip.controller.directory import LineEntry, TrunkEntry
from sip.controller.messages.limits import BURST_MAX, REFILL_S, TRUNK_BURST_MAX, TRUNK_REFILL_S


class MessageRate:
    """Buckets by sender; a full one is forgotten, so that only who sends much is remembered."""

    def __init__(self) -> None:
        self._full_at: dict[tuple[bool, int], float] = {}
        """When the sender's bucket is full again: one number says how empty it is."""

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, sender: LineEntry | TrunkEntry, now: float) -> int:
        """Take one message's worth; returns 0, or the whole seconds after which one is free."""
        is_line = isinstance(sender, LineEntry)
        burst, refill_s = (BURST_MAX, REFILL_S) if is_line else (TRUNK_BURST_MAX, TRUNK_REFILL_S)
        key = (is_line, sender.id)
        full_at = max(now, self._full_at.get(key, now)) + refill_s
        over_s = full_at - now - burst * refill_s
        if over_s > 0:
            return max(1, ceil(over_s))
        if len(self._full_at) > _SWEEP_AT:
            self._full_at = {other: at for other, at in self._full_at.items() if at > now}
        self._full_at[key] = full_at
        return 0


_SWEEP_AT = 10_000
"""Senders remembered before those whose bucket is full are dropped; there is one entry a line at most."""
