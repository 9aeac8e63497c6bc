"""Flows that a phone opens and we use back (RFC 5626 §6)."""

from __future__ import annotations

from collections.abc import Sequence

from sip.controller.registration.denied import Denied
from sip.controller.registration.options import knows
from sip.controller.registration.paths import path_is_outbound
from sip.controller.registration.wishes import Wish
from sip.stack.matching import is_single_via
from sip.stack.message.message import Request


def uses_outbound(request: Request, wishes: Sequence[Wish], path: tuple[str, ...]) -> bool:
    """Tell whether the REGISTER is about flows.

    Raises:
        Denied: the proxy next to the phone keeps no flows (439), or one request would open several (400).
    """
    if not any(wish.reg_id for wish in wishes):
        return False
    if not is_single_via(request) and not path_is_outbound(path):
        if knows(request, "outbound"):
            raise Denied(439, "First Hop Lacks Outbound Support")
        return False
    if sum(wish.expires_s > 0 for wish in wishes) > 1:
        raise Denied(400, "One Flow At A Time")
    return True
