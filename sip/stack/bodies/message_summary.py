"""The message summary (RFC 3842 §5): how many messages wait in a mailbox."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sip.stack.bodies.limits import SUMMARY_LINES_MAX

CONTENT_TYPE: Final = "application/simple-message-summary"

KINDS: Final = ("voice-message", "fax-message", "text-message", "video-message", "pager-message", "multimedia-message")
"""Message context classes (RFC 3458 §6.2) in the order they are written; ``none`` and unknown ones are dropped."""

_COUNTS: Final = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})(?:\s*\(\s*(\d{1,9})\s*/\s*(\d{1,9})\s*\))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Counts:
    """Messages of one kind."""

    new: int = 0
    old: int = 0
    new_urgent: int = 0
    """Of ``new``."""
    old_urgent: int = 0
    """Of ``old``."""

    def plus(self, other: Counts) -> Counts:
        """Return both together."""
        return Counts(
            self.new + other.new,
            self.old + other.old,
            self.new_urgent + other.new_urgent,
            self.old_urgent + other.old_urgent,
        )


@dataclass(frozen=True, slots=True)
class Summary:
    """A mailbox; ``parse`` and ``compose`` are inverse but for the account and headers of single messages."""

    waiting: bool
    """Messages-Waiting: there are new ones."""
    counts: tuple[tuple[str, Counts], ...] = ()
    """By kind; empty when only ``waiting`` is known."""

    @classmethod
    def of(cls, counts: dict[str, Counts]) -> Summary:
        """Return the summary of these counts."""
        rows = tuple([(kind, counts[kind]) for kind in KINDS if kind in counts])
        return cls(any(row.new for _, row in rows), rows)

    @classmethod
    def parse(cls, body: bytes) -> Summary:
        """Read a document.

        Raises:
            ValueError: no Messages-Waiting in its first line, bad counts, or too many lines.
        """
        lines = body.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        if len(lines) > SUMMARY_LINES_MAX:
            raise ValueError(f"message summary: more than {SUMMARY_LINES_MAX} lines")
        name, colon, value = lines[0].partition(":")
        answer = value.strip().lower()
        if name.strip().lower() != "messages-waiting" or not colon or answer not in ("yes", "no"):
            raise ValueError("message summary: no Messages-Waiting")
        counts: dict[str, Counts] = {}
        for line in lines[1:]:
            kind, colon, value = line.partition(":")
            kind = kind.strip().lower()
            if kind in KINDS and colon:
                counts[kind] = _counts(value.strip())
        return cls(answer == "yes", tuple([(kind, counts[kind]) for kind in KINDS if kind in counts]))

    def plus(self, other: Summary) -> Summary:
        """Return two mailboxes of one user as one."""
        counts = dict(self.counts)
        for kind, row in other.counts:
            counts[kind] = counts.get(kind, Counts()).plus(row)
        return Summary(self.waiting or other.waiting, tuple([(kind, counts[kind]) for kind in KINDS if kind in counts]))

    def compose(self, account: str) -> bytes:
        """Return the document for the mailbox ``account`` (a URI)."""
        lines = [f"Messages-Waiting: {'yes' if self.waiting else 'no'}", f"Message-Account: {account}"]
        for kind, row in self.counts:
            name = "-".join([word.capitalize() for word in kind.split("-")])
            lines.append(f"{name}: {row.new}/{row.old} ({row.new_urgent}/{row.old_urgent})")
        return "".join([line + "\r\n" for line in lines]).encode("utf-8", "replace")


def _counts(text: str) -> Counts:
    match = _COUNTS.fullmatch(text)
    if match is None:
        raise ValueError(f"message summary: bad counts {text[:40]!r}")
    return Counts(*[int(part or 0) for part in match.groups()])
