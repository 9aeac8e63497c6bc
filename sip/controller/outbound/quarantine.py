"""Hops that failed: tried last for a while, or not at all where they asked for it (Retry-After)."""

from __future__ import annotations

from collections.abc import Sequence

from sip.controller.outbound.limits import HOPS_KEPT_MAX, PENALTY_S, RETRY_AFTER_S_MAX
from sip.stack.locating.records import Hop
from sip.stack.message.message import Response

_Key = tuple[str, str, int]

_DIGITS_MAX = 9


class Quarantine:
    """What is remembered of hops. ``now`` is monotonic seconds."""

    __slots__ = ("_avoided", "_last")

    def __init__(self) -> None:
        self._last: dict[_Key, float] = {}
        """Until when a hop is tried last."""
        self._avoided: dict[_Key, float] = {}
        """Until when a hop is not tried."""

    def __len__(self) -> int:
        return len(self._last) + len(self._avoided)

    def failed(self, hop: Hop, now: float) -> None:
        """Note that a hop was silent or out of reach."""
        _keep(self._last, _key(hop), now + PENALTY_S, now)

    def avoid(self, hop: Hop, retry_after_s: float, now: float) -> None:
        """Note that a hop wants to be left alone (RFC 3261 §21.5.4)."""
        _keep(self._avoided, _key(hop), now + min(retry_after_s, RETRY_AFTER_S_MAX), now)

    def succeeded(self, hop: Hop) -> None:
        """Note that a hop answered."""
        if self._last:
            self._last.pop(_key(hop), None)

    def arrange(self, hops: Sequence[Hop], now: float, even_avoided: bool = False) -> list[Hop]:
        """Return the hops in the order they are to be tried: as given, the failed ones behind.

        Those that want to be left alone are left out, or the last of all with ``even_avoided``.
        """
        if not self._last and not self._avoided:
            return list(hops)
        good: list[Hop] = []
        failed: list[Hop] = []
        avoided: list[Hop] = []
        for hop in hops:
            key = _key(hop)
            if self._avoided.get(key, now) > now:
                avoided.append(hop)
            elif self._last.get(key, now) > now:
                failed.append(hop)
            else:
                good.append(hop)
        return [*good, *failed, *avoided] if even_avoided else [*good, *failed]


def _key(hop: Hop) -> _Key:
    return (hop.transport, hop.remote[0], hop.remote[1])


def _keep(table: dict[_Key, float], key: _Key, until: float, now: float) -> None:
    table.pop(key, None)
    table[key] = until
    if len(table) > HOPS_KEPT_MAX:
        over = [known for known, at in table.items() if at <= now] or list(table)[: HOPS_KEPT_MAX // 10]
        for known in over:
            del table[known]


def retry_after_s(response: Response) -> int | None:
    """Return the seconds of Retry-After (RFC 3261 §20.33), ``None`` without it or when it cannot be read."""
    text = (response.get("Retry-After") or "").strip()
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits) if 0 < len(digits) <= _DIGITS_MAX else None
