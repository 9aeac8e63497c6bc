"""Bringing one message to all contacts of a line at once; the first 2xx decides (RFC 3428 §6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sip.controller.limits import MAX_FORWARDS
from sip.controller.location import Binding
from sip.controller.messages.limits import UDP_BYTES_MAX
from sip.controller.messages.page import PageMessage
from sip.stack.message.message import Request, Response

if TYPE_CHECKING:
    from sip.controller.core import Core

ABSENT: Final = frozenset({408, 430, 480, 486, 500, 502, 503, 504})
"""Answers after which the message may be brought again later: the phone, not the message, is the reason."""

_UNANSWERABLE: Final = frozenset({401, 407})
"""A callee's challenge is none of ours to answer, and means nothing to the sender."""


_DEAD_FLOW: Final = frozenset({408, 430, 503})
"""After these another flow of the same phone is tried (RFC 5626 §5.3)."""


class Errand:
    """The message on its way to one phone: the ``user`` of its transactions."""

    __slots__ = ("delivery", "flows")

    def __init__(self, delivery: Delivery, flows: list[Binding]) -> None:
        self.delivery = delivery
        self.flows = flows
        """Bindings of the phone that are still to be tried, the newest last."""


class Delivery:
    """One attempt; ``on_end(status)`` is called once: 200 with the first 2xx, else the worst that was heard of all.

    ``on_late`` is called when a 2xx comes after ``give_up``.
    """

    __slots__ = ("_failures", "_given_up", "_on_end", "_on_late", "_over", "_under_way", "message")

    def __init__(
        self, message: PageMessage, on_end: Callable[[int], None], on_late: Callable[[], None] = lambda: None
    ) -> None:
        self.message = message
        self._on_end = on_end
        self._on_late = on_late
        self._under_way = 0
        self._failures: list[int] = []
        self._over = False
        self._given_up = False

    def start(self, core: Core, bindings: tuple[Binding, ...]) -> None:
        """Send to every contact. The end comes in a later turn."""
        phones: dict[str, list[Binding]] = {}
        for binding in bindings:
            phones.setdefault(binding.device, []).append(binding)
        for flows in phones.values():
            self._under_way += self.try_next(core, Errand(self, flows))
        if not self._under_way:
            core.post(self._conclude)

    def try_next(self, core: Core, errand: Errand) -> bool:
        """Send over the newest flow of a phone that is left; returns whether there was one."""
        while errand.flows:
            binding = errand.flows.pop()
            request = _request(core, self.message, binding)
            if binding.flow.reliable or len(bytes(request)) <= UDP_BYTES_MAX:
                core.endpoint.send_request(request, binding.flow, core.now).user = errand
                return True
            self._failures.append(513)
        return False

    def give_up(self) -> None:
        """Wait no longer: ``on_end`` will not be called."""
        self._given_up = self._over = True

    def succeeded(self) -> None:
        """Learn that a phone has the message."""
        self._under_way -= 1
        if self._given_up:
            self._given_up = False
            self._on_late()
        elif not self._over:
            self._over = True
            self._on_end(200)

    def failed(self, status: int) -> None:
        """Learn that a phone has not taken it."""
        self._under_way -= 1
        self._failures.append(480 if status in _UNANSWERABLE else status)
        if not self._under_way:
            self._conclude()

    def _conclude(self) -> None:
        if not self._over:
            self._over = True
            self._on_end(_worst(self._failures))


def _worst(failures: list[int]) -> int:
    """Return the answer for all contacts: absence first, since one of them may still take it; then as §16.7 of 3261."""
    absent = [status for status in failures if status in ABSENT]
    if absent:
        return absent[0]
    final = [status for status in failures if status >= 600]
    return final[0] if final else min(failures, default=480)


def _request(core: Core, message: PageMessage, binding: Binding) -> Request:
    config = core.config
    # The clock as number: a later attempt is a new request of the same Call-ID, whichever process makes it.
    number = int(core.wall) % 2**31
    headers = [
        *[("Route", value) for value in binding.path],
        ("Max-Forwards", str(MAX_FORWARDS - 1)),
        ("From", f"{message.sender};tag={message.tag}"),
        ("To", f"<sip:{message.username}@{config.realm}>"),
        ("Call-ID", message.id),
        ("CSeq", f"{number} MESSAGE"),
        ("User-Agent", config.server_name),
        *message.rows,
    ]
    return Request("MESSAGE", binding.target, headers, message.body)


def on_response(core: Core, errand: Errand, response: Response) -> None:
    """Take a phone's answer."""
    if 200 <= response.status <= 299:
        errand.delivery.succeeded()
    elif response.status >= 300:
        on_failure(core, errand, response.status)


def on_failure(core: Core, errand: Errand, status: int) -> None:
    """Take a refusal, or silence (408) or a broken transport (503)."""
    if status not in _DEAD_FLOW or not errand.delivery.try_next(core, errand):
        errand.delivery.failed(status)
