"""Package ``dialog`` (RFC 4235): the calls of a colleague, for lamps and pick-up keys.

Only lines that are watched are followed: with no watcher ``core.call_watch`` is ``None`` and calls cost nothing.
"""

from __future__ import annotations

from typing import Final

from sip.controller.calls.call import Attempt, Call
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.changes import note_end, take_news
from sip.controller.events.limits import SUBSCRIPTION_S_MAX
from sip.controller.events.package import Terms
from sip.controller.events.people import colleague
from sip.controller.events.subscription import Subscription
from sip.stack.bodies import dialog_info
from sip.stack.bodies.dialog_info import DialogInfo
from sip.stack.message.uri import Uri

NAME: Final = "dialog"
_INTERVAL_S: Final = 1.0
"""RFC 4235 §3.10."""

_OVER: Final = frozenset({State.CLOSING, State.ENDED})


class DialogPackage:
    """The calls of watched lines."""

    def __init__(self) -> None:
        self.terms = Terms(NAME, dialog_info.CONTENT_TYPE, _INTERVAL_S, SUBSCRIPTION_S_MAX)
        self._lines: dict[str, dict[str, DialogInfo]] = {}
        """Watched lines by username, with their dialogs by id."""
        self._calls: dict[str, dict[str, str]] = {}
        """Calls of watched lines: username by dialog id."""

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Return the username of a colleague."""
        return colleague(core, watcher, user).username

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return all calls, or those that changed."""
        username = subscription.resource
        pieces = {key: str(info) for key, info in self._lines.get(username, {}).items()}
        is_full = subscription.needs_full
        news, over = take_news(subscription, pieces)
        version, subscription.version = subscription.version, subscription.version + 1
        entity = f"sip:{username}@{core.config.realm}"
        return dialog_info.compose(entity, version, is_full, [pieces[key] for key in news] + over)

    def watched(self, core: Core, resource: str) -> None:
        """Begin to follow a line; calls it is in already are looked for only if it has any."""
        self._lines[resource] = {}
        core.call_watch = lambda call, is_over: self.call_changed(core, call, is_over)
        line = core.directory.line_by_username(resource)
        if line is not None and core.line_calls[line.id]:
            for call in list(core.calls.values()):
                self._note(core, call, False)

    def unwatched(self, core: Core, resource: str) -> None:
        """Follow a line no longer."""
        for key in self._lines.pop(resource, {}):
            call_id = key.partition("-")[0]
            self._calls[call_id].pop(key, None)
            if not self._calls[call_id]:
                del self._calls[call_id]
        if not self._lines:
            core.call_watch = None

    def call_changed(self, core: Core, call: Call, is_over: bool) -> None:
        """Learn that a call began, rings, is tried elsewhere, is up or is over."""
        for username in self._note(core, call, is_over):
            notifying.resource_changed(core, NAME, username)

    def _note(self, core: Core, call: Call, is_over: bool) -> list[str]:
        """Bring the watched lines of a call up to date; returns those for which something changed."""
        was = self._calls.get(call.call_id, {})
        now = {} if is_over or call.state in _OVER else self._dialogs(core, call)
        if not was and not now:
            return []
        changed: dict[str, None] = {}
        for key, username in was.items():
            if key not in now:
                self._end(core, call, username, self._lines[username].pop(key))
                changed[username] = None
        for key, (username, info) in now.items():
            if self._lines[username].get(key) != info:
                self._lines[username][key] = info
                changed[username] = None
        self._calls[call.call_id] = {key: username for key, (username, _) in now.items()}
        if not now:
            del self._calls[call.call_id]
        return list(changed)

    def _dialogs(self, core: Core, call: Call) -> dict[str, tuple[str, DialogInfo]]:
        """Return the dialogs of a call that belong to watched lines."""
        found: dict[str, tuple[str, DialogInfo]] = {}
        lines, attempt = core.directory.lines, call.attempt
        caller = lines.get(call.offer.line_id) if call.offer.line_id is not None else None
        if caller is not None and caller.username in self._lines and not call.has_left(True):
            key = f"{call.call_id}-a{caller.id}"
            found[key] = (caller.username, _of_caller(core, call, key, caller))
        if attempt is None or attempt.target.kind != "line" or (attempt.closed and call.answered_at is None):
            return found
        callee = lines.get(attempt.target.id)
        if callee is not None and callee.username in self._lines and not call.has_left(False):
            key = f"{call.call_id}-b{callee.id}"
            found[key] = (callee.username, _of_callee(core, call, attempt, key, callee))
        return found

    def _end(self, core: Core, call: Call, username: str, info: DialogInfo) -> None:
        event, code = _end_of(call, info.direction == "initiator")
        piece = str(DialogInfo(info.id, info.direction, "terminated", event=event, code=code))
        for subscription in core.events.watchers(NAME, username):
            note_end(subscription, info.id, piece)


def _of_caller(core: Core, call: Call, key: str, line: LineEntry) -> DialogInfo:
    called = call.plan.called if call.plan is not None else call.offer.dialled
    state = "confirmed" if call.answered_at is not None else "early" if call.ringing_at is not None else "trying"
    dialog = ("", "", "")
    if call.answered_at is not None and call.a_leg is not None:
        dialog = (call.sip_call_id, call.from_tag, call.a_leg.dialog.local_tag)
    return DialogInfo(key, "initiator", state, _uri(core, line.username), _uri(core, called), "", "", 0, dialog)


def _of_callee(core: Core, call: Call, attempt: Attempt, key: str, line: LineEntry) -> DialogInfo:
    target = attempt.target
    state = "confirmed" if call.answered_at is not None else "early" if attempt.ringing_at is not None else "trying"
    dialog = ("", "", "")
    if call.answered_at is not None and call.b_leg is not None:
        theirs = call.b_leg.dialog
        dialog = (theirs.call_id, theirs.remote_tag, theirs.local_tag)
    elif attempt.ringing_at is not None:
        dialog = _ringing_dialog(attempt)
    remote = _uri(core, target.caller or "anonymous")
    return DialogInfo(key, "recipient", state, _uri(core, line.username), remote, target.caller_name, "", 0, dialog)


def _ringing_dialog(attempt: Attempt) -> tuple[str, str, str]:
    """Return the early dialog by which a ringing call can be picked up (RFC 3891), as the ringing phone knows it."""
    for branch in attempt.branches:
        for early in branch.earlies:
            if early.b_tag:
                return (branch.request.call_id, early.b_tag, branch.request.from_tag)
    return ("", "", "")


def _uri(core: Core, user: str) -> str:
    return str(Uri("sip", user, core.config.realm))


def _end_of(call: Call, is_caller: bool) -> tuple[str, int]:
    """Return how a dialog ended, as RFC 4235 §3.7.1 names it, and the status where there was one."""
    outcome = call.outcome
    if outcome is None:
        return "cancelled", 0  # The call goes on elsewhere: its INVITE to this line was taken back.
    if call.answered_at is not None:
        return ("local-bye" if (outcome.ended_by == "caller") is is_caller else "remote-bye"), 0
    return ("cancelled", 0) if outcome.status == 487 else ("rejected", outcome.status)
