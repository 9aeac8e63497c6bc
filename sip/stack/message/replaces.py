"""Replaces (RFC 3891 §6.1): the dialog whose place a new INVITE takes."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import Params, find_param, format_params, parse_params


@dataclass(frozen=True, slots=True)
class Replaces:
    """A dialog as who receives the INVITE knows it; ``parse`` and ``str`` are inverse."""

    call_id: str
    params: Params

    @classmethod
    def parse(cls, text: str) -> Replaces:
        """Read a value.

        Raises:
            ValueError: no Call-ID, not both tags, or a bad parameter.
        """
        call_id, semicolon, tail = text.partition(";")
        call_id = call_id.strip()
        if not call_id or len(call_id.split()) != 1:
            raise ValueError(f"Replaces: no Call-ID in {text!r}")
        value = cls(call_id, parse_params(semicolon + tail))
        if not value.to_tag or not value.from_tag:
            raise ValueError(f"Replaces: two tags expected in {text!r}")
        return value

    @property
    def to_tag(self) -> str:
        """Tag of who receives the INVITE."""
        return find_param(self.params, "to-tag") or ""

    @property
    def from_tag(self) -> str:
        """Tag of the party that is replaced."""
        return find_param(self.params, "from-tag") or ""

    @property
    def early_only(self) -> bool:
        """Tell whether a dialog that is confirmed must stay as it is (RFC 3891 §4)."""
        return find_param(self.params, "early-only") is not None

    @property
    def key(self) -> tuple[str, str, str]:
        """Call-ID, tag of the receiver, tag of its party: the key of the receiver's dialog."""
        return (self.call_id, self.to_tag, self.from_tag)

    def __str__(self) -> str:
        return f"{self.call_id}{format_params(self.params)}"
