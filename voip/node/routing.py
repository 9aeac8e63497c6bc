"""Where a number goes: routes by longest prefix, then by priority."""

from __future__ import annotations

from collections.abc import Container, Iterable

from sip.controller.directory import RouteEntry


class RouteTable:
    """Routes found by the number's leading digits."""

    def __init__(self, routes: Iterable[RouteEntry]) -> None:
        self._by_prefix: dict[str, list[RouteEntry]] = {}
        for route in routes:
            self._by_prefix.setdefault(route.prefix, []).append(route)
        for group in self._by_prefix.values():
            group.sort(key=lambda route: (route.priority, route.id))
        self._length_max = max(map(len, self._by_prefix), default=0)

    def trunk_ids(self, digits: str, owners: Container[int]) -> list[int]:
        """Return the trunks to try for ``digits`` (E.164 without ``+``, or a short code), the best first, each once.

        A longer prefix wins whole; shorter ones follow as a last resort, in the same order. Only routes of ``owners``
        count: the caller's tenant and those above it.
        """
        found: dict[int, None] = {}
        for length in range(min(len(digits), self._length_max), -1, -1):
            for route in self._by_prefix.get(digits[:length], ()):
                if route.tenant_id in owners:
                    found.setdefault(route.trunk_id)
        return list(found)
