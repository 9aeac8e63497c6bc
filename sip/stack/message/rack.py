"""RAck (RFC 3262 §7.2): which reliable provisional response a PRACK is for."""

from __future__ import annotations

from dataclasses import dataclass

from sip.stack.message.grammar import is_token, parse_digits


@dataclass(frozen=True, slots=True)
class RAck:
    """The RSeq and the CSeq of the response; ``parse`` and ``str`` are inverse."""

    response_number: int
    """RSeq of the response, 1 to 2**32 - 1."""
    cseq_number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> RAck:
        """Read a value.

        Raises:
            ValueError: not two numbers and a method.
        """
        fields = text.split()
        if len(fields) != 3:
            raise ValueError(f"RAck: not two numbers and a method: {text!r}")
        if not is_token(fields[2]):
            raise ValueError(f"RAck: bad method in {text!r}")
        return cls(parse_rseq(fields[0]), parse_digits(fields[1], 2**31 - 1), fields[2])

    def __str__(self) -> str:
        return f"{self.response_number} {self.cseq_number} {self.method}"


def parse_rseq(text: str) -> int:
    """Read the number of a reliable provisional response (RSeq, RFC 3262 §7.1).

    Raises:
        ValueError: not 1 to 2**32 - 1.
    """
    number = parse_digits(text.strip(), 2**32 - 1)
    if number == 0:
        raise ValueError("RSeq: 0 is no number of a response")
    return number
