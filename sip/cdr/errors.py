"""Why the journal does not take a payload; apart from the journal, so that who appends need not import its threads."""

from __future__ import annotations


class JournalFull(Exception):
    """The disk has refused for so long that no more may wait in memory; a new call is answered 503."""


class JournalClosed(Exception):
    """The journal was closed; the node is going down."""
