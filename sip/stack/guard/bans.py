"""Sources that are not heard for a while. Here is one node's list; ``sip/io/redis_bans.py`` shares it with the others.

Instants are on the guard's monotonic clock; between nodes a ban travels with what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sip.stack.guard.limits import BAN_TEXT_CHARS_MAX, BANS_MAX


@dataclass(frozen=True, slots=True)
class Ban:
    """One source, until when, and why."""

    source: str
    until: float
    reason: str
    by_operator: bool = False
    """Laid by a person: it holds for known sources too."""


class BanList:
    """The bans of one node. Sources on the allow-list are never banned, by nobody."""

    __slots__ = ("_allowed", "_bans")

    def __init__(self) -> None:
        self._bans: dict[str, Ban] = {}
        self._allowed: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self._bans)

    def allow(self, sources: Iterable[str]) -> None:
        """Set whom no ban can reach; bans they have are lifted."""
        self._allowed = frozenset(sources)
        for source in [source for source in self._bans if source in self._allowed]:
            del self._bans[source]

    def allows(self, source: str) -> bool:
        """Tell whether no ban can reach a source."""
        return source in self._allowed

    def add(self, ban: Ban, now: float) -> bool:
        """Take a ban, in place of one the source has unless that lasts longer; returns whether it holds now."""
        if ban.source in self._allowed or ban.until <= now:
            return False
        known = self._bans.get(ban.source)
        if known is not None and known.until > ban.until and not ban.by_operator:
            return True
        if known is None and len(self._bans) >= BANS_MAX:
            self._make_room(now)
        reason = "".join([char for char in ban.reason if char.isprintable()])[:BAN_TEXT_CHARS_MAX]
        self._bans[ban.source] = Ban(ban.source, ban.until, reason, ban.by_operator)
        return True

    def remove(self, source: str) -> bool:
        """Lift a ban; returns whether there was one."""
        return self._bans.pop(source, None) is not None

    def find(self, source: str, now: float) -> Ban | None:
        """Return the ban of a source, ``None`` when it has none any more."""
        ban = self._bans.get(source)
        if ban is None:
            return None
        if ban.until > now:
            return ban
        del self._bans[source]
        return None

    def all(self, now: float) -> list[Ban]:
        """Return every ban that holds."""
        return [ban for ban in self._bans.values() if ban.until > now]

    def _make_room(self, now: float) -> None:
        over = [source for source, ban in self._bans.items() if ban.until <= now]
        for source in over:
            del self._bans[source]
        if len(self._bans) >= BANS_MAX:
            del self._bans[min(self._bans.values(), key=lambda ban: ban.until).source]
