"""Sending a request to a URI: find its servers, try them one after the other, and tell the sender once (RFC 3263).

How to use it, for any request outside a dialog (MESSAGE, NOTIFY, OPTIONS, REGISTER, a proxy's request)::

    class Errand:                                   # a class of your own, with a row in sip.controller.users.CLIENTS
        ...

    request = Request("MESSAGE", str(uri), [...])   # without Via; Contact only where ``with_contact`` is not set
    send_to(core, request, next_hop_uri, Errand())  # next_hop_uri: the topmost Route, else the Request-URI

``CLIENTS[Errand]`` hears of provisional responses, and of exactly one end: a final response, or a failure (408 for
silence, 503 when no server can be reached or the name leads nowhere). ``tx.request`` is the request as it was sent, or
would have been. Silence, a broken transport and a 503 are not the end while another server is left: it is tried with a
new branch. The end may come only in a later turn, never before ``send_to`` returns. ``cancel`` takes an INVITE back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sip.controller.addressing import contact_row, is_host_address
from sip.controller.core import Core
from sip.controller.outbound.limits import HOPS_TRIED_MAX
from sip.controller.outbound.quarantine import retry_after_s
from sip.controller.timers import Timer
from sip.stack.flow import Flow
from sip.stack.locating.enum import NumberAnswer
from sip.stack.locating.records import Hop
from sip.stack.message.message import Request, Response
from sip.stack.message.uri import Uri
from sip.stack.transaction.base import ClientTransaction

_SILENCE = 408
_UNREACHABLE = 503


class Sending:
    """One request on its way to a URI: the ``user`` of its transactions."""

    __slots__ = (
        "hop",
        "hops",
        "is_cancelled",
        "is_heard",
        "request",
        "silence_s",
        "timer",
        "tx",
        "user",
        "with_contact",
        "zone",
    )

    def __init__(self, request: Request, user: Any, with_contact: bool, zone: str, silence_s: float) -> None:
        self.zone = zone
        self.silence_s = silence_s
        self.timer: Timer | None = None
        self.request = request
        self.user = user
        self.with_contact = with_contact
        self.hops: list[Hop] = []
        """Those still to be tried."""
        self.hop: Hop | None = None
        self.tx: ClientTransaction | None = None
        self.is_cancelled = False
        self.is_heard = False
        """The present hop has answered something."""


class _Asking:
    """One question to the locator; an answer that comes late waits for the switch's next turn."""

    __slots__ = ("_core", "_is_late", "_owner")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._owner = core.timers.owner
        self._is_late = False

    def locate(self, uri: Uri, then: Callable[[Sequence[Hop]], None]) -> None:
        self._core.locator.locate(uri, lambda hops: self._told(lambda: then(hops)))
        self._is_late = True

    def look_up(self, number: str, suffix: str, then: Callable[[NumberAnswer], None]) -> None:
        self._core.locator.look_up(number, suffix, lambda answer: self._told(lambda: then(answer)))
        self._is_late = True

    def _told(self, then: Callable[[], None]) -> None:
        if self._is_late:
            self._core.post(lambda: self._go_on(then))
        else:
            then()

    def _go_on(self, then: Callable[[], None]) -> None:
        self._core.timers.owner = self._owner
        then()


def locate(core: Core, uri: Uri, then: Callable[[Sequence[Hop]], None]) -> None:
    """Find the hops of a URI; ``then`` is called once, in a turn of the switch, perhaps before this returns."""
    _Asking(core).locate(uri, then)


def look_up(core: Core, number: str, suffix: str, then: Callable[[NumberAnswer], None]) -> None:
    """Ask ENUM of an E.164 number; ``then`` as with ``locate``."""
    _Asking(core).look_up(number, suffix, then)


