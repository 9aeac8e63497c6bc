"""Answers of the DNS, kept as long as they say and no longer than is good for calls; bounded."""

from __future__ import annotations

from collections.abc import Callable

from sip.stack.locating.limits import (
    ENTRIES_MAX,
    FAILED_S,
    NEGATIVE_S_MAX,
    STALE_S_MAX,
    TTL_S_MAX,
    TTL_S_MIN,
)
from sip.stack.locating.records import Answer, Question


class _Entry:
    __slots__ = ("answer", "expired_at", "fresh_until", "waiters")

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.fresh_until = 0.0
        self.expired_at = 0.0
        """When the answer was over by its own words; ``fresh_until`` is later while no server can be asked."""
        self.waiters: list[Callable[[], None]] | None = None
        """Who waits for the question that is under way; ``None`` when none is."""


class AnswerCache:
    """Answers by question. ``now`` is monotonic seconds."""

    __slots__ = ("_entries", "_entries_max")

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        self._entries: dict[Question, _Entry] = {}
        self._entries_max = entries_max

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, question: Question, now: float) -> Answer | None:
        """Return what is known and not over, ``None`` when the question is to be asked."""
        entry = self._entries.get(question)
        return entry.answer if entry is not None and now < entry.fresh_until else None

    def wait(self, question: Question, then: Callable[[], None]) -> bool:
        """Have ``then`` called once the question is answered; returns whether it must be asked, being not under way."""
        entry = self._entries.get(question)
        if entry is None:
            entry = self._entries[question] = _Entry()
        if entry.waiters is not None:
            entry.waiters.append(then)
            return False
        entry.waiters = [then]
        return True

    def put(self, question: Question, answer: Answer, ttl_s: float, now: float) -> None:
        """Keep an answer and tell whoever waits for it.

        ``ttl_s`` is the records', or for an empty answer what the zone's SOA says (RFC 2308 §5). A failure lets an
        answer that is over serve a little longer, when there is one (RFC 8767 §4).
        """
        entry = self._entries.pop(question, None) or _Entry()
        waiters, entry.waiters = entry.waiters, None
        if answer.failed:
            stale = entry.answer
            if stale is None or stale.failed or now > entry.expired_at + STALE_S_MAX:
                entry.answer = answer
            entry.fresh_until = now + FAILED_S
        else:
            is_empty = not (answer.naptrs or answer.srvs or answer.addresses)
            entry.answer = answer
            entry.fresh_until = now + min(max(ttl_s, TTL_S_MIN), NEGATIVE_S_MAX if is_empty else TTL_S_MAX)
            entry.expired_at = entry.fresh_until
        self._entries[question] = entry
        self._shrink(now)
        for then in waiters or ():
            then()

    def _shrink(self, now: float) -> None:
        """Keep within the bound: what is over goes, then the oldest; never a question somebody waits for."""
        if len(self._entries) <= self._entries_max:
            return
        idle = [question for question, entry in self._entries.items() if entry.waiters is None]
        over = [question for question in idle if self._entries[question].fresh_until <= now]
        # A tenth more than needed, so that not every answer pays for this.
        surplus = len(self._entries) - self._entries_max + self._entries_max // 10
        over_set = set(over)
        for question in [*over, *[name for name in idle if name not in over_set]][:surplus]:
            del self._entries[question]
