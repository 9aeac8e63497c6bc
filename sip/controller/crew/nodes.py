"""Registrations of other nodes: told as they change, and read from the store they share."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from sip.controller.core import Core
from sip.controller.crew.port import NodesPort
from sip.controller.location import Binding, LocationTable, Reason, difference

log = logging.getLogger(__name__)


class NodeSharing:
    """This process's part in it. A stream another node holds carries nothing of ours: its number is left out."""

    def __init__(self, core: Core, nodes: NodesPort) -> None:
        self._core = core
        self._nodes = nodes
        nodes.on_news(self._on_news)
        core.locations.subscribe(self._contacts_changed, False)

    def _contacts_changed(
        self, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        if reason == "expired" or self._nodes.is_alone:
            return  # Everybody sees the time.
        changed, gone = difference(before, after)
        for row in changed:
            row.pop("connection", None)
        self._nodes.tell({"line": username, "changed": changed, "gone": gone, "reason": reason})

    def _on_news(self, node: str, news: dict[str, Any]) -> None:
        self._core.post(lambda: self._take(node, news))

    def _take(self, node: str, news: dict[str, Any]) -> None:
        core = self._core
        try:
            core.locations.apply_remote(
                str(news["line"]), news["changed"], news["gone"], core.wall, news["reason"], node
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("what node %s tells of a line cannot be read: %s", node, error)


def merge(locations: LocationTable, stored: Mapping[str, Iterable[Mapping[str, Any]]], wall: float) -> None:
    """Take what a store holds of lines: contacts not known here, and those known from earlier only."""
    for username, rows in stored.items():
        try:
            until = {binding.key: binding.expires_at for binding in locations.bindings(username, wall)}
            news = [row for row in rows if _is_news(Binding.from_json(row), until, wall)]
            if news:
                locations.apply_remote(username, news, (), wall)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("stored bindings of %r are unreadable and ignored: %s", username, error)


def _is_news(binding: Binding, until: Mapping[str, float], wall: float) -> bool:
    return binding.expires_at > max(wall, until.get(binding.key, 0.0))