def flow_to(core: Core, hop: Hop, zone: str = "", tls_name: str = "") -> Flow | None:
    """Return the flow to a hop; ``tls_name`` is what its certificate must carry in place of the name looked up.

    ``None`` for what is no host's address, or when the zone ("": the first) has no socket for transport and family.
    """
    if not is_host_address(hop.remote[0]):
        return None
    local = core.config.local(hop.transport, hop.remote[0], zone)
    if local is None:
        return None
    return Flow(
        hop.transport, local, hop.remote, 0, (tls_name or hop.domain) if hop.transport.startswith("TLS") else ""
    )


def send_to(
    core: Core,
    request: Request,
    uri: Uri,
    user: Any,
    *,
    with_contact: bool = False,
    zone: str = "",
    silence_s: float = 0.0,
) -> Sending:
    """Send ``request`` to the servers of ``uri``; ``user`` is told as the module says.

    ``with_contact`` adds our Contact, which depends on the transport; ``zone`` is the network to leave by ("": the
    first). A server that has said nothing for ``silence_s`` has failed; 0 waits for timer B or F, 32 s.
    """
    sending = Sending(request, user, with_contact, zone, silence_s)
    locate(core, uri, lambda hops: _located(core, sending, hops))
    return sending


def cancel(core: Core, sending: Sending) -> None:
    """Take an INVITE back: no further server is tried; the user still hears its end (487, or a 2xx that crossed)."""
    sending.is_cancelled = True
    if sending.tx is not None:
        core.endpoint.cancel(sending.tx, core.now)


def _located(core: Core, sending: Sending, hops: Sequence[Hop]) -> None:
    sending.hops = core.quarantine.arrange(hops, core.now)[:HOPS_TRIED_MAX]
    if sending.is_cancelled or not _try_next(core, sending):
        tx = core.endpoint.unsent(sending.request)
        tx.user = sending
        core.post(lambda: core.failed(tx, _UNREACHABLE))


def _try_next(core: Core, sending: Sending) -> bool:
    """Send to the next hop that we have a socket for; returns whether there was one."""
    while sending.hops:
        hop = sending.hops.pop(0)
        flow = flow_to(core, hop, sending.zone)
        if flow is None:
            continue
        request = sending.request
        if sending.with_contact:
            request = Request(request.method, request.uri, request.headers, request.body)
            request.set(*contact_row(core.config, flow))
        sending.hop, sending.is_heard = hop, False
        sending.tx = core.endpoint.send_request(request, flow, core.now)
        sending.tx.user = sending
        if sending.silence_s:
            sending.timer = core.after(sending.silence_s, partial(_silent, core, sending, sending.tx))
        return True
    return False


def _silent(core: Core, sending: Sending, tx: ClientTransaction) -> None:
    """Give a server up before its transaction does; what it may still say is nobody's."""
    if sending.tx is tx and not sending.is_heard:
        tx.user = None
        unheard = core.endpoint.unsent(tx.request)
        unheard.user = sending
        core.failed(unheard, _SILENCE)


def _quiet(sending: Sending) -> None:
    if sending.timer is not None:
        sending.timer.cancel()
        sending.timer = None


def on_response(core: Core, sending: Sending, response: Response) -> bool:
    """Take a response; returns whether another hop is tried instead of telling the user."""
    sending.is_heard = True
    _quiet(sending)
    hop = sending.hop
    if response.status < 200 or hop is None:
        return False
    if response.status != _UNREACHABLE:
        core.quarantine.succeeded(hop)
        return False
    seconds = retry_after_s(response)
    if seconds is not None:
        core.quarantine.avoid(hop, seconds, core.now)
    return not sending.is_cancelled and _try_next(core, sending)


def on_failure(core: Core, sending: Sending, status: int) -> bool:
    """Take silence or a broken transport; returns whether another hop is tried instead of telling the user."""
    _quiet(sending)
    if sending.hop is not None:
        core.quarantine.failed(sending.hop, core.now)
    # RFC 3263 §4.3: who has answered provisionally has not failed, it is only slow.
    may = not sending.is_cancelled and not (status == _SILENCE and sending.is_heard)
    return may and _try_next(core, sending)
