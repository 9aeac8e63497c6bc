"""Where lines are: bindings of usernames to contacts, in memory; every change is told to a store and to listeners."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Literal

from sip.controller.ports import LocationStore
from sip.controller.registration.binding import Binding as Binding
from sip.controller.registration.lost import without_connection
from sip.stack.flow import Flow

log = logging.getLogger(__name__)

Reason = Literal["registered", "unregistered", "expired", "deactivated", "rejected"]
"""Why a line's bindings changed, as RFC 3680 §5.1 names the events of a contact. ``registered`` and ``unregistered``
come from a REGISTER (what it replaced is gone with it), ``deactivated`` from a flow that failed or pings nobody
answered, ``rejected`` from the operator."""

OnChange = Callable[[str, tuple[Binding, ...], tuple[Binding, ...], float, Reason], None]
"""``on_change(username, before, after, wall, reason)``; bindings that are the very same object did not change."""

_CHECKS_SLACK: Final = 256
"""Dead entries the heap of checks may hold beyond one a line: a phone that comes and goes must not make it grow."""


class LocationTable:
    """Bindings by username. ``wall`` is the wall clock in seconds."""

    def __init__(self, store: LocationStore) -> None:
        self._store = store
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._check_at: dict[str, float] = {}
        """When a line is next looked at for bindings that are over; at most the time its first one ends."""
        self._checks: list[tuple[float, str]] = []
        """Heap of the same; an entry that ``_check_at`` does not confirm is dead."""
        self._streams: dict[tuple[str, int], set[str]] = {}
        """Lines that registered over a connection: no more than it carried REGISTERs of, and gone with it."""
        self._listeners: list[OnChange] = []
        self._sharers: list[OnChange] = []

    def __len__(self) -> int:
        return len(self._bindings)

    def subscribe(self, listener: OnChange, with_remote: bool = True) -> None:
        """Have ``listener`` called after each change, on the switch's thread.

        Who tells other processes of changes asks for none that came from them: ``with_remote`` off.
        """
        self._listeners.append(listener)
        if not with_remote:
            self._sharers.append(listener)

    def usernames(self) -> list[str]:
        """Return every line that has contacts, or had some until lately."""
        return list(self._bindings)

    def bindings(self, username: str, wall: float) -> tuple[Binding, ...]:
        """Return the contacts that are valid now, newest last."""
        stored = self._bindings.get(username, ())
        for binding in stored:
            if binding.expires_at <= wall:
                return tuple([binding for binding in stored if binding.expires_at > wall])
        return stored

    def replace(self, username: str, bindings: tuple[Binding, ...], wall: float, reason: Reason = "registered") -> None:
        """Set all contacts of a line, write them through, and tell every listener."""
        before = self._bindings.get(username, ())
        self._set(username, bindings)
        self._save(username, bindings)
        for listener in self._listeners:
            listener(username, before, bindings, wall, reason)

    def apply_remote(
        self,
        username: str,
        changed: Iterable[Mapping[str, Any]],
        gone: Iterable[str],
        wall: float,
        reason: Reason = "registered",
        owner: str = "",
    ) -> None:
        """Take what another process did to a line: bindings that are new or other now, and keys of those that went.

        What this process knows of the line's other contacts stays. Nothing is written to the store, and only
        listeners that want remote changes hear of it. Rows are those of ``Binding.to_json``; ``owner`` names the
        process that holds their connections.

        Raises:
            KeyError, TypeError, ValueError: a row is unreadable; nothing has changed.
        """
        news = [Binding.from_json(row, owner) for row in changed]
        replaced = {binding.key for binding in news}
        replaced.update(gone)
        before = self._bindings.get(username, ())
        kept = [binding for binding in before if binding.key not in replaced]
        after = (*kept, *[binding for binding in news if binding.expires_at > wall])
        self._set(username, after)
        for listener in self._listeners:
            if listener not in self._sharers:
                listener(username, before, after, wall, reason)

    def load(self, stored: Mapping[str, Iterable[Mapping[str, Any]]], wall: float) -> int:
        """Take what a store kept over a restart; lines that registered since keep what they have. Returns how many.

        Contacts that only their connection could reach are gone. Listeners to remote changes hear of the rest.
        """
        loaded = 0
        for username, rows in stored.items():
            if username in self._bindings:
                continue
            try:
                bindings = tuple([Binding.from_json(row) for row in rows])
            except (KeyError, TypeError, ValueError):
                log.warning("stored bindings of %r are unreadable and ignored", username)
                continue
            reachable = [without_connection(binding) for binding in bindings if binding.expires_at > wall]
            bindings = tuple([binding for binding in reachable if binding is not None])
            if bindings:
                self._set(username, bindings)
                loaded += 1
                for listener in self._listeners:
                    if listener not in self._sharers:
                        listener(username, (), bindings, wall, "registered")
        return loaded

    def dump(self, wall: float) -> dict[str, tuple[list[dict[str, Any]], float]]:
        """Return all valid bindings and when the last of each line ends: what a store that was away must learn."""
        return {
            username: ([binding.to_json() for binding in bindings], max(b.expires_at for b in bindings))
            for username in self._bindings
            if (bindings := self.bindings(username, wall))
        }

    def connection_lost(self, flow: Flow, wall: float) -> None:
        """Take out, or reach otherwise, the contacts of a connection that is closed (RFC 5626 §7: whoever's)."""
        for username in self._streams.pop((flow.transport, flow.connection), ()):
            before = self._bindings.get(username, ())
            left = [without_connection(binding) if _runs_over(binding, flow) else binding for binding in before]
            after = tuple([binding for binding in left if binding is not None])
            if after != before:
                self.replace(username, after, wall, "deactivated")

    def owner_lost(self, owner: str, wall: float) -> None:
        """Do the same for all connections of another process, which has ended; all others see it for themselves."""
        for username, before in list(self._bindings.items()):
            left = [without_connection(binding) if binding.owner == owner else binding for binding in before]
            after = tuple([binding for binding in left if binding is not None])
            if after != before:
                self._set(username, after)
                self._save(username, after)
                for listener in self._listeners:
                    if listener not in self._sharers:
                        listener(username, before, after, wall, "deactivated")

    def sweep(self, wall: float, lines_max: int) -> bool:
        """Drop bindings that are over and tell of it, ``lines_max`` lines at most; returns whether more are due."""
        checks = self._checks
        while checks and checks[0][0] <= wall:
            if lines_max <= 0:
                return True
            at, username = heapq.heappop(checks)
            if self._check_at.get(username) == at:
                lines_max -= 1
                del self._check_at[username]
                self._sweep_line(username, wall)
        return False

    def _sweep_line(self, username: str, wall: float) -> None:
        valid = self.bindings(username, wall)
        if valid is self._bindings.get(username, ()):
            self._set(username, valid)
        else:
            self.replace(username, valid, wall, "expired")

    def _set(self, username: str, bindings: tuple[Binding, ...]) -> None:
        if not bindings:
            self._bindings.pop(username, None)
            self._check_at.pop(username, None)
            return
        self._bindings[username] = bindings
        for binding in bindings:
            if binding.flow.connection and not binding.path and not binding.owner:
                self._streams.setdefault((binding.flow.transport, binding.flow.connection), set()).add(username)
        first = min([binding.expires_at for binding in bindings])
        at = self._check_at.get(username)
        # A line that renews in time keeps its old entry: looked at early, and then once a registration only.
        if at is None or first < at:
            self._check_at[username] = first
            heapq.heappush(self._checks, (first, username))
            if len(self._checks) > 2 * len(self._check_at) + _CHECKS_SLACK:
                self._checks = [(due, name) for name, due in self._check_at.items()]
                heapq.heapify(self._checks)

    def _save(self, username: str, bindings: tuple[Binding, ...]) -> None:
        expires_at = max([binding.expires_at for binding in bindings], default=0.0)
        self._store.save(username, [binding.to_json() for binding in bindings], expires_at)


def _runs_over(binding: Binding, flow: Flow) -> bool:
    mine = binding.flow
    return mine.connection == flow.connection and mine.transport == flow.transport and not binding.owner


def difference(before: Sequence[Binding], after: Sequence[Binding]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what ``apply_remote`` needs to make ``before`` into ``after`` elsewhere: rows, and keys that went."""
    same = {id(binding) for binding in before}
    keys = {binding.key for binding in after}
    changed = [binding.to_json() for binding in after if id(binding) not in same]
    return changed, [binding.key for binding in before if binding.key not in keys]
