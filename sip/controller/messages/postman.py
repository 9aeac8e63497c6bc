"""Delivering what was stored: at a user's next REGISTER, oldest first, one after the other (RFC 3428 §8)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sip.controller.location import Binding, Reason
from sip.controller.messages.delivery import ABSENT, Delivery
from sip.controller.messages.limits import ROUND_MAX, ROUNDS_MAX
from sip.controller.messages.page import PageMessage
from sip.controller.messages.store import MessageStore

if TYPE_CHECKING:
    from sip.controller.core import Core

log = logging.getLogger(__name__)


def install(core: Core, store: MessageStore) -> None:
    """Have what waits in ``store`` delivered when a user registers with this process."""
    postman = Postman(store)
    core.postman = postman

    def moved(
        username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        if after and store.has_waiting(username):
            postman.registered(core, username)

    core.locations.subscribe(moved, with_remote=False)


class _Round:
    """What is being delivered to one user."""

    __slots__ = ("is_wanted_again", "left", "username")

    def __init__(self, username: str) -> None:
        self.username = username
        self.left: list[PageMessage] = []
        self.is_wanted_again = False
        """Something was stored or the user registered while the round went on."""


class Postman:
    """The deliveries from the store of one process."""

    def __init__(self, store: MessageStore) -> None:
        self.store = store
        self._rounds: dict[str, _Round] = {}

    def is_busy(self, username: str) -> bool:
        """Tell whether stored messages are being delivered to a user."""
        return username in self._rounds

    def registered(self, core: Core, username: str) -> None:
        """Learn that a user can be reached: bring what waits."""
        if not self.store.has_waiting(username):
            return
        known = self._rounds.get(username)
        if known is not None:
            known.is_wanted_again = True
        elif len(self._rounds) < ROUNDS_MAX:
            round_ = _Round(username)
            self._rounds[username] = round_
            self._claim(core, round_)

    def _claim(self, core: Core, round_: _Round) -> None:
        round_.is_wanted_again = False
        self.store.claim(
            round_.username, ROUND_MAX, lambda found: core.post(lambda: self._claimed(core, round_, found))
        )

    def _claimed(self, core: Core, round_: _Round, found: Sequence[PageMessage]) -> None:
        round_.left = [message for message in found if message.expires_at > core.wall]
        for message in found:
            if message.expires_at <= core.wall:
                self.store.remove(message)
        if not found:
            self._end(core, round_)
        else:
            self._next(core, round_, len(found) == ROUND_MAX)

    def _next(self, core: Core, round_: _Round, has_more: bool) -> None:
        if not round_.left:
            round_.is_wanted_again = round_.is_wanted_again or has_more
            self._end(core, round_)
            return
        bindings = core.locations.bindings(round_.username, core.wall)
        if not bindings:
            round_.is_wanted_again = False
            self._end(core, round_)
            return
        message = round_.left.pop(0)
        Delivery(message, lambda status: self._delivered(core, round_, message, status, has_more)).start(core, bindings)

    def _delivered(self, core: Core, round_: _Round, message: PageMessage, status: int, has_more: bool) -> None:
        if status in ABSENT:
            round_.is_wanted_again = False
            self._end(core, round_)
            return
        if status != 200:
            # The phones will never take it; behind it others wait.
            log.warning("message %s is dropped: its recipient answers %d", message.id, status)
        self.store.remove(message)
        self._next(core, round_, has_more)

    def _end(self, core: Core, round_: _Round) -> None:
        if round_.is_wanted_again:
            self._claim(core, round_)
            return
        del self._rounds[round_.username]
        self.store.release(round_.username)
