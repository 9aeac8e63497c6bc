"""What a person must put right before a node can listen."""

from __future__ import annotations


class ListenError(Exception):
    """A listener cannot be had as the settings ask for it; the text is one line that says which and why."""


class TlsError(ListenError):
    """A certificate or a setting of TLS that cannot be used; the text says which and why."""
