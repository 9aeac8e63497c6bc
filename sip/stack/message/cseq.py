"""CSeq (RFC 3261 §20.16)."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import is_token, parse_digits


@dataclass(frozen=True, slots=True)
class CSeq:
    """Sequence number and method; ``parse`` and ``str`` are inverse."""

    number: int
    """0 to 2**31 - 1 (RFC 3261 §8.1.1.5)."""
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read a value.

        Raises:
            ValueError: not a number below 2**31 and a method.
        """
        fields = text.split()
        if len(fields) != 2:
            raise ValueError(f"CSeq: not number and method: {text!r}")
        if not is_token(fields[1]):
            raise ValueError(f"CSeq: bad method in {text!r}")
        return cls(parse_digits(fields[0], 2**31 - 1), fields[1])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"
