"""The 200 of a REGISTER (RFC 3261 §10.3 step 8, RFC 3327 §5.3, RFC 3608 §6.3, RFC 5626 §6, RFC 5627 §5.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.registration.binding import Binding
from sip.controller.registration.gruu import contact_params
from sip.controller.registration.options import knows
from sip.stack.message.message import Headers, Request

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def answer_rows(
    core: Core, line: LineEntry, request: Request, bindings: tuple[Binding, ...], outbound: bool
) -> Headers:
    """Return the rows of the 200: every contact there is, the time, and what the extensions in use ask for."""
    config = core.config.registrar
    wall = core.wall
    with_gruu = config.with_gruu and request.get("Supported") is not None and knows(request, "gruu")
    rows: Headers = []
    for binding in bindings:
        value = f"<{binding.uri}>;expires={max(0, round(binding.expires_at - wall))}"
        if binding.q:
            value += f";q={binding.q}"
        if binding.instance:
            value += f';+sip.instance="{binding.instance}"'
            if binding.reg_id:
                value += f";reg-id={binding.reg_id}"
            if with_gruu:
                value += contact_params(core, line, request.to.uri, binding)
        rows.append(("Contact", value))
    rows.append(date_row(int(wall)))
    if request.get("Path") is not None and knows(request, "path"):
        rows.extend([("Path", value) for value in request.get_all("Path")])
    for value in config.service_route:
        rows.append(("Service-Route", value))
    if outbound and knows(request, "outbound"):
        rows.append(("Require", "outbound"))
        if config.flow_timer_s:
            rows.append(("Flow-Timer", str(config.flow_timer_s)))
    return rows


@lru_cache(4)
def date_row(wall: int) -> tuple[str, str]:
    """Return the Date row of a second (RFC 3261 §20.17), in English whatever the locale; the same for all answers."""
    at = datetime.fromtimestamp(wall, UTC)
    day, month = _DAYS[at.weekday()], _MONTHS[at.month - 1]
    return ("Date", f"{day}, {at.day:02d} {month} {at.year} {at.hour:02d}:{at.minute:02d}:{at.second:02d} GMT")
