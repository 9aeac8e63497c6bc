"""In which order records are tried: NAPTR by order and preference, SRV by priority and weight."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sip.stack.locating.limits import SERVERS_MAX
from sip.stack.locating.records import Naptr, Srv

Pick = Callable[[int], int]
"""Returns a uniform random number between 0 and its argument, both included."""


def order_srvs(records: Iterable[Srv], pick: Pick) -> list[Srv]:
    """Return servers in the order they are tried: priorities upwards, weights by lot within each (RFC 2782).

    Of more than ``SERVERS_MAX`` those of the highest priority numbers are left out.
    """
    left = sorted(records, key=lambda record: (record.priority, record.weight, record.target, record.port))
    left = left[:SERVERS_MAX]
    ordered: list[Srv] = []
    while left:
        # Sorted: those of the lowest priority stand together, the weightless among them at the beginning.
        mates = [record for record in left if record.priority == left[0].priority]
        chosen = _draw(mates, pick)
        ordered.append(chosen)
        left.remove(chosen)
    return ordered


def _draw(mates: list[Srv], pick: Pick) -> Srv:
    """Return the first whose running sum of weights reaches the number drawn."""
    if len(mates) == 1:
        return mates[0]
    drawn = pick(sum([record.weight for record in mates]))
    running = 0
    for record in mates:
        running += record.weight
        if running >= drawn:
            return record
    return mates[-1]


def order_naptrs(records: Iterable[Naptr]) -> list[Naptr]:
    """Return rules by order, then by preference (RFC 3403 §4.1)."""
    return sorted(records, key=lambda rule: (rule.order, rule.preference))
