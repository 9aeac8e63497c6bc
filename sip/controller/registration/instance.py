"""One phone of a line, as a GRUU means it."""

from __future__ import annotations

from dataclasses import dataclass

from sip.controller.directory import LineEntry


@dataclass(frozen=True, slots=True)
class Instance:
    """One phone of a line."""

    line: LineEntry
    id: str
    """``+sip.instance``, with angle brackets."""

    @property
    def number(self) -> str:
        """What the line is dialled by: the business routes numbers, not phones."""
        return self.line.extension or self.line.caller_number or self.line.username
