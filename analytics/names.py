"""Names of tenants and trunks for the live view, remembered for a minute."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Literal

from analytics import limits
from sip.models import Trunk
from tenants.models import Tenant

Kind = Literal["tenant", "trunk"]
_known: dict[tuple[Kind, int], tuple[str, float]] = {}


def names_of(kind: Kind, ids: Iterable[int]) -> dict[int, str]:
    """Return the names of these objects as the current scope shows them; one that is gone has its number as a name.

    Call it in the system's scope: what it remembers is shared by all who watch.
    """
    wanted = set(ids)
    now = time.monotonic()
    missing = {number for number in wanted if _known.get((kind, number), ("", 0.0))[1] <= now}
    if missing:
        if len(_known) > limits.NAMES_CACHED_MAX:
            _known.clear()
        found = dict(_read(kind, missing))
        for number in missing:
            _known[kind, number] = (found.get(number, f"{kind} {number}"), now + limits.NAMES_CACHED_S)
    return {number: _known[kind, number][0] for number in wanted}


def _read(kind: Kind, ids: set[int]) -> list[tuple[int, str]]:
    if kind == "tenant":
        return list(Tenant.objects.filter(pk__in=ids).values_list("pk", "name"))
    return list(Trunk.objects.filter(pk__in=ids).values_list("pk", "name"))
