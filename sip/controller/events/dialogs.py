"""Package ``dialog`` (RFC 4235): the calls of a colleague, for lamps and pick-up keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.changes import note_end, take_news
from sip.controller.events.followed import CallFollower
from sip.controller.events.limits import SUBSCRIPTION_S_MAX
from sip.controller.events.package import Terms
from sip.controller.events.people import colleague
from sip.controller.events.subscription import Subscription
from sip.stack.bodies import dialog_info
from sip.stack.bodies.dialog_info import DialogInfo

NAME: Final = "dialog"
_INTERVAL_S: Final = 1.0
"""RFC 4235 §3.10."""


class DialogPackage:
    """The calls of watched lines, of this process and, where there are several, of its siblings."""

    def __init__(self, core: Core) -> None:
        self.terms = Terms(NAME, dialog_info.CONTENT_TYPE, _INTERVAL_S, SUBSCRIPTION_S_MAX)
        self.lines: dict[str, dict[str, DialogInfo]] = {}
        """Watched lines by username, with their dialogs by id."""
        self.follower = CallFollower(core, lambda username, info: self.take(core, username, info))
        self.on_watch: Callable[[str, bool], None] | None = None
        """Told of lines that begin and cease to be watched."""
        self._is_starting = False
        """What is found now is in the first document anyway."""

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Return the username of a colleague."""
        return colleague(core, watcher, user).username

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return all calls, or those that changed."""
        username = subscription.resource
        pieces = {key: str(info) for key, info in self.lines.get(username, {}).items()}
        is_full = subscription.needs_full
        news, over = take_news(subscription, pieces)
        version, subscription.version = subscription.version, subscription.version + 1
        entity = f"sip:{username}@{core.config.realm}"
        return dialog_info.compose(entity, version, is_full, [pieces[key] for key in news] + over)

    def watched(self, core: Core, resource: str) -> None:
        """Begin to follow a line."""
        self.lines[resource] = {}
        self._is_starting = True
        self.follower.watch(resource)
        self._is_starting = False
        if self.on_watch is not None:
            self.on_watch(resource, True)

    def unwatched(self, core: Core, resource: str) -> None:
        """Follow a line no longer."""
        self.lines.pop(resource, None)
        self.follower.unwatch(resource)
        if self.on_watch is not None:
            self.on_watch(resource, False)

    def take(self, core: Core, username: str, info: DialogInfo) -> None:
        """Learn of a dialog of a watched line that is new, other, or terminated."""
        there = self.lines.get(username)
        if there is None or there.get(info.id) == info:
            return
        if info.state != "terminated":
            there[info.id] = info
        elif there.pop(info.id, None) is None:
            return
        else:
            for subscription in core.events.watchers(NAME, username):
                note_end(subscription, info.id, str(info))
        if not self._is_starting:
            notifying.resource_changed(core, NAME, username)
