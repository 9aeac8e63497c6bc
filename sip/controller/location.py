"""Where lines are: bindings of usernames to contacts, in memory, with a copy in a store port."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sip.controller.ports import LocationStore
from sip.stack.flow import Flow

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of a line and the flow that reaches it."""

    uri: str
    """Contact URI as the phone gave it; the Request-URI of calls to it."""
    flow: Flow
    instance: str
    """``+sip.instance`` (RFC 5626), "" for none: a phone that restarts replaces its own binding."""
    q: str
    """The q-value as given, "" for none."""
    call_id: str
    cseq: int
    expires_at: float
    """Wall clock, so that it means the same after a restart."""
    user_agent: str

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; ``from_json`` is the inverse but for the connection, which a restart ends."""
        return {
            "uri": self.uri,
            "transport": self.flow.transport,
            "local": list(self.flow.local),
            "remote": list(self.flow.remote),
            "instance": self.instance,
            "q": self.q,
            "call_id": self.call_id,
            "cseq": self.cseq,
            "expires_at": self.expires_at,
            "user_agent": self.user_agent,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Binding:
        """Rebuild a binding.

        Raises:
            KeyError, TypeError, ValueError: not what ``to_json`` returned.
        """
        local, remote = data["local"], data["remote"]
        flow = Flow(str(data["transport"]), (str(local[0]), int(local[1])), (str(remote[0]), int(remote[1])))
        return cls(
            str(data["uri"]),
            flow,
            str(data["instance"]),
            str(data["q"]),
            str(data["call_id"]),
            int(data["cseq"]),
            float(data["expires_at"]),
            str(data["user_agent"]),
        )


class LocationTable:
    """Bindings by username. ``wall`` is the wall clock in seconds."""

    def __init__(self, store: LocationStore) -> None:
        self._store = store
        self._bindings: dict[str, tuple[Binding, ...]] = {}

    def __len__(self) -> int:
        return len(self._bindings)

    def bindings(self, username: str, wall: float) -> tuple[Binding, ...]:
        """Return the contacts that are valid now, newest last."""
        stored = self._bindings.get(username, ())
        if all(binding.expires_at > wall for binding in stored):
            return stored
        return tuple(binding for binding in stored if binding.expires_at > wall)

    def replace(self, username: str, bindings: tuple[Binding, ...]) -> None:
        """Set all contacts of a line and write them through."""
        if bindings:
            self._bindings[username] = bindings
        else:
            self._bindings.pop(username, None)
        expires_at = max((binding.expires_at for binding in bindings), default=0.0)
        self._store.save(username, [binding.to_json() for binding in bindings], expires_at)

    def load(self, stored: Mapping[str, Iterable[Mapping[str, Any]]], wall: float) -> int:
        """Take what a store kept over a restart; lines that registered since keep what they have. Returns how many."""
        loaded = 0
        for username, rows in stored.items():
            if username in self._bindings:
                continue
            try:
                bindings = tuple(Binding.from_json(row) for row in rows)
            except (KeyError, TypeError, ValueError):
                log.warning("stored bindings of %r are unreadable and ignored", username)
                continue
            bindings = tuple(binding for binding in bindings if binding.expires_at > wall)
            if bindings:
                self._bindings[username] = bindings
                loaded += 1
        return loaded

    def dump(self, wall: float) -> dict[str, tuple[list[dict[str, Any]], float]]:
        """Return all valid bindings and when the last of each line ends: what a store that was away must learn."""
        return {
            username: ([binding.to_json() for binding in bindings], max(b.expires_at for b in bindings))
            for username in self._bindings
            if (bindings := self.bindings(username, wall))
        }

    def sweep(self, wall: float) -> None:
        """Drop what is over."""
        for username in list(self._bindings):
            bindings = self.bindings(username, wall)
            if bindings:
                self._bindings[username] = bindings
            else:
                del self._bindings[username]
