"""Watching in a node of several workers: the first holds all subscriptions and publications, the others tell it.

``sip.stack.ownership`` gives every SUBSCRIBE, PUBLISH and stray NOTIFY to the first worker; registrations are shared
anyway (``sip.controller.crew``). What is left is told here: the first says which lines are watched, the others how
the calls of those lines stand, and what they learn of mailboxes. What is told may get lost: a lamp is then wrong until
the line's next call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from sip.controller.core import Core
from sip.controller.crew.port import CrewPort
from sip.controller.events.dialogs import DialogPackage
from sip.controller.events.limits import WATCHED_PER_NEWS_MAX
from sip.stack.bodies.dialog_info import DialogInfo
from sip.stack.bodies.message_summary import Summary
from sip.stack.ownership import NOTIFIER

log = logging.getLogger(__name__)

_WATCH: Final = "watch"
_LAMP: Final = "lamp"
_MAILBOX: Final = "mailbox"


def share(core: Core, crew: CrewPort) -> None:
    """Join the siblings; before messages come."""
    package = core.events.packages.get("dialog")
    if crew.worker == NOTIFIER:
        if isinstance(package, DialogPackage):
            _Notifier(core, crew, package)
        crew.on_news(_MAILBOX, lambda sibling, news: core.post(lambda: _careful(sibling, partial(_told, core, news))))
        return
    if isinstance(package, DialogPackage):
        _Teller(core, crew, package)
    core.mailboxes.subscribe(lambda username: _tell_mailbox(core, crew, username))


def _careful(sibling: int, take: Callable[[], None]) -> None:
    try:
        take()
    except (KeyError, TypeError, ValueError) as error:
        log.warning("what worker %d tells of a watched line cannot be read: %s", sibling, error)


def _tell_mailbox(core: Core, crew: CrewPort, username: str) -> None:
    summary = core.mailboxes.get(username)
    text = None if summary is None else summary.compose("").decode()
    crew.tell(_MAILBOX, {"line": username, "summary": text}, NOTIFIER)


def _told(core: Core, news: dict[str, Any]) -> None:
    text = news["summary"]
    core.mailboxes.set(str(news["line"]), None if text is None else Summary.parse(str(text).encode()))


class _Notifier:
    """The first worker's part: who watches what, and what the others' calls are."""

    def __init__(self, core: Core, crew: CrewPort, package: DialogPackage) -> None:
        self._core = core
        self._crew = crew
        self._package = package
        self._teller_of: dict[str, tuple[int, str]] = {}
        """Worker and username by dialog id."""
        package.on_watch = self._watch
        crew.on_news(_LAMP, self._on_lamp)
        core.post(lambda: crew.tell(_WATCH, {"anew": True, "lines": [], "on": True}))

    def _watch(self, username: str, is_on: bool) -> None:
        if not is_on:
            self._teller_of = {key: row for key, row in self._teller_of.items() if row[1] != username}
        self._crew.tell(_WATCH, {"lines": [username], "on": is_on})

    def _on_lamp(self, sibling: int, news: dict[str, Any]) -> None:
        self._core.post(lambda: _careful(sibling, lambda: self._take(sibling, news)))

    def _take(self, sibling: int, news: dict[str, Any]) -> None:
        if news.get("begin"):
            self._begin(sibling)
            return
        username, info = str(news["line"]), _info(news["dialog"])
        if username not in self._package.lines:
            return
        if info.state == "terminated":
            self._teller_of.pop(info.id, None)
        else:
            self._teller_of[info.id] = (sibling, username)
        self._package.take(self._core, username, info)

    def _begin(self, sibling: int) -> None:
        """A worker begins (anew): what it told before is over unless it tells it again."""
        for key, (teller, username) in list(self._teller_of.items()):
            if teller == sibling:
                del self._teller_of[key]
                direction = self._package.lines[username][key].direction
                self._package.take(self._core, username, DialogInfo(key, direction, "terminated", event="error"))
        lines = list(self._package.lines)
        for start in range(0, len(lines), WATCHED_PER_NEWS_MAX):
            self._crew.tell(_WATCH, {"lines": lines[start : start + WATCHED_PER_NEWS_MAX], "on": True}, sibling)


class _Teller:
    """Another worker's part: following its own calls for the first."""

    def __init__(self, core: Core, crew: CrewPort, package: DialogPackage) -> None:
        self._core = core
        self._crew = crew
        self._follower = package.follower
        package.follower.tell_to(self._tell)
        crew.on_news(_WATCH, self._on_watch)
        core.post(lambda: crew.tell(_LAMP, {"begin": True}, NOTIFIER))

    def _tell(self, username: str, info: DialogInfo) -> None:
        self._crew.tell(_LAMP, {"line": username, "dialog": _row(info)}, NOTIFIER)

    def _on_watch(self, sibling: int, news: dict[str, Any]) -> None:
        self._core.post(lambda: _careful(sibling, lambda: self._take(news)))

    def _take(self, news: dict[str, Any]) -> None:
        if news.get("anew"):
            self._follower.unwatch_all()
        for username in news["lines"]:
            if news["on"]:
                self._follower.watch(str(username))
            else:
                self._follower.unwatch(str(username))


def _row(info: DialogInfo) -> list[Any]:
    return [
        info.id, info.direction, info.state, info.local, info.remote, info.remote_name, info.event, info.code,
        list(info.dialog),
    ]  # fmt: skip


def _info(row: list[Any]) -> DialogInfo:
    """Return what ``_row`` gave.

    Raises:
        TypeError, ValueError: it is something else.
    """
    id_, direction, state, local, remote, name, event, code, (call_id, local_tag, remote_tag) = row
    return DialogInfo(
        str(id_), str(direction), str(state), str(local), str(remote), str(name), str(event), int(code),
        (str(call_id), str(local_tag), str(remote_tag)),
    )  # fmt: skip
