"""OPTIONS to registered contacts: keeps the way through their NAT open, and finds those that are gone.

A contact is pinged once an interval, spread so that the node sends evenly. Any answer is a sign of life; a contact
that has answered before and leaves several pings in a row unanswered is taken out, and ``reg`` subscribers hear of it
as ``deactivated``. One that never answered is left alone: some phones take no OPTIONS, and some are another node's.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Final
from zlib import crc32

from sip.controller.core import Core
from sip.controller.crew.sharing import owner_name
from sip.controller.location import Binding, Reason
from sip.controller.registration.limits import PING_TICK_S
from sip.controller.timers import Timer
from sip.stack.message.message import Request

_SPREAD: Final = 0.2
"""Share of the interval by which pings of one contact differ, so that what came in step does not stay so."""


@dataclass(slots=True, eq=False)
class ContactPing:
    """Pings of one contact; ``tx.user`` of each."""

    username: str
    key: str
    due: float
    """Monotonic time of the next one; an entry of the heap with another time is dead."""
    failures: int = 0
    has_answered: bool = False
    is_out: bool = False
    """One is under way: it is repeated by its transaction, which keeps the NAT open as well."""


class Pinger:
    """Pings the contacts of one process."""

    __slots__ = ("_config", "_core", "_heap", "_owners", "_pings", "_random", "_sockets", "_timer")

    def __init__(self, core: Core) -> None:
        self._core = core
        self._config = core.config.registrar
        self._random = core.config.random
        self._owners = frozenset({"", *[owner_name(number) for number in range(self._config.ping_share[1])]})
        """Processes of this node."""
        self._sockets = frozenset(row.local for row in core.config.listeners.rows)
        self._pings: dict[tuple[str, str], ContactPing] = {}
        self._heap: list[tuple[float, str, str]] = []
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self._pings)

    def on_change(
        self, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        """Learn which contacts a line has now (``LocationTable.subscribe``)."""
        pings = self._pings
        for binding in after:
            known = pings.get((username, binding.key))
            if known is None:
                if self._is_ours(username, binding):
                    self._add(username, binding.key)
            elif binding not in before:
                known.failures = 0  # Its REGISTER is a sign of life.
        keys = {binding.key for binding in after}
        for binding in before:
            if binding.key not in keys:
                pings.pop((username, binding.key), None)

    def _is_ours(self, username: str, binding: Binding) -> bool:
        """Tell whether this process pings a contact: not what a proxy keeps, what others hold, or what needs none."""
        flow = binding.flow
        if binding.path or (self._config.pings == "nat" and not binding.behind_nat) or flow.local not in self._sockets:
            return False
        if flow.reliable:
            return not binding.owner
        if binding.owner not in self._owners:
            return False
        index, count = self._config.ping_share
        return count <= 1 or crc32(username.encode("utf-8", "surrogateescape")) % count == index

    def _add(self, username: str, key: str) -> None:
        ping = ContactPing(username, key, self._core.now + self._config.ping_interval_s * self._random())
        self._pings[username, key] = ping
        self._schedule(ping)

    def _schedule(self, ping: ContactPing) -> None:
        heapq.heappush(self._heap, (ping.due, ping.username, ping.key))
        timer, now = self._timer, self._core.now
        if timer is not None and timer.at <= max(ping.due, now + PING_TICK_S):
            return
        if timer is not None:
            timer.cancel()
        self._arm()

    def _arm(self) -> None:
        delay_s = max(PING_TICK_S, self._heap[0][0] - self._core.now)
        self._timer = self._core.after(delay_s, self._tick)

    def _tick(self) -> None:
        """Send what is due, as much as one tick may."""
        self._timer = None
        now = self._core.now
        left = max(1, round(self._config.pings_per_s_max * PING_TICK_S))
        heap = self._heap
        while heap and heap[0][0] <= now and left:
            due, username, key = heapq.heappop(heap)
            ping = self._pings.get((username, key))
            if ping is None or ping.due != due:
                continue
            ping.due = now + self._config.ping_interval_s * (1.0 + _SPREAD * (self._random() - 0.5))
            heapq.heappush(heap, (ping.due, username, key))
            if not ping.is_out and not self._core.stopping:
                left -= 1
                self._send(ping)
        if heap:
            self._arm()

    def _find(self, ping: ContactPing) -> Binding | None:
        for binding in self._core.locations.bindings(ping.username, self._core.wall):
            if binding.key == ping.key:
                return binding
        return None

    def _send(self, ping: ContactPing) -> None:
        core = self._core
        binding = self._find(ping)
        if binding is None:
            self._pings.pop((ping.username, ping.key), None)
            return
        token = core.config.token
        rows = [
            ("Max-Forwards", "70"),
            ("From", f"<sip:{core.config.realm}>;tag={token()}"),
            ("To", f"<{binding.target}>"),
            ("Call-ID", token()),
            ("CSeq", "1 OPTIONS"),
            ("User-Agent", core.config.server_name),
        ]
        ping.is_out = True
        core.endpoint.send_request(Request("OPTIONS", binding.target, rows), binding.flow, core.now).user = ping

    def answered(self, ping: ContactPing) -> None:
        """Take the final answer of a contact: whatever it says, it is there."""
        ping.is_out = False
        ping.has_answered = True
        ping.failures = 0

    def unanswered(self, ping: ContactPing) -> None:
        """Take note of a ping nobody answered; after too many of them the contact goes."""
        ping.is_out = False
        if self._pings.get((ping.username, ping.key)) is not ping or not ping.has_answered:
            return
        ping.failures += 1
        if ping.failures < self._config.ping_failures_max:
            return
        core = self._core
        bindings = core.locations.bindings(ping.username, core.wall)
        left = tuple([binding for binding in bindings if binding.key != ping.key])
        core.locations.replace(ping.username, left, core.wall, "deactivated")
