"""Bugs of ours that were caught before they could do more harm: all counted, each kind logged, a flood of one not.

Who catches decides what ends with the bug (a call, a message); here it is only written down. One line, so that a log
collector keeps it whole: what ended, the error, and the way to it.
"""

from __future__ import annotations

import logging
from types import TracebackType

from sip.stack.limits import BUG_FRAMES_MAX, BUG_KINDS_MAX, BUG_REPEAT_S, BUG_TEXT_CHARS_MAX


class BugLog:
    """Counts and logs bugs. ``now`` is in seconds on any one clock."""

    __slots__ = ("_log", "_silent_until", "_unsaid", "total")

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._silent_until: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}
        self.total = 0
        """All bugs caught since the start."""

    def note(self, error: Exception, ended: str, now: float) -> None:
        """Count a bug and log it, unless the same one was logged less than ``BUG_REPEAT_S`` ago.

        ``ended`` names what it ended: ``call 3f…``. The next line of the same kind says how many were left out.
        """
        self.total += 1
        way = _way(error.__traceback__)
        kind = f"{type(error).__name__} {way}"
        if now < self._silent_until.get(kind, now):
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        unsaid = self._unsaid.pop(kind, 0)
        self._remember(kind, now)
        text = " ".join(str(error).split())[:BUG_TEXT_CHARS_MAX]
        more = f" ({unsaid} more like it since it was logged last)" if unsaid else ""
        self._log.error("a bug ended %s: %s: %r%s; %s", ended, type(error).__name__, text, more, way)

    def _remember(self, kind: str, now: float) -> None:
        if len(self._silent_until) >= BUG_KINDS_MAX and kind not in self._silent_until:
            oldest = min(self._silent_until, key=lambda known: self._silent_until[known])
            del self._silent_until[oldest]
            self._unsaid.pop(oldest, None)
        self._silent_until[kind] = now + BUG_REPEAT_S


def _way(trace: TracebackType | None) -> str:
    """Return the innermost frames of a traceback, innermost first: ``hunting.py:53 hunt < core.py:86 fire``."""
    frames: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return " < ".join(reversed(frames[-BUG_FRAMES_MAX:]))
