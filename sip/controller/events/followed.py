"""Following the calls of lines somebody watches: each process its own calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sip.controller.calls.call import Attempt, Call
from sip.controller.calls.states import State
from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.stack.bodies.dialog_info import DialogInfo
from sip.stack.message.uri import Uri

_OVER: Final = frozenset({State.CLOSING, State.ENDED})

Told = Callable[[str, DialogInfo], None]
"""Takes a watched line's username and a dialog of it that is new, other, or terminated."""


class CallFollower:
    """Tells of each change of a watched line's calls. With no line watched ``core.call_watch`` is ``None``."""

    def __init__(self, core: Core, tell: Told) -> None:
        self._core = core
        self._tell = tell
        self._lines: set[str] = set()
        self._calls: dict[str, dict[str, tuple[str, DialogInfo]]] = {}
        """Calls of watched lines: username and dialog by dialog id."""

    def tell_to(self, tell: Told) -> None:
        """Tell somebody else."""
        self._tell = tell

    def watch(self, username: str) -> None:
        """Begin to follow a line; calls it is in already are looked for only if it has any."""
        core = self._core
        self._lines.add(username)
        core.call_watch = self.call_changed
        line = core.directory.line_by_username(username)
        if line is not None and core.line_calls[line.id]:
            for call in list(core.calls.values()):
                self.call_changed(call, False)

    def unwatch(self, username: str) -> None:
        """Follow a line no longer."""
        self._lines.discard(username)
        for call_id, there in list(self._calls.items()):
            kept = {key: row for key, row in there.items() if row[0] != username}
            if kept:
                self._calls[call_id] = kept
            else:
                del self._calls[call_id]
        if not self._lines:
            self._core.call_watch = None

    def unwatch_all(self) -> None:
        """Follow nothing."""
        self._lines.clear()
        self._calls.clear()
        self._core.call_watch = None

    def call_changed(self, call: Call, is_over: bool) -> None:
        """Learn that a call began, rings, is tried elsewhere, is up or is over."""
        was = self._calls.get(call.call_id, {})
        now = {} if is_over or call.state in _OVER else self._dialogs(call)
        if not was and not now:
            return
        self._calls[call.call_id] = now
        if not now:
            del self._calls[call.call_id]
        for key, (username, info) in was.items():
            if key not in now:
                event, code = _end_of(call, info.direction == "initiator")
                self._tell(username, replace(info, state="terminated", local="", event=event, code=code))
        for key, row in now.items():
            if was.get(key) != row:
                self._tell(*row)

    def _dialogs(self, call: Call) -> dict[str, tuple[str, DialogInfo]]:
        """Return the dialogs of a call that belong to watched lines."""
        found: dict[str, tuple[str, DialogInfo]] = {}
        core, attempt = self._core, call.attempt
        lines = core.directory.lines
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
